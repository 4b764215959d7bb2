import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { axisLayout, computeQuantParams } from '../../../src/core/quant/affine';
import type { Codes } from '../../../src/core/quant/integerTypes';
import { integerCodes, integerParams } from '../../../src/core/quant/integerWeight';
import { blockLayout, tensorLayout } from '../../../src/core/quant/layouts';
import type { IntegerTypeName, QuantParams } from '../../../src/core/quant/scheme';
import { decodeBase64, floatBits, floats } from '../decode';

type Options = [type: IntegerTypeName, symmetric: boolean, reduceRange: boolean];

interface Golden {
  inputs: Record<string, string>;
  perTensor: [input: string, ...Options, scaleBits: string, zeroPoint: number, codes: string][];
  ranges: [minAndMax: string, ...Options, minimum: number | null, scaleBits: string, zeroPoint: number][];
  givenScaleValues: string;
  givenScale: [type: IntegerTypeName, scaleBits: string, zeroPoint: number, codes: string][];
  blockedWeights: Record<string, { shape: number[]; data: string }>;
  blocked: [
    weight: string,
    axis: number,
    block: number,
    type: IntegerTypeName,
    symmetric: boolean,
    scales: string,
    zeroPoints: number[],
    codes: string,
  ][];
  weights: Record<string, { shape: number[]; axis: number; data: string }>;
  perChannel: [
    weight: string,
    ...Options,
    scales: string,
    zeroPoints: number[],
    codes: string,
    packed: string,
  ][];
}

const golden = JSON.parse(readFileSync(new URL('affine.json', import.meta.url), 'utf8')) as Golden;

function rangeOf(values: Float32Array): { min: number; max: number } {
  return values.length === 0 ? { min: 0, max: 0 } : { min: Math.min(...values), max: Math.max(...values) };
}

/** Codes with one scale and zero point. */
function wholeCodes(values: Float32Array, { scale, zeroPoint }: QuantParams, type: IntegerTypeName): Codes {
  const params = { scales: Float32Array.of(scale), zeroPoints: Int32Array.of(zeroPoint) };
  return integerCodes(values, tensorLayout([values.length]), params, type);
}

function codeBytes(codes: ArrayBufferView): Uint8Array {
  return new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
}

describe("scale, zero point and codes are bit-equal with ONNX Runtime's quantizer", () => {
  it.each(Object.keys(golden.inputs))('on %s', (name) => {
    const values = floats(golden.inputs[name] ?? '');
    const rows = golden.perTensor.filter(([input]) => input === name);
    expect(rows).toHaveLength(24);
    for (const [, type, symmetric, reduceRange, scaleBits, zeroPoint, codes] of rows) {
      const params = computeQuantParams(rangeOf(values), type, { symmetric, reduceRange });
      const label = { type, symmetric, reduceRange };
      expect({ ...label, scaleBits: floatBits(params.scale), zeroPoint: params.zeroPoint }).toEqual({
        ...label,
        scaleBits,
        zeroPoint,
      });
      expect(codeBytes(wholeCodes(values, params, type)), JSON.stringify(label)).toEqual(decodeBase64(codes));
    }
  });

  it('on given ranges, with and without a minimum width', () => {
    expect(golden.ranges.length).toBeGreaterThan(600);
    for (const [pair, type, symmetric, reduceRange, minimum, scaleBits, zeroPoint] of golden.ranges) {
      const [min = NaN, max = NaN] = floats(pair);
      const minimumRealRange = minimum ?? undefined;
      const got = computeQuantParams({ min, max }, type, { symmetric, reduceRange, minimumRealRange });
      const label = { min, max, type, symmetric, reduceRange, minimum };
      expect({ ...label, scaleBits: floatBits(got.scale), zeroPoint: got.zeroPoint }).toEqual({
        ...label,
        scaleBits,
        zeroPoint,
      });
    }
  });

  it('with a given scale: ties, saturation, infinities', () => {
    const values = floats(golden.givenScaleValues);
    expect(golden.givenScale).toHaveLength(120);
    for (const [type, scaleBits, zeroPoint, codes] of golden.givenScale) {
      const scale = new Float32Array(new Uint32Array([parseInt(scaleBits, 16)]).buffer)[0] ?? NaN;
      const got = wholeCodes(values, { scale, zeroPoint }, type);
      expect(codeBytes(got), `${type} scale ${scale} zero point ${zeroPoint}`).toEqual(decodeBase64(codes));
    }
  });

  it.each(Object.keys(golden.weights))('per channel on %s', (name) => {
    const weight = golden.weights[name] ?? { shape: [], axis: 0, data: '' };
    const values = floats(weight.data);
    const layout = axisLayout(weight.shape, weight.axis);
    const rows = golden.perChannel.filter(([of]) => of === name);
    expect(rows).toHaveLength(24);
    for (const [, type, symmetric, reduceRange, scales, zeroPoints, codes] of rows) {
      const params = integerParams(values, layout, type, { symmetric, reduceRange });
      const label = JSON.stringify({ type, symmetric, reduceRange });
      expect(params.scales, label).toEqual(floats(scales));
      expect(Array.from(params.zeroPoints), label).toEqual(zeroPoints);
      const got = integerCodes(values, layout, params, type);
      expect(codeBytes(got), label).toEqual(decodeBase64(codes));
    }
  });

  it('in blocks along either axis', () => {
    expect(golden.blocked).toHaveLength(48);
    for (const [name, axis, block, type, symmetric, scales, zeroPoints, codes] of golden.blocked) {
      const { shape, data } = golden.blockedWeights[name] ?? { shape: [], data: '' };
      const values = floats(data);
      const layout = blockLayout(shape, axis, block);
      const label = JSON.stringify({ axis, block, type, symmetric });
      const params = integerParams(values, layout, type, { symmetric });
      expect(params.scales, label).toEqual(floats(scales));
      expect(Array.from(params.zeroPoints), label).toEqual(zeroPoints);
      expect(codeBytes(integerCodes(values, layout, params, type)), label).toEqual(decodeBase64(codes));
    }
  });
});

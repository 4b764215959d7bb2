import { describe, expect, it } from 'vitest';
import { quantizationDetails } from '../../../../src/core/graph/quantization/details';
import { weightFormatOf } from '../../../../src/core/graph/quantization/weightFormat';
import { floatTensor, makeTensor } from '../../../../src/core/onnx/build';
import { DataType, type Model } from '../../../../src/core/onnx/types';
import type { QuantizationDetails, StoredFormat } from '../../../../src/core/results';
import { modelOf, study, zeros } from '../support';
import * as forms from './forms';

function detailsOf(model: Model, name?: string): Promise<QuantizationDetails> {
  const { index, shapes, layers, others } = study(model);
  const row = [...layers, ...others].find((each) => each.name === (name ?? layers[0]?.name));
  if (!row) throw new Error(`no row ${name}`);
  return quantizationDetails(index, shapes, row);
}

function storedOf(model: Model): StoredFormat | undefined {
  const { index, shapes, layers } = study(model);
  const [layer] = layers;
  return layer && weightFormatOf(index, shapes, layer)?.stored;
}

const one = (value: number) => ({ count: 1, min: value, max: value });
const input = { value: 'xq', dtype: 'uint8', dynamic: false, scale: one(0.5), zeroPoint: one(7) };

describe('quantizationDetails(index, shapes, layer)', () => {
  it('Q/DQ per channel, with the pairs around the layer', async () => {
    expect(await detailsOf(forms.qdqConv())).toEqual({
      layer: 'conv',
      weight: {
        badge: 'int8',
        via: 'dequantize',
        granularity: { kind: 'per-channel', axis: 0, scales: 3 },
        codebook: null,
        dtype: 'int8',
        scale: { count: 3, min: 0.125, max: 0.75 },
        zeroPoint: { count: 3, min: 0, max: 0 },
        entries: null,
      },
      inputs: [input],
      // Of the Relu that the runtime fuses into the layer.
      output: { ...input, value: 'rq' },
    });
  });

  it('rows without a weight', async () => {
    expect(await detailsOf(forms.qdqConv(), 'pool')).toEqual({
      layer: 'pool',
      weight: null,
      inputs: [{ ...input, value: 'rq' }],
      output: { ...input, value: 'pq' },
    });
  });

  it('integer operators: scales are operands', async () => {
    const output = { value: 'cq', dtype: 'uint8', dynamic: false, scale: one(0.0625), zeroPoint: one(9) };
    expect(await detailsOf(forms.qOperator())).toMatchObject({
      weight: {
        badge: 'int8',
        via: 'qlinear',
        granularity: { kind: 'per-channel', axis: 0, scales: 3 },
        scale: { count: 3, min: 0.125, max: 0.75 },
        zeroPoint: { count: 3, min: 0, max: 0 },
      },
      inputs: [input],
      output,
    });
    expect(await detailsOf(forms.qOperator(), 'add')).toMatchObject({
      weight: null,
      inputs: [output, output],
      output: { ...input, value: 'sq' },
    });
  });

  it('the dynamic chain: the scale of the weight stands behind the sums', async () => {
    expect(await detailsOf(forms.dynamic())).toMatchObject({
      weight: { badge: 'int8', via: 'qlinear', granularity: { kind: 'per-tensor' }, scale: one(0.25) },
      inputs: [{ value: 'xq', dtype: 'uint8', dynamic: true, scale: null, zeroPoint: null }],
      output: null,
    });
  });

  it('blocks, codebooks and half precision', async () => {
    expect((await detailsOf(forms.blockedInt4())).weight).toMatchObject({
      badge: 'int4',
      granularity: { kind: 'blocked', axis: 0, blockSize: 32, scales: 20 },
      scale: { count: 20, min: Math.fround(0.01), max: Math.fround(0.2) },
      // None is stored.
      zeroPoint: one(0),
    });
    expect((await detailsOf(forms.codebook())).weight).toMatchObject({
      badge: 'lut5',
      via: 'codebook',
      dtype: 'uint4',
      granularity: { kind: 'per-channel', axis: 1, scales: 10 },
      codebook: { entries: 5, bits: 4 },
      scale: { count: 10, min: 1, max: 10 },
      zeroPoint: null,
      entries: [-1, -0.5, 0, 0.5, 2],
    });
    expect((await detailsOf(forms.groupedCodebook())).weight).toMatchObject({
      badge: 'lut4',
      granularity: { kind: 'per-group', groups: 2 },
      codebook: { entries: 4, bits: 4 },
      scale: null,
      entries: [-1, 0, 1, 2, -8, 0, 4, 16],
    });
    expect((await detailsOf(forms.castHalf())).weight).toMatchObject({
      badge: 'float16',
      via: 'cast',
      granularity: null,
      scale: null,
      zeroPoint: null,
    });
  });

  it('MatMulNBits: zero points are packed column by column, and the middle when absent', async () => {
    expect((await detailsOf(forms.nBits(false))).weight).toMatchObject({
      badge: 'uint4',
      via: 'matmulnbits',
      granularity: { kind: 'blocked', axis: 0, blockSize: 32, scales: 30 },
      scale: { count: 30, min: Math.fround(0.01), max: Math.fround(0.3) },
      zeroPoint: one(8),
    });
    expect((await detailsOf(forms.nBits(true))).weight?.zeroPoint).toEqual({ count: 30, min: 3, max: 9 });
  });

  it('has no number for scales that are not finite', async () => {
    const model = forms.matMul(
      [forms.int8('codes', [64, 10]), forms.float('s', [NaN], [])],
      [{ opType: 'DequantizeLinear', input: ['codes', 's'], output: ['w'] }],
    );
    expect((await detailsOf(model)).weight).toMatchObject({ badge: 'int8', scale: null });
  });

  it('tables of codes that are dequantized after reading', async () => {
    expect(await detailsOf(forms.table())).toMatchObject({
      layer: 'embedding',
      weight: { badge: 'int8', granularity: { kind: 'per-tensor' }, scale: one(0.5), zeroPoint: one(0) },
      output: null,
    });
  });

  it('of a float layer says nothing', async () => {
    const model = forms.matMul([floatTensor('w', new Float32Array(640), [64, 10])], []);
    expect(await detailsOf(model)).toEqual({ layer: 'product', weight: null, inputs: [], output: null });
  });
});

describe('weightFormatOf(index, shapes, layer)', () => {
  it('one scale per kernel, whatever the rank of the codes', () => {
    expect(storedOf(forms.perKernel())?.granularity).toEqual({ kind: 'per-kernel', scales: 12 });
    const scaled = modelOf({
      inputs: { x: [1, 3, 5, 5] },
      initializer: [
        forms.uint8('codes', [4, 3, 2, 2]),
        forms.float('table', [0, 1]),
        forms.float(
          's',
          Array.from({ length: 12 }, () => 1),
          [4, 3, 1, 1],
        ),
      ],
      nodes: [
        { opType: 'Cast', input: ['codes'], output: ['i'], attributes: { to: { int: DataType.INT32 } } },
        { opType: 'Gather', input: ['table', 'i'], output: ['g'] },
        { opType: 'Mul', input: ['s', 'g'], output: ['w'] },
        { opType: 'Conv', input: ['x', 'w'], output: ['y'] },
      ],
    });
    expect(storedOf(scaled)).toMatchObject({
      badge: 'lut2',
      granularity: { kind: 'per-kernel', scales: 12 },
    });
  });

  it('a float weight behind Q/DQ has the type of the pair', () => {
    expect(storedOf(forms.fakeQuantized())).toMatchObject({
      badge: 'int8',
      granularity: { kind: 'per-tensor' },
    });
  });

  it('the default axis is 1, and counts from the end when negative', () => {
    const along = (axis: number | undefined) =>
      storedOf(
        forms.matMul(
          [
            forms.int8('codes', [64, 10]),
            forms.float(
              's',
              Array.from({ length: 10 }, () => 1),
            ),
          ],
          [
            {
              opType: 'DequantizeLinear',
              input: ['codes', 's'],
              output: ['w'],
              attributes: axis === undefined ? {} : { axis: { int: axis } },
            },
          ],
        ),
      )?.granularity;
    expect(along(undefined)).toEqual({ kind: 'per-channel', axis: 1, scales: 10 });
    expect(along(-1)).toEqual({ kind: 'per-channel', axis: 1, scales: 10 });
  });

  it('half precision without a Cast, and no reading of payloads', () => {
    const half = makeTensor('w', DataType.FLOAT16, [64, 10], new Uint8Array(1280));
    expect(storedOf(forms.matMul([half], []))).toEqual({
      badge: 'float16',
      via: 'float',
      granularity: null,
      codebook: null,
    });
    const unreadable = {
      ...zeros('s', DataType.FLOAT, [10], 40),
      rawData: { byteLength: 40, read: () => Promise.reject(new Error('read')) },
    };
    const model = forms.matMul(
      [forms.int8('codes', [64, 10]), unreadable],
      [{ opType: 'DequantizeLinear', input: ['codes', 's'], output: ['w'] }],
    );
    expect(storedOf(model)?.granularity).toEqual({ kind: 'per-channel', axis: 1, scales: 10 });
  });
});

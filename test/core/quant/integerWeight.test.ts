import { describe, expect, it } from 'vitest';
import { axisLayout, computeQuantParams } from '../../../src/core/quant/affine';
import {
  integerCodes,
  integerParams,
  integerValues,
  roundedValues,
  type IntegerOptions,
  type LocalWeightRule,
} from '../../../src/core/quant/integerWeight';
import {
  blockLayout,
  gatherSlices,
  kernelLayout,
  sliceCount,
  tensorLayout,
} from '../../../src/core/quant/layouts';
import { codeRange } from '../../../src/core/quant/integerTypes';
import type { IntegerTypeName } from '../../../src/core/quant/scheme';
import { integerStoredGrid } from '../../../src/core/quant/storedGrid';
import { normalNoise } from '../../support/random';

const f32 = Math.fround;

/** What `integerParams` and `integerCodes` make of one slice. */
function quantized(values: Float32Array, type: IntegerTypeName, options: IntegerOptions) {
  const layout = tensorLayout([values.length]);
  const params = integerParams(values, layout, type, options);
  const codes = integerCodes(values, layout, params, type);
  const back = integerValues(codes, layout, params);
  const error = values.reduce((sum, w, i) => sum + (w - (back[i] ?? NaN)) ** 2, 0);
  return { scale: params.scales[0] ?? NaN, zeroPoint: params.zeroPoints[0], codes: Array.from(codes), error };
}

describe('integerCodes', () => {
  const one = { scales: Float32Array.of(1), zeroPoints: Int32Array.of(1) };

  it('rounds before it adds the zero point, and clips to the full range', () => {
    const values = Float32Array.of(0.5, 1.5, 2.5, -0.5, 1000, -1000);
    expect(Array.from(integerCodes(values, tensorLayout([6]), one, 'int8'))).toEqual([1, 3, 3, 1, 127, -128]);
  });

  it('divides in float32', () => {
    // In double the quotient is just below 2.5; in float32 it is 2.5, which rounds to 2.
    const params = { scales: Float32Array.of(0.1), zeroPoints: Int32Array.of(0) };
    const value = Float32Array.of(f32(2.5) * f32(0.1));
    expect(integerCodes(value, tensorLayout([1]), params, 'int8')[0]).toBe(2);
  });

  it('clips infinities and refuses NaN', () => {
    const infinities = integerCodes(Float32Array.of(Infinity, -Infinity), tensorLayout([2]), one, 'uint8');
    expect(Array.from(infinities)).toEqual([255, 0]);
    expect(() => integerCodes(Float32Array.of(NaN), tensorLayout([1]), one, 'uint8')).toThrow(/NaN/);
  });

  it.each([
    ['the first axis', axisLayout([6, 10, 2], 0)],
    ['the middle axis', axisLayout([6, 10, 2], 1)],
    ['the last axis', axisLayout([6, 10, 2], 2)],
    ['kernels', kernelLayout([6, 10, 2])],
    ['blocks of rows', blockLayout([12, 10], 0, 5)],
    ['blocks of columns', blockLayout([12, 10], 1, 4)],
  ])('makes of %s what each slice alone gives', (_, layout) => {
    const values = normalNoise(120, 8);
    for (const rule of ['max', 'narrow', 'signed', 'mse', 'percentile:90', 'fixed:1.5'] as const) {
      const params = integerParams(values, layout, 'int4', { symmetric: true, rule });
      const back = integerValues(integerCodes(values, layout, params, 'int4'), layout, params);
      const slices = gatherSlices(values, layout);
      const ours = gatherSlices(back, layout);
      for (let slice = 0; slice < sliceCount(layout); slice++) {
        const own = slices.values.slice(slices.starts[slice], slices.starts[slice + 1]);
        const { scale, codes } = quantized(own, 'int4', { symmetric: true, rule });
        expect(params.scales[slice]).toBe(scale);
        expect(ours.values.slice(slices.starts[slice], slices.starts[slice + 1])).toEqual(
          Float32Array.from(codes, (code) => code * scale),
        );
      }
    }
  });
});

describe('integerParams', () => {
  const lopsided = Float32Array.of(-1, -0.25, 0.5, 2);

  it.each([
    ['int4', 'max', 2 / 7.5, 0, [-4, -1, 2, 7]],
    ['int4', 'narrow', 2 / 7, 0, [-3, -1, 2, 7]],
    ['int4', 'signed', -2 / 8, 0, [4, 1, -2, -8]],
    ['uint4', 'signed', -2 / 8, 8, [12, 9, 6, 0]],
    ['uint4', 'narrow', 2 / 7, 8, [5, 7, 10, 15]],
    ['int8', 'narrow', 2 / 127, 0, [-64, -16, 32, 127]],
    ['int8', 'signed', -2 / 128, 0, [64, 16, -32, -128]],
    ['int4', 'fixed:1', 1 / 7.5, 0, [-7, -2, 4, 7]],
  ] as const)('%s %s', (type, rule, scale, zeroPoint, codes) => {
    expect(quantized(lopsided, type, { symmetric: true, rule })).toMatchObject({
      scale: f32(scale),
      zeroPoint,
      codes: [...codes],
    });
  });

  it('signed: a weight whose longer tail is negative keeps a positive scale', () => {
    const mirrored = lopsided.map((w) => -w);
    const { scale, codes } = quantized(mirrored, 'int4', { symmetric: true, rule: 'signed' });
    expect([scale, codes]).toEqual([0.25, [4, 1, -2, -8]]);
    expect(quantized(lopsided, 'int4', { symmetric: true, rule: 'signed' }).error).toBe(0);
  });

  it('narrow and signed have as little range as `reduceRange` leaves', () => {
    const options = { symmetric: true, reduceRange: true };
    expect(quantized(lopsided, 'int4', { ...options, rule: 'signed' }).scale).toBe(-2 / 4);
    expect(quantized(lopsided, 'int4', { ...options, rule: 'narrow' }).scale).toBe(f32(2 / 3));
    expect(quantized(lopsided, 'uint8', { ...options, rule: 'narrow' })).toMatchObject({
      scale: f32(2 / 63),
      zeroPoint: 64,
    });
  });

  it.each(['mse', 'percentile:90', 'fixed:0.5', 'narrow', 'signed'] as const)(
    '%s: clips to what `reduceRange` leaves, as the grid does that codes are chosen from',
    (rule) => {
      const values = normalNoise(512, 3);
      const layout = tensorLayout([512]);
      for (const type of ['int8', 'uint8', 'int4'] as const) {
        const params = integerParams(values, layout, type, { symmetric: false, reduceRange: true, rule });
        const codes = integerCodes(values, layout, params, type);
        const [low, high] = codeRange(type, { symmetric: false, reduceRange: true });
        expect(Math.min(...codes)).toBeGreaterThanOrEqual(low);
        expect(Math.max(...codes)).toBeLessThanOrEqual(high);
        const grid = integerStoredGrid(layout, params, type, true);
        expect(Array.from(codes)).toEqual(Array.from(values, (value, at) => grid.codeOf(at, value)));
        const back = roundedValues(values, layout, params, type);
        expect(back).toEqual(integerValues(codes, layout, params));
      }
    },
  );

  it('percentile: interpolates, and 100 is max', () => {
    const values = Float32Array.from({ length: 101 }, (_, i) => i - 20);
    const at = (percent: number, symmetric: boolean) =>
      integerParams(values, tensorLayout([101]), 'uint8', { symmetric, rule: `percentile:${percent}` });
    const expected = (min: number, max: number) =>
      computeQuantParams({ min, max }, 'uint8', { symmetric: false });
    expect(at(90, false).scales[0]).toBe(expected(-15, 75).scale);
    expect(at(90, false).zeroPoints[0]).toBe(expected(-15, 75).zeroPoint);
    expect(at(100, false).scales[0]).toBe(expected(-20, 80).scale);
    // |x|: 0, twice 1 to 20, 21 to 80; place 89.5 of 0 to 100 lies halfway between 69 and 70.
    expect(at(89.5, true).scales[0]).toBe(f32(139 / 255));
  });

  it.each(['mse', 'max', 'percentile:99', 'signed', 'narrow'] as const)('%s: zeros have scale 1', (rule) => {
    expect(quantized(new Float32Array(3), 'uint4', { symmetric: true, rule })).toMatchObject({
      scale: 1,
      error: 0,
    });
  });

  it.each([
    ['normal', normalNoise(5000, 1)],
    ['with outliers', normalNoise(5000, 2).map((w, i) => (i % 500 === 0 ? 8 * w : w))],
    ['lopsided', normalNoise(5000, 3).map((w) => Math.exp(w) - 0.5)],
    ['positive', normalNoise(5000, 4).map((w) => 3 + w / 2)],
    ['a kernel of nine', normalNoise(9, 5)],
  ])('mse: no other range has less error (%s)', (_, values) => {
    const min = values.reduce((a, b) => Math.min(a, b), 0);
    const max = values.reduce((a, b) => Math.max(a, b), 0);
    for (const type of ['int4', 'int8', 'uint4'] as const) {
      for (const symmetric of [true, false]) {
        const { error } = quantized(values, type, { symmetric, rule: 'mse' });
        const rules: LocalWeightRule[] = ['max', 'percentile:99', 'percentile:99.9'];
        if (symmetric) rules.push('narrow');
        for (let f = 1; f > 0.1; f *= 0.99) rules.push(`fixed:${Math.max(-min, max) * f}`);
        for (const rule of rules) {
          expect(error, `${type} ${symmetric} ${rule}`).toBeLessThanOrEqual(
            quantized(values, type, { symmetric, rule }).error * 1.01,
          );
        }
      }
    }
  });

  it('mse: gains what clipping a normal weight to 4 bits is known to gain', () => {
    const values = normalNoise(40_000, 6);
    const energy = values.reduce((sum, w) => sum + w * w, 0);
    const sqnr = (rule: LocalWeightRule) =>
      10 * Math.log10(energy / quantized(values, 'int4', { symmetric: true, rule }).error);
    // The best uniform 16 levels reach 20.2 dB, with a code at zero and one more below it slightly less.
    expect(sqnr('mse')).toBeGreaterThan(19);
    expect(sqnr('mse')).toBeLessThan(20.3);
    expect(sqnr('mse') - sqnr('max')).toBeGreaterThan(2);
  });

  it('float16 scales are rounded, and refused where float16 cannot hold them', () => {
    const options = { symmetric: true, scaleType: 'float16' } as const;
    for (const rule of ['max', 'mse', 'signed'] as const) {
      const { scale } = quantized(normalNoise(64, 7), 'int4', { ...options, rule });
      expect(new Float32Array(1).fill(scale)[0]).toBe(f32(scale));
      expect((scale * 2 ** 11) % 2 ** Math.floor(Math.log2(Math.abs(scale)))).toBeCloseTo(0, 12);
    }
    expect(() => quantized(Float32Array.of(1e-9), 'int8', options)).toThrow(/float16/);
  });
});

/** Defects of ONNX Runtime 1.30's quantization tool that live in numbers, and what is right instead. */
import { describe, expect, it } from 'vitest';
import { axisLayout, computeQuantParams } from '../../../src/core/quant/affine';
import { HISTOGRAM_BINS, StreamingHistogram } from '../../../src/core/quant/histogram';
import { integerCodes, integerParams, integerValues } from '../../../src/core/quant/integerWeight';
import { blockLayout, forEachRun, tensorLayout, type SliceLayout } from '../../../src/core/quant/layouts';
import { rangeFromHistogram } from '../../../src/core/quant/ranges';
import { normalNoise } from '../../support/random';

const uint8 = { type: 'uint8', symmetric: false } as const;
const int8 = { type: 'int8', symmetric: true } as const;

/** Σ (w − Q(w))² / Σ w² of int4 weights in slices of `layout`. */
function relativeError(values: Float32Array, layout: SliceLayout): number {
  const params = integerParams(values, layout, 'int4', { symmetric: true });
  const back = integerValues(integerCodes(values, layout, params, 'int4'), layout, params);
  const error = values.reduce((sum, w, i) => sum + (w - (back[i] ?? 0)) ** 2, 0);
  return error / values.reduce((sum, w) => sum + w * w, 0);
}

describe('Entropy with the default bins is MinMax', () => {
  it('ours looks at the distribution', () => {
    const histogram = new StreamingHistogram('x');
    histogram.add(normalNoise(20_000, 1).map((x, i) => (i === 5 ? 100 : x)));
    for (const target of [uint8, int8]) {
      expect(rangeFromHistogram(histogram, 'entropy', target).max).toBeLessThan(10);
    }
  });
});

describe('float16 weights of a small range become zeros', () => {
  it.each([5e-3, 1e-3, 1e-4])('a range of ±%f keeps its codes', (size) => {
    const values = normalNoise(500, 2).map((w) => (w * size) / 4);
    const layout = tensorLayout([500]);
    const options = { symmetric: true, scaleType: 'float16' } as const;
    const params = integerParams(values, layout, 'int8', options);
    // Below 2^-14, the smallest normal float16, the tool takes scale 1.
    const largest = values.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
    const scale = params.scales[0] ?? NaN;
    expect(scale).toBeLessThan(2 ** -14);
    expect(Math.abs(scale - largest / 127)).toBeLessThanOrEqual(2 ** -25);
    const codes = integerCodes(values, layout, params, 'int8');
    expect(new Set(codes).size).toBeGreaterThan(size > 1e-3 ? 100 : 10);
    integerValues(codes, layout, params).forEach((back, i) => {
      // Half a step, and half of the last place of the scale for each step.
      expect(Math.abs(back - (values[i] ?? NaN))).toBeLessThanOrEqual(scale / 2 + 128 * 2 ** -25);
    });
  });

  it('refuses a scale that float16 cannot hold', () => {
    const params = () =>
      computeQuantParams({ min: -1e-7, max: 1e-7 }, 'int8', { symmetric: true, scaleType: 'float16' });
    expect(params).toThrow(/outside float16/);
  });
});

describe('per channel and blocked, a MatMul has its blocks along N', () => {
  const [inputs, outputs] = [64, 6];
  /** [K, N]: output channels of very different size. */
  const values = normalNoise(inputs * outputs, 3).map((w, i) => w * 10 ** (i % outputs));

  it('ours run along K, so that no output channel shares a scale with another', () => {
    const layout = blockLayout([inputs, outputs], 0, 16);
    const columns = new Map<number, Set<number>>();
    forEachRun(layout, (start, end, slice, step) => {
      for (let i = start; i < end; i++) {
        const at = slice + step * (i - start);
        columns.set(at, (columns.get(at) ?? new Set()).add(i % outputs));
      }
    });
    expect(columns.size).toBe((inputs / 16) * outputs);
    for (const [slice, own] of columns) expect([...own]).toEqual([slice % outputs]);
  });

  it('which lowers the error of the small channels instead of losing them', () => {
    const smallest = (layout: SliceLayout) => {
      const params = integerParams(values, layout, 'int4', { symmetric: true });
      const back = integerValues(integerCodes(values, layout, params, 'int4'), layout, params);
      return back.filter((_, i) => i % outputs === 0).every((w) => w === 0);
    };
    expect(smallest(blockLayout([inputs, outputs], 1, outputs))).toBe(true);
    expect(smallest(blockLayout([inputs, outputs], 0, 16))).toBe(false);
    const perChannel = relativeError(values, axisLayout([inputs, outputs], 1));
    expect(relativeError(values, blockLayout([inputs, outputs], 0, 16))).toBeLessThan(perChannel);
  });
});

describe('percentiles take the left edge of a bin, and 100 still trims', () => {
  // 0.5, 1.5, … 9999.5: percentile P of the values is 100·P.
  const even = Float32Array.from({ length: 10_000 }, (_, i) => i + 0.5);
  const bothSides = even.map((x, i) => (i % 2 === 0 ? x : -x));

  it('100 is the extremes', () => {
    for (const values of [even, bothSides]) {
      const histogram = new StreamingHistogram('x');
      histogram.add(values);
      const asymmetric = rangeFromHistogram(histogram, 'percentile:100', uint8);
      expect(asymmetric).toEqual({ min: histogram.min, max: histogram.max });
      const symmetric = rangeFromHistogram(histogram, 'percentile:100', int8);
      expect(Math.max(-symmetric.min, symmetric.max)).toBe(9999.5);
      const params = integerParams(values, tensorLayout([10_000]), 'int8', {
        symmetric: true,
        rule: 'percentile:100',
      });
      expect(params.scales[0]).toBe(Math.fround(9999.5 / 127));
    }
  });

  it('interpolates: no further from the percentile than one value', () => {
    const histogram = new StreamingHistogram('x');
    histogram.add(even);
    for (const percent of [60, 90, 99, 99.9, 99.99]) {
      const { max } = rangeFromHistogram(histogram, `percentile:${percent}`, int8);
      expect(Math.abs(max - 100 * percent)).toBeLessThanOrEqual(1);
    }
  });
});

describe('histograms need samples of equal shape, and all of them in memory', () => {
  it('ours take samples of any size, in any order, with the same result as all at once', () => {
    const values = normalNoise(30_000, 4).map((x, i) => x * (1 + i / 1000));
    const whole = new StreamingHistogram('x');
    whole.add(values);
    const parts = [
      values.slice(0, 1),
      values.slice(1, 20_000),
      values.slice(20_000, 20_017),
      values.slice(20_017),
    ];
    for (const order of [parts, parts.toReversed()]) {
      const streamed = new StreamingHistogram('x');
      for (const part of order) streamed.add(part);
      expect(streamed.positive).toEqual(whole.positive);
      expect(streamed.negative).toEqual(whole.negative);
      expect(streamed.positive.length + streamed.negative.length).toBeLessThanOrEqual(HISTOGRAM_BINS);
      for (const rule of ['max', 'percentile:99.9', 'mse', 'entropy'] as const) {
        expect(rangeFromHistogram(streamed, rule, uint8)).toEqual(rangeFromHistogram(whole, rule, uint8));
      }
    }
  });
});

import { describe, expect, it } from 'vitest';
import { StreamingHistogram } from '../../../src/core/quant/histogram';
import { absoluteQuantile, quantile, rangeFromHistogram } from '../../../src/core/quant/ranges';
import type { Range } from '../../../src/core/quant/scheme';
import { normalNoise } from '../../support/random';

const uint8 = { type: 'uint8', symmetric: false } as const;
const int8 = { type: 'int8', symmetric: true } as const;

function histogramOf(values: Float32Array): StreamingHistogram {
  const histogram = new StreamingHistogram('x');
  for (let i = 0; i < values.length; i += 1000) histogram.add(values.subarray(i, i + 1000));
  return histogram;
}

/** Squared error of uint8 asymmetric or int8 symmetric quantization, element by element, by the definition. */
function measuredError(values: Float32Array, { min, max }: Range, symmetric: boolean): number {
  const low = symmetric ? -Math.max(-min, max) : Math.min(0, min);
  const high = symmetric ? -low : Math.max(0, max);
  const scale = (high - low) / (symmetric ? 254 : 255);
  const zero = symmetric ? 0 : Math.round(-low / scale);
  const [first, last] = symmetric ? [-128, 127] : [0, 255];
  return values.reduce((sum, x) => {
    const code = Math.min(last, Math.max(first, Math.round(x / scale) + zero));
    return sum + (x - (code - zero) * scale) ** 2;
  }, 0);
}

/** The reference tool's golden input: x_i = f32(sin(i)·i / 100). Its 2,048 bins over ±99.92 are about 0.0976 wide. */
const golden = Float32Array.from({ length: 10_000 }, (_, i) => (Math.sin(i) * i) / 100);
const bin = (2 * 99.92363) / 2048;

describe('rangeFromHistogram(histogram, rule, target)', () => {
  it('gives the observed extremes for max and for percentile 100', () => {
    const extremes = { min: Math.min(...golden), max: Math.max(...golden) };
    expect(extremes.min).toBeCloseTo(-99.92363, 5);
    expect(rangeFromHistogram(histogramOf(golden), 'max', uint8)).toEqual(extremes);
    expect(rangeFromHistogram(histogramOf(golden), 'percentile:100', uint8)).toEqual(extremes);
    expect(rangeFromHistogram(histogramOf(golden), 'percentile:100', int8)).toEqual(extremes);
  });

  it('is within one bin of the reference tool at percentile 99.9', () => {
    const symmetric = rangeFromHistogram(histogramOf(golden), 'percentile:99.9', int8);
    expect(Math.abs(symmetric.max - 98.55748749)).toBeLessThan(bin);
    expect(symmetric.min).toBe(-symmetric.max);
    const asymmetric = rangeFromHistogram(histogramOf(golden), 'percentile:99.9', uint8);
    expect(Math.abs(asymmetric.min + 98.65506744)).toBeLessThan(bin);
    expect(Math.abs(asymmetric.max - 98.55747986)).toBeLessThan(bin);
  });

  it('never passes the observed extremes', () => {
    const relu = normalNoise(10_000, 1).map((x) => Math.max(0, x));
    const range = rangeFromHistogram(histogramOf(relu), 'percentile:99', int8);
    expect(range.min).toBe(0);
    expect(range.max).toBeGreaterThan(0);
  });

  it.each([
    ['a normal distribution', normalNoise(20_000, 2)],
    [
      'a rectified one with an outlier',
      normalNoise(20_000, 3).map((x, i) => (i === 77 ? 60 : Math.max(0, x))),
    ],
    ['a lopsided one', normalNoise(20_000, 4).map((x, i) => (i % 999 === 0 ? -20 : Math.exp(x)))],
    ['a negative one', normalNoise(20_000, 5).map((x) => -Math.exp(2 * x))],
  ])('mse: no other range tried makes less error on %s', (_, values) => {
    for (const target of [uint8, int8]) {
      const histogram = histogramOf(values);
      const best = measuredError(values, rangeFromHistogram(histogram, 'mse', target), target.symmetric);
      const { min, max } = histogram;
      const others: Range[] = [rangeFromHistogram(histogram, 'percentile:99.99', target)];
      for (let f = 1; f > 0.05; f *= 0.96) {
        others.push({ min: min * f, max: max * f }, { min: min * f, max }, { min, max: max * f });
      }
      for (const other of others) {
        expect(best).toBeLessThanOrEqual(measuredError(values, other, target.symmetric) * 1.01);
      }
    }
  });

  it('gives a range for zeros only', () => {
    for (const rule of ['max', 'mse', 'percentile:99.9'] as const) {
      const range = rangeFromHistogram(histogramOf(new Float32Array(5)), rule, uint8);
      expect([Math.abs(range.min), Math.abs(range.max)]).toEqual([0, 0]);
    }
  });

  it('refuses an empty histogram and a wrong percentile', () => {
    expect(() => rangeFromHistogram(new StreamingHistogram('y'), 'max', uint8)).toThrow(
      /"y" has no elements/,
    );
    expect(() => rangeFromHistogram(histogramOf(golden), 'percentile:101', uint8)).toThrow(
      /percentile must be/,
    );
  });
});

describe('quantile(histogram, q)', () => {
  it('is within a bin of the sorted array', () => {
    const values = normalNoise(9_999, 6).map((x, i) => (i % 4 === 0 ? 0 : x * 5 - 1));
    const sorted = values.toSorted();
    const magnitudes = values.map(Math.abs).toSorted();
    const histogram = histogramOf(values);
    for (const q of [0, 0.001, 0.1, 0.3, 0.5, 0.6, 0.75, 0.9, 0.9999, 1]) {
      const at = Math.max(0, Math.ceil(q * values.length) - 1);
      expect(Math.abs(quantile(histogram, q) - (sorted[at] ?? NaN))).toBeLessThanOrEqual(histogram.binWidth);
      expect(Math.abs(absoluteQuantile(histogram, q) - (magnitudes[at] ?? NaN))).toBeLessThanOrEqual(
        histogram.binWidth,
      );
    }
  });
});

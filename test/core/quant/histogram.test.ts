import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/core/errors';
import { HISTOGRAM_BINS, StreamingHistogram } from '../../../src/core/quant/histogram';
import { normalNoise } from '../../support/random';

function histogramOf(...batches: Float32Array[]): StreamingHistogram {
  const histogram = new StreamingHistogram('x');
  for (const batch of batches) histogram.add(batch);
  return histogram;
}

/** Counts of [j·w, (j+1)·w) on either side of zero, by the definition. */
function bruteForce(values: Float32Array, width: number, sign: 1 | -1): Map<number, number> {
  const counts = new Map<number, number>();
  for (const x of values) {
    if (x * sign <= 0) continue;
    const bin = Math.floor((x * sign) / width);
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
  }
  return counts;
}

function occupied(bins: Float64Array): Map<number, number> {
  return new Map([...bins].flatMap((n, j) => (n > 0 ? [[j, n] as const] : [])));
}

describe('StreamingHistogram', () => {
  it('counts every value in its bin, with exact moments', () => {
    const values = normalNoise(20_000, 1).map((x, i) => (i % 5 === 0 ? 0 : x * 3 + 1));
    const histogram = histogramOf(values);
    expect(histogram.count).toBe(20_000);
    expect(histogram.zeros).toBe(4_000);
    expect(histogram.min).toBe(Math.min(...values));
    expect(histogram.max).toBe(Math.max(...values));
    expect(histogram.sum).toBeCloseTo(
      values.reduce((a, b) => a + b, 0),
      8,
    );
    expect(histogram.sumSquares).toBeCloseTo(
      values.reduce((a, b) => a + b * b, 0),
      6,
    );
    expect(occupied(histogram.positive)).toEqual(bruteForce(values, histogram.binWidth, 1));
    expect(occupied(histogram.negative)).toEqual(bruteForce(values, histogram.binWidth, -1));
  });

  it('is the same whatever the order and grouping of the samples', () => {
    const small = normalNoise(1_000, 2).map((x) => x * 1e-3);
    const large = normalNoise(1_000, 3).map((x) => x * 1e4);
    const together = new Float32Array([...small, ...large]);
    const merged = histogramOf(small);
    merged.merge(histogramOf(large));
    for (const other of [histogramOf(small, large), histogramOf(large, small), merged]) {
      const expected = histogramOf(together);
      expect(other.binWidth).toBe(expected.binWidth);
      expect(other.positive).toEqual(expected.positive);
      expect(other.negative).toEqual(expected.negative);
      expect([other.min, other.max, other.count]).toEqual([expected.min, expected.max, expected.count]);
    }
  });

  it('keeps between half and all of its bins in use however far the range grows', () => {
    const histogram = new StreamingHistogram('x');
    for (let i = -40; i <= 38; i++) {
      histogram.add(Float32Array.of(10 ** i, -(10 ** i)));
      const bins = histogram.positive.length + histogram.negative.length;
      expect(bins).toBeLessThanOrEqual(HISTOGRAM_BINS);
      expect(bins).toBeGreaterThanOrEqual(HISTOGRAM_BINS / 2);
    }
    expect(histogram.count).toBe(158);
    expect([...histogram.positive].reduce((a, b) => a + b, 0)).toBe(79);
  });

  it('takes zeros, empty arrays and a constant', () => {
    const zeros = histogramOf(new Float32Array(0), new Float32Array(7));
    expect([zeros.count, zeros.zeros, zeros.min, zeros.max, zeros.binWidth]).toEqual([7, 7, 0, 0, 0]);
    const constant = histogramOf(new Float32Array(7), Float32Array.of(2.5, 2.5));
    expect([constant.min, constant.max, constant.count, constant.zeros]).toEqual([0, 2.5, 9, 7]);
    expect(constant.positive.at(-1)).toBe(2);
  });

  it.each([NaN, Infinity, -Infinity])('refuses %d, names the value and stays as it was', (bad) => {
    const histogram = histogramOf(Float32Array.of(1, 2));
    expect(() => histogram.add(Float32Array.of(0, bad, 1))).toThrow(InputError);
    expect(() => histogram.add(Float32Array.of(0, bad, 1))).toThrow(/"x" holds .* \(element 1\)/);
    expect([histogram.count, histogram.min, histogram.max, histogram.sum]).toEqual([2, 1, 2, 3]);
  });
});

import { describe, expect, it } from 'vitest';
import { aciqRange, laplaceThreshold, normalThreshold } from '../../../src/core/quant/aciqRange';
import { leastEntropyRange } from '../../../src/core/quant/entropyRange';
import { StreamingHistogram } from '../../../src/core/quant/histogram';
import { rangeFromHistogram } from '../../../src/core/quant/ranges';
import { normalNoise, uniform } from '../../support/random';

const uint8 = { type: 'uint8', symmetric: false } as const;
const int8 = { type: 'int8', symmetric: true } as const;

function histogramOf(...samples: Float32Array[]): StreamingHistogram {
  const histogram = new StreamingHistogram('x');
  for (const sample of samples) histogram.add(sample);
  return histogram;
}

/** Laplace noise with E|x| = 1. */
function laplaceNoise(length: number, seed: number): Float32Array {
  const next = uniform(seed);
  return Float32Array.from({ length }, () => Math.log(1 - next()) * (next() < 0.5 ? 1 : -1));
}

describe('average', () => {
  const samples = [Float32Array.of(-1, 4), Float32Array.of(-3, 0, 2), Float32Array.of(0.5)];

  it('is the mean of the extremes of each sample, also after merging', () => {
    const expected = { min: (-1 - 3 + 0.5) / 3, max: (4 + 2 + 0.5) / 3 };
    expect(rangeFromHistogram(histogramOf(...samples), 'average', uint8)).toEqual(expected);
    const merged = histogramOf(...samples.slice(0, 1));
    merged.merge(histogramOf(...samples.slice(1), new Float32Array(0)));
    expect(rangeFromHistogram(merged, 'average', uint8)).toEqual(expected);
  });
});

describe('aciq', () => {
  it('has the factors of the paper', () => {
    // Banner et al. 2018: 2.83, 3.89 and 5.03 b; 1.71, 2.15 and 2.55 σ.
    [2.83, 3.89, 5.03].forEach((b, i) => expect(laplaceThreshold(i + 2)).toBeCloseTo(b, 1));
    [1.71, 2.15, 2.55].forEach((s, i) => expect(normalThreshold(i + 2)).toBeCloseTo(s, 1));
    expect(normalThreshold(8)).toBeCloseTo(3.92, 2);
    const w = laplaceThreshold(8);
    expect(w * Math.exp(w)).toBeCloseTo(3 * 4 ** 8, 4);
  });

  it('takes noise for what it is', () => {
    const normal = histogramOf(normalNoise(50_000, 1).map((x) => 2 * x));
    expect(aciqRange(normal, 4, true).max / 2).toBeCloseTo(normalThreshold(4), 1);
    const laplace = histogramOf(laplaceNoise(50_000, 2).map((x) => 2 * x));
    expect(aciqRange(laplace, 4, true).max / 2).toBeCloseTo(laplaceThreshold(4), 1);
  });

  it('is about the mean, and inside the extremes', () => {
    const shifted = histogramOf(normalNoise(50_000, 3).map((x) => x + 10));
    // One side of zero counts as half of a distribution about it.
    expect(aciqRange(shifted, 4, false).max).toBe(shifted.max);
    const crossing = histogramOf(normalNoise(50_000, 4).map((x) => x + 1));
    const { min, max } = aciqRange(crossing, 4, false);
    expect((min + max) / 2).toBeCloseTo(1, 1);
    expect(max - 1).toBeCloseTo(normalThreshold(4), 1);
    expect(aciqRange(histogramOf(Float32Array.of(-1, 0, 1)), 8, false)).toEqual({ min: -1, max: 1 });
  });

  it('gives what a Relu leaves the range of the distribution before it, with a bit more', () => {
    const before = laplaceNoise(50_000, 5);
    for (const sign of [1, -1]) {
      const after = histogramOf(before.map((x) => sign * Math.max(0, x)));
      const { min, max } = aciqRange(after, 4, false);
      expect(Math.max(-min, max)).toBeCloseTo(laplaceThreshold(5), 0);
      expect(Math.abs(Math.min(-min, max))).toBe(0);
    }
    expect(aciqRange(histogramOf(before.map((x) => Math.max(0, x))), 4, true).max).toBeCloseTo(
      laplaceThreshold(4),
      0,
    );
  });

  it('keeps zeros alone', () => {
    const { min, max } = aciqRange(histogramOf(new Float32Array(4)), 8, false);
    expect([Math.abs(min), Math.abs(max)]).toEqual([0, 0]);
  });
});

describe('entropy', () => {
  it('does not change with zeros, nor with the size of the values', () => {
    const noise = normalNoise(20_000, 6);
    const range = leastEntropyRange(histogramOf(noise), false);
    expect(leastEntropyRange(histogramOf(noise, new Float32Array(50_000)), false)).toEqual(range);
    const large = leastEntropyRange(histogramOf(noise.map((x) => x * 1024)), false);
    expect(large).toEqual({ min: range.min * 1024, max: range.max * 1024 });
  });

  it('cuts off what lies far away, and keeps what is even', () => {
    const outlier = histogramOf(normalNoise(20_000, 7).map((x, i) => (i === 77 ? 60 : x)));
    for (const symmetric of [true, false]) {
      const { min, max } = leastEntropyRange(outlier, symmetric);
      expect(max).toBeLessThan(8);
      expect(max).toBeGreaterThan(3);
      expect(min).toBeLessThan(-3);
    }
    const next = uniform(8);
    const even = histogramOf(Float32Array.from({ length: 20_000 }, () => next() * 5));
    expect(leastEntropyRange(even, false).max).toBeGreaterThan(4.9);
  });

  it('keeps the short side of lopsided values', () => {
    const lopsided = histogramOf(normalNoise(20_000, 9).map((x) => x / (1 + Math.exp(-1.7 * x))));
    const { min, max } = leastEntropyRange(lopsided, false);
    expect(min).toBe(lopsided.min);
    expect(max).toBeGreaterThan(2);
    expect(max).toBeLessThanOrEqual(lopsided.max);
    const mirrored = histogramOf(normalNoise(20_000, 9).map((x) => -x / (1 + Math.exp(-1.7 * x))));
    const turned = leastEntropyRange(mirrored, false);
    expect(turned.max).toBe(-min);
    expect(-turned.min / max).toBeCloseTo(1, 1);
  });

  it('keeps few values, zeros, and 16-bit types whole', () => {
    const few = histogramOf(Float32Array.of(-1, 0.5, 2));
    expect(rangeFromHistogram(few, 'entropy', { type: 'uint16', symmetric: false })).toEqual({
      min: -1,
      max: 2,
    });
    const { min, max } = leastEntropyRange(histogramOf(new Float32Array(4)), false);
    expect([Math.abs(min), Math.abs(max)]).toEqual([0, 0]);
  });
});

it.each(['average', 'entropy', 'aciq'] as const)('%s stays inside the extremes', (rule) => {
  for (const seed of [1, 2, 3, 4]) {
    const values = normalNoise(3000, seed).map((x) => (seed % 2 ? Math.max(x, -0.2) : -Math.exp(x)));
    const histogram = histogramOf(values.subarray(0, 1000), values.subarray(1000));
    for (const target of [uint8, int8]) {
      const { min, max } = rangeFromHistogram(histogram, rule, target);
      expect(min).toBeGreaterThanOrEqual(histogram.min);
      expect(max).toBeLessThanOrEqual(histogram.max);
      expect(min).toBeLessThan(max);
    }
  }
});

import { describe, expect, it } from 'vitest';
import { countUpTo, halfway, kmeans } from '../../../src/core/quant/kmeans';
import { normalNoise, uniform } from '../../support/random';

/** Σ weight · (value − nearest centroid)², by looking at every centroid. */
function errorOf(values: ArrayLike<number>, centroids: Float32Array, weights?: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value, i) => {
    const nearest = Math.min(...Array.from(centroids, (centroid) => (value - centroid) ** 2));
    return sum + (weights?.[i] ?? 1) * nearest;
  }, 0);
}

/** The least error over every way to cut the sorted values into `count` runs: the definition, at exponential cost. */
function leastError(points: readonly (readonly [value: number, weight: number])[], count: number): number {
  if (count === 1) {
    const weight = points.reduce((sum, [, own]) => sum + own, 0);
    const mean = points.reduce((sum, [value, own]) => sum + own * value, 0) / weight;
    return points.reduce((sum, [value, own]) => sum + own * (value - mean) ** 2, 0);
  }
  let least = Infinity;
  for (let cut = 1; cut <= points.length - count + 1; cut++) {
    const first = leastError(points.slice(0, cut), 1);
    if (first < least) least = Math.min(least, first + leastError(points.slice(cut), count - 1));
  }
  return least;
}

describe('kmeans(values, count, weights)', () => {
  it.each([2, 3, 4, 5])('finds the best of all partitions into %i', (count) => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = uniform(100 * count + seed);
      const values = Float32Array.from({ length: 14 }, () => 10 + (random() - 0.5) ** 3);
      const weights = Float32Array.from(values, () => 0.1 + random());
      const points = Array.from(values, (value, i): [number, number] => [value, weights[i] ?? 0]).sort(
        ([a], [b]) => a - b,
      );
      const plain = points.map(([value]): [number, number] => [value, 1]);
      // Centroids are rounded to float32 beside 10, which adds up to 14 · (2^-21)².
      expect(errorOf(values, kmeans(values, count))).toBeCloseTo(leastError(plain, count), 10);
      expect(errorOf(values, kmeans(values, count, weights), weights)).toBeCloseTo(
        leastError(points, count),
        10,
      );
    }
  });

  it('counts a repeated value as often as it occurs', () => {
    expect(Array.from(kmeans(Float32Array.of(0, 0, 0, 4, 10), 2))).toEqual([1, 10]);
  });

  it('gives back the values when there are no more than centroids', () => {
    expect(Array.from(kmeans(Float32Array.of(3, -1, 3, 2), 16))).toEqual([-1, 2, 3]);
  });

  it('gives ascending centroids for every count, each with a value of its own', () => {
    const values = normalNoise(3000, 4);
    for (const count of [2, 7, 64, 256]) {
      const centroids = kmeans(values, count);
      expect(centroids).toHaveLength(count);
      const thresholds = halfway(centroids);
      const used = new Set(Array.from(values, (value) => countUpTo(thresholds, value)));
      expect(used.size).toBe(count);
    }
  });

  it('is as good on a histogram of a large tensor as on all of its values', () => {
    const values = normalNoise(60_000, 5);
    // An outlier leaves most of the first bins empty.
    values[7] = 400;
    const centroids = kmeans(values, 16);
    expect(centroids.at(-1)).toBe(400);
    const energy = values.reduce((sum, value) => sum + (Math.abs(value) < 100 ? value * value : 0), 0);
    // 15 levels are left for the normal numbers; the Lloyd–Max quantizer of 15 levels gives 19.7 dB.
    const sqnrDb = 10 * Math.log10(energy / errorOf(values, centroids));
    expect(Math.abs(sqnrDb - 19.7)).toBeLessThan(0.15);
  });
});

describe('countUpTo(thresholds, value)', () => {
  it('counts thresholds at or below the value', () => {
    const thresholds = Float64Array.of(-1, 0, 2);
    expect([-2, -1, -0.5, 0, 1, 2, 3].map((value) => countUpTo(thresholds, value))).toEqual([
      0, 1, 1, 2, 2, 3, 3,
    ]);
    expect(countUpTo(new Float64Array(0), 5)).toBe(0);
  });
});

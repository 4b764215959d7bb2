import { describe, expect, it } from 'vitest';
import { bitsGrid } from '../../../src/core/quant/errorGrid';
import { errorSplit as splitOf } from '../../../src/core/quant/errorSplit';
import { normalNoise } from '../../support/random';

const errorSplit = (values: Float32Array, bits: number) =>
  splitOf(values, bitsGrid(bits, { symmetric: true }));

/** Squared error of quantizing to codes ±(2^(bits−1)−1) with a range of ±a, by the definition. */
function quantizationError(values: Float32Array, a: number, bits: number): number {
  const levels = 2 ** (bits - 1) - 1;
  const scale = a / levels;
  return values.reduce((sum, w) => {
    const code = Math.max(-levels, Math.min(levels, Math.round(w / scale)));
    return sum + (w - code * scale) ** 2;
  }, 0);
}

/** Clipping and rounding error of that, value by value. */
function splitError(values: Float32Array, a: number, bits: number): { clipping: number; rounding: number } {
  const scale = a / (2 ** (bits - 1) - 1);
  let [clipping, rounding] = [0, 0];
  for (const w of values) {
    if (Math.abs(w) > a) clipping += (Math.abs(w) - a) ** 2;
    else rounding += (w - Math.round(w / scale) * scale) ** 2;
  }
  return { clipping, rounding };
}

/** Interpolated between the neighbours in order, as NumPy does. */
function percentileOf(magnitudes: readonly number[], percent: number): number {
  const position = (percent / 100) * (magnitudes.length - 1);
  const [below, above] = [Math.floor(position), Math.ceil(position)].map((at) => magnitudes[at] ?? NaN);
  return (below ?? NaN) + ((above ?? NaN) - (below ?? NaN)) * (position % 1);
}

describe('errorSplit(values, bits)', () => {
  it.each([2, 3, 4, 8])('splits the error that quantizing to %d bits makes, at every threshold', (bits) => {
    const values = normalNoise(3_000, bits);
    const split = errorSplit(values, bits);
    expect(split.thresholds).toHaveLength(64);
    split.thresholds.forEach((a, i) => {
      const total = (split.clipping[i] ?? NaN) + (split.rounding[i] ?? NaN);
      expect(total / quantizationError(values, a, bits)).toBeCloseTo(1, 9);
      const clipped = values.reduce((sum, w) => sum + Math.max(0, Math.abs(w) - a) ** 2, 0);
      expect(split.clipping[i]).toBeCloseTo(clipped, 8);
    });
    expect(split.energy).toBeCloseTo(
      values.reduce((sum, w) => sum + w * w, 0),
      8,
    );
  });

  it('ends at the maximum, where nothing is clipped', () => {
    const split = errorSplit(Float32Array.of(-4, 1, 2), 4);
    expect(split.thresholds.at(-1)).toBe(4);
    expect(split.clipping.at(-1)).toBe(0);
    expect(split.markers[0]).toEqual({ rule: 'max', threshold: 4 });
  });

  it('gives hand numbers for one threshold', () => {
    // 2 bits: codes −1, 0, 1. Range ±2: 1 is half a step from both; 3 is clipped by 1; −0.5 rounds to 0.
    const split = errorSplit(Float32Array.of(1, 3, -0.5, 2, -2), 2);
    const at = split.thresholds.findIndex((a) => a >= 2);
    const a = split.thresholds[at] ?? NaN;
    const near = (w: number): number => Math.min(Math.abs(w), Math.abs(a - Math.abs(w))) ** 2;
    expect(split.clipping[at]).toBeCloseTo((3 - a) ** 2, 12);
    expect(split.rounding[at]).toBeCloseTo(near(1) + near(-0.5) + 2 * near(2), 12);
  });

  it('marks the threshold with the least error', () => {
    for (const bits of [2, 3, 4, 8]) {
      const values = normalNoise(5_000, 10 + bits);
      const split = errorSplit(values, bits);
      const mse = split.markers.find((marker) => marker.rule === 'mse')?.threshold ?? NaN;
      const best = quantizationError(values, mse, bits);
      for (const a of split.thresholds) {
        expect(best).toBeLessThanOrEqual(quantizationError(values, a, bits) * (1 + 1e-9));
      }
    }
  });

  it.each([
    ['with an outlier', (x: number, at: number) => (at === 7 ? 40 : x)],
    ['with heavy tails', (x: number) => x ** 3],
    ['of which most are zero', (x: number, at: number) => (at % 50 === 0 ? x ** 3 : 0)],
  ] as const)('finds the least error there is, of weights %s', (_, shape) => {
    const values = normalNoise(20_000, 31).map(shape);
    const max = values.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
    for (const bits of [2, 3, 4, 8]) {
      const { markers, thresholds, clipping, rounding } = splitOf(
        values,
        bitsGrid(bits, { symmetric: true }),
        {
          steps: 240,
          atMarkers: true,
        },
      );
      let least = Infinity;
      for (let i = 0; i < 400; i++) least = Math.min(least, quantizationError(values, max * 0.98 ** i, bits));
      const mse = markers.find(({ rule }) => rule === 'mse')?.threshold ?? NaN;
      expect(quantizationError(values, mse, bits) / least).toBeLessThan(1.01);
      expect(thresholds).toContain(mse);
      const told = thresholds.map((_, i) => (clipping[i] ?? NaN) + (rounding[i] ?? NaN));
      expect(Math.min(...told) / least).toBeLessThan(1.01);
    }
  });

  it('marks the 99.99th percentile of |w|', () => {
    const values = Float32Array.from({ length: 100_000 }, (_, i) => (i % 2 ? 1 : -1) * (i + 1));
    const marker = errorSplit(values, 8).markers.find(({ rule }) => rule === 'percentile:99.99');
    expect(Math.abs((marker?.threshold ?? NaN) - 99_990)).toBeLessThan(3);
  });

  it.each([-100, -1e4, -1e6])('is exact where one weight is %d times the others', (outlier) => {
    const values = normalNoise(30_000, 23);
    values[5] = outlier;
    const { thresholds, clipping, rounding, markers } = splitOf(values, bitsGrid(8, { symmetric: true }), {
      steps: 48,
      atMarkers: true,
    });
    thresholds.forEach((a, i) => {
      const exact = splitError(values, a, 8);
      expect(Math.abs((rounding[i] ?? NaN) / exact.rounding - 1)).toBeLessThan(1e-6);
      if (exact.clipping > 0) expect(Math.abs((clipping[i] ?? NaN) / exact.clipping - 1)).toBeLessThan(1e-6);
    });
    const magnitudes = Array.from(values, Math.abs).sort((a, b) => a - b);
    for (const percent of [99.9, 99.99, 99.999]) {
      const marker = markers.find(({ rule }) => rule === `percentile:${percent}`);
      expect((marker?.threshold ?? NaN) / percentileOf(magnitudes, percent)).toBeCloseTo(1, 9);
    }
  });

  it.each([1, 2, 3, 1000])('finds percentiles of %d values of either sign, also at 16 bits', (length) => {
    const values = normalNoise(length, length);
    const magnitudes = Array.from(values, Math.abs).sort((a, b) => a - b);
    for (const bits of [8, 16]) {
      const { markers } = splitOf(values, bitsGrid(bits, { symmetric: true }), {
        rules: ['percentile:99.9'],
      });
      expect(markers[0]?.threshold).toBeCloseTo(percentileOf(magnitudes, 99.9), 9);
    }
  });

  it('has no marker for a range of nothing', () => {
    const values = new Float32Array(100_000);
    values[7] = 3;
    const rules = errorSplit(values, 8).markers.map(({ rule }) => rule);
    expect(rules).toContain('max');
    expect(rules).not.toContain('percentile:99.9');
  });

  it('has a marker for every rule, in the order of what they keep', () => {
    const values = normalNoise(200_000, 3);
    const { markers } = errorSplit(values, 8);
    expect(markers.map(({ rule }) => rule)).toEqual([
      'max',
      'percentile:99.9',
      'percentile:99.99',
      'percentile:99.999',
      'entropy',
      'mse',
    ]);
    const at = (rule: string) => markers.find((marker) => marker.rule === rule)?.threshold ?? NaN;
    // Of the normal distribution: what 0.1 % and 0.01 % of |x| pass.
    expect(at('percentile:99.9')).toBeCloseTo(3.29, 1);
    expect(Math.abs(at('percentile:99.99') - 3.89)).toBeLessThan(0.15);
    expect(at('percentile:99.999')).toBeGreaterThan(at('percentile:99.99'));
    expect(at('max')).toBeGreaterThanOrEqual(at('percentile:99.999'));
    expect(at('entropy')).toBeGreaterThan(2);
    expect(at('entropy')).toBeLessThanOrEqual(at('max'));
    expect(at('mse')).toBeLessThanOrEqual(at('max'));
  });

  it('counts every |w| once in the histogram', () => {
    const { edges, counts } = errorSplit(Float32Array.of(0, 0.5, -1, 1), 8).histogram;
    expect(edges).toHaveLength(counts.length + 1);
    expect([edges[0], edges.at(-1)]).toEqual([0, 1]);
    expect([counts[0], counts[counts.length / 2], counts.at(-1)]).toEqual([1, 1, 2]);
    expect(counts.reduce((a, b) => a + b, 0)).toBe(4);
  });

  it('takes zeros and an empty tensor', () => {
    for (const values of [new Float32Array(3), new Float32Array(0)]) {
      expect(errorSplit(values, 8)).toMatchObject({ thresholds: [], markers: [], energy: 0 });
    }
  });

  it('refuses NaN and infinities', () => {
    expect(() => errorSplit(Float32Array.of(1, NaN), 8)).toThrow(/NaN or infinite/);
    expect(() => errorSplit(Float32Array.of(1, Infinity), 8)).toThrow(/NaN or infinite/);
  });

  it('takes 2.4 million weights without delay', () => {
    const values = normalNoise(2_400_000, 5);
    const start = performance.now();
    errorSplit(values, 8);
    expect(performance.now() - start).toBeLessThan(15_000);
  });
});

describe('errorSplit with options', () => {
  const values = normalNoise(20_000, 7);
  const family = bitsGrid(4, { symmetric: true });

  it('tells as many thresholds as asked for where they matter, those of the markers, and others', () => {
    const { thresholds, clipping, rounding, markers, energy } = splitOf(values, family, {
      steps: 100,
      atMarkers: true,
      also: [0.77],
    });
    for (const { threshold } of markers) expect(thresholds).toContain(threshold);
    expect(thresholds).toContain(0.77);
    expect(thresholds.length).toBeGreaterThan(100);
    expect(thresholds).toEqual(thresholds.toSorted((a, b) => a - b));
    const share = ((clipping[0] ?? NaN) + (rounding[0] ?? NaN)) / energy;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.65);
  });

  it.each([4, 8, 12])('counts the codes of %d bits that some value becomes', (bits) => {
    const grid = bitsGrid(bits, { symmetric: true });
    const { thresholds, codes } = splitOf(values, grid, { rules: [] });
    const levels = 2 ** (bits - 1) - 1;
    for (const i of [0, 30, 63]) {
      const step = (thresholds[i] ?? NaN) / levels;
      const used = new Set(
        Array.from(values, (w) => Math.max(-levels, Math.min(levels, Math.floor(w / step + 0.5)))),
      );
      expect(codes[i]).toBe(used.size);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { fitCodebook } from '../../../src/core/quant/codebook';
import { kmeans } from '../../../src/core/quant/kmeans';
import { fitToEachOther, partOf, type ScaledTable, type WeightPart } from '../../../src/core/quant/scaleFit';
import { normalNoise } from '../../support/random';

/** Channels of different size, each with a tail of its own. */
function weightOf(channels: number, perChannel: number, outer = 1): WeightPart {
  const inner = perChannel / outer;
  const values = normalNoise(channels * perChannel, 5).map((value, i) => {
    const channel = Math.floor(i / inner) % channels;
    return (value + 0.1 * (channel % 3) * value ** 3) * 2 ** (channel % 4);
  });
  return { values, layout: { outer, channels, inner } };
}

/** Σ importance · (w − Q(w))², by the definition. */
function errorOf({ values, layout, importance }: WeightPart, { table, scales }: ScaledTable): number {
  return values.reduce((sum, value, i) => {
    const scale = scales[Math.floor(i / layout.inner) % layout.channels] ?? 1;
    const nearest = Math.min(...Array.from(table, (entry) => (value - entry * scale) ** 2));
    return sum + (importance?.[i] ?? 1) * nearest;
  }, 0);
}

describe('fitToEachOther(weight, start, turns)', () => {
  const table = Float32Array.of(-2, -0.5, 0.1, 1.9);

  it.each([1, 100])('lowers the error with every turn, in %i runs of each channel', (outer) => {
    const plain = weightOf(6, 300, outer);
    const importance = plain.values.map((_, i) => 0.1 + (i % 7));
    for (const weight of [plain, { ...plain, importance }]) {
      const start = { table, scales: new Float32Array(6).fill(3) };
      const errors = [0, 1, 2, 5].map((turns) => errorOf(weight, fitToEachOther(weight, start, turns)));
      expect(errors).toEqual(errors.toSorted((a, b) => b - a));
      expect(errors[3]).toBeLessThan((errors[0] ?? 0) * 0.7);
    }
  });

  it('finds scales and table that a weight was made of', () => {
    const scales = Float32Array.of(1, 2, 4);
    const values = Float32Array.from(
      { length: 60 },
      (_, i) => (table[i % 4] ?? 0) * (scales[Math.floor(i / 20)] ?? 0),
    );
    const weight = { values, layout: { outer: 1, channels: 3, inner: 20 } };
    const near = { table, scales: scales.map((scale) => scale * 1.1) };
    expect(errorOf(weight, fitToEachOther(weight, near, 3))).toBeLessThan(1e-10);
  });

  it('keeps what nothing can be told of', () => {
    const weight = { values: new Float32Array(8), layout: { outer: 1, channels: 2, inner: 4 } };
    const start = { table: Float32Array.of(-1, 0, 1), scales: Float32Array.of(1, 2) };
    expect(fitToEachOther(weight, start, 3)).toEqual(start);
  });
});

describe('partOf(weight)', () => {
  it('is a small weight itself', () => {
    const weight = weightOf(4, 900);
    expect(partOf(weight)).toBe(weight);
  });

  it('has elements of every channel, and of every place in a window', () => {
    const [channels, outer, inner] = [3, 8192, 9 * 8];
    // The value tells where it stands: the place in its window, and its channel.
    const values = Float32Array.from(
      { length: outer * channels * inner },
      (_, i) => (i % 9) + 10 * (Math.floor(i / inner) % channels),
    );
    const part = partOf({ values, layout: { outer, channels, inner }, importance: values });
    expect(part.values.length).toBeLessThan(values.length / 8);
    expect(part.importance).toEqual(part.values);
    for (let channel = 0; channel < channels; channel++) {
      const own = part.values.subarray(channel * part.layout.inner, (channel + 1) * part.layout.inner);
      const counts = new Map<number, number>();
      for (const value of own) counts.set(value, (counts.get(value) ?? 0) + 1);
      expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 9 }, (_, place) => place + 10 * channel),
      );
      expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
    }
  });

  it('gives a large weight a table as good as all of its elements do', () => {
    const weight = weightOf(16, 2 ** 14);
    const { values, layout } = weight;
    const { codebooks, scales } = fitCodebook(values, layout, { kind: 'k-means', entries: 16 });
    const fitted = {
      table: codebooks[0]?.values ?? new Float32Array(0),
      scales: scales ?? new Float32Array(0),
    };
    const largest = Float32Array.from({ length: 16 }, (_, channel) =>
      values
        .subarray(channel * layout.inner, (channel + 1) * layout.inner)
        .reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    );
    const scaleOf = (i: number): number => largest[Math.floor(i / layout.inner)] ?? 1;
    const table = kmeans(
      values.map((value, i) => value / scaleOf(i)),
      16,
      values.map((_, i) => scaleOf(i) ** 2),
    );
    // As many turns as a large weight takes on its part.
    const onAll = fitToEachOther(weight, { table, scales: largest }, 4);
    expect(partOf(weight)).not.toBe(weight);
    expect(errorOf(weight, fitted)).toBeLessThan(errorOf(weight, onAll) * 1.002);
  });
});

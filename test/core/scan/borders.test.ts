import { describe, expect, it } from 'vitest';
import { bestBorders, type Border } from '../../../src/core/scan/borders';

/** A chain of nodes, each a layer with the same weights. */
function chain(length: number, bytes: number, weight: number) {
  const ends = Array.from({ length }, (_, at) => at + 1);
  const borders = ends.slice(0, -1).map((at): Border => ({ at, bytes }));
  const weightBytes = Float64Array.from({ length: length + 1 }, (_, at) => at * weight);
  return { borders, use: { ends, weightBytes, formats: 4, runs: 1 } };
}

describe('bestBorders(borders, use)', () => {
  it('cuts a chain of heavy layers into even parts', () => {
    const { borders, use } = chain(12, 1e6, 4e6);
    const chosen = bestBorders(borders, use);
    expect(chosen.length).toBeGreaterThan(1);
    const lengths = [0, ...chosen, 12].map((at, i, all) => (all[i + 1] ?? at) - at).slice(0, -1);
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(2);
  });

  it('does not cut where what would cross costs more than the sessions saved', () => {
    const { borders, use } = chain(12, 1e9, 4e6);
    expect(bestBorders(borders, use)).toEqual([]);
  });

  it('cuts more often the heavier the weights are', () => {
    const counts = [1e4, 1e6, 1e7].map((weight) => {
      const { borders, use } = chain(20, 1e6, weight);
      return bestBorders(borders, use).length;
    });
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts[2]).toBeGreaterThan(counts[0] ?? 0);
  });

  it('takes the narrowest border between two layers, and none before the first', () => {
    const weightBytes = Float64Array.of(0, 0, 5e7, 5e7, 5e7, 1e8);
    const borders = [
      { at: 1, bytes: 0 },
      { at: 2, bytes: 5e6 },
      { at: 3, bytes: 1e6 },
      { at: 4, bytes: 3e6 },
    ];
    expect(bestBorders(borders, { ends: [2, 5], weightBytes, formats: 4, runs: 1 })).toEqual([3]);
  });

  it('finds none where there are no layers or no borders', () => {
    const weightBytes = Float64Array.of(0, 1e9, 2e9);
    expect(bestBorders([{ at: 1, bytes: 0 }], { ends: [], weightBytes, formats: 4, runs: 1 })).toEqual([]);
    expect(bestBorders([], { ends: [1, 2], weightBytes, formats: 4, runs: 1 })).toEqual([]);
  });
});

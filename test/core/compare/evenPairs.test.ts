import { describe, expect, it } from 'vitest';
import { EvenPairs } from '../../../src/core/compare/evenPairs';
import { scatterChart } from '../../../src/shared/charts/scatterChart';

/** The pairs of position and class of so many samples, handed over so many at a time. */
function pairsOf(classes: number, samples: number, together = classes): EvenPairs {
  const pairs = new EvenPairs();
  const positions = Array.from({ length: classes * samples }, (_, at) => at);
  for (let start = 0; start < positions.length; start += together) {
    const part = positions.slice(start, start + together);
    pairs.add(
      part,
      part.map((at) => at % classes),
    );
  }
  return pairs;
}

/** How many points there are of the least and of the most frequent class. */
function extremes(points: readonly (readonly [number, number])[], classes: number): number[] {
  const counts = Array.from({ length: classes }, (_, each) => points.filter(([, at]) => at === each).length);
  return [Math.min(...counts), Math.max(...counts)];
}

describe('EvenPairs', () => {
  it.each([2, 3, 10, 16, 100])('shows all of %i classes alike, in the chart too', (classes) => {
    const { points, stride, elements } = pairsOf(classes, Math.ceil(100_000 / classes)).toJson();
    expect(points.length).toBeGreaterThan(900);
    expect(points.length).toBeLessThanOrEqual(2048);
    expect((points.length * stride) / elements).toBeCloseTo(1, 0);
    const [least = 0, most = 0] = extremes(points, classes);
    const expected = points.length / classes;
    expect(least).toBeGreaterThan(expected - 4 * Math.sqrt(expected));
    expect(most).toBeLessThan(expected + 4 * Math.sqrt(expected));
    // 512 of them are drawn.
    const first = points.slice(0, 512);
    expect(new Set(first.map(([, at]) => at)).size).toBe(classes);
    const spread = first.map(([position]) => position / elements);
    expect(spread.reduce((sum, at) => sum + at, 0) / 512).toBeCloseTo(0.5, 1);
    expect(scatterChart(points, { title: '', a: 'A', b: 'B' }).match(/<circle/g)).toHaveLength(512);
  });

  it('chooses the same pairs, however they are handed over', () => {
    expect(pairsOf(10, 1000, 37).toJson()).toEqual(pairsOf(10, 1000).toJson());
  });

  it('keeps all of few, and leaves out what is not finite', () => {
    const { points, stride } = pairsOf(2, 1024).toJson();
    expect([points.length, stride]).toEqual([2048, 1]);
    const pairs = new EvenPairs();
    pairs.add([1, NaN, 3], [1, 2, Infinity]);
    expect(pairs.toJson()).toEqual({ points: [[1, 1]], stride: 1, elements: 3 });
  });
});

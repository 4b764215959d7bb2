import { describe, expect, it } from 'vitest';
import { mentionedClasses, OutputDetailsCollector } from '../../../src/core/compare/outputDetails';
import { normalNoise } from '../../support/random';

describe('OutputDetailsCollector', () => {
  it('names the samples that change their class, and who is taken for whom', () => {
    const collector = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 1 });
    collector.add(7, [0, 1, 2], [0, 1, 2], [1, 3], 2);
    collector.add(3, [0, 1, 2], [9, 1, 2], [1, 3], 2);
    collector.add(5, [5, 1, 2], [1, 8, 2], [1, 3], undefined);
    const { flips, flipCount, vectors, confusion } = collector.toJson();
    expect(flips).toMatchObject([
      { sample: 3, a: 2, b: 0, label: 2 },
      { sample: 5, a: 0, b: 1, label: null },
    ]);
    expect(flips[1]?.best.b.map((score) => [score.class, score.score])).toEqual([
      [1, 8],
      [2, 2],
      [0, 1],
    ]);
    expect([flipCount, vectors]).toEqual([2, 3]);
    expect(confusion).toEqual({ labelled: 2, kinds: 1, mistakes: [{ label: 2, predicted: 0, a: 0, b: 1 }] });
  });

  it('tells tokens of a sample apart, and leaves pixels alone', () => {
    const tokens = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 2 });
    tokens.add(0, [0, 1, 1, 0], [0, 1, 0, 1], [1, 2, 2], Int32Array.of(1, 1));
    expect(tokens.toJson().flips).toMatchObject([{ sample: 0, position: 1, a: 0, b: 1, label: 1 }]);
    const pixels = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 1 });
    pixels.add(0, [0, 1, 1, 0], [0, 0, 1, 1], [1, 2, 2, 1], undefined);
    expect(pixels.toJson()).toMatchObject({ vectors: 0, flipCount: 0 });
  });

  it('tells what became of each sample', () => {
    const collector = new OutputDetailsCollector({ name: 'y', kind: 'probabilities', classAxis: 1 });
    collector.add(4, [0.2, 0.8], [0.2, 0.8], [1, 2], 1);
    collector.add(9, [0.4, 0.6], [0.7, 0.3], [1, 2], undefined);
    const { samples, classes } = collector.toJson();
    expect(classes).toBe(2);
    expect(samples[0]).toMatchObject({ sample: 4, label: 1, sqnrDb: null, vectors: 1, changed: 0 });
    expect(samples[1]).toMatchObject({ sample: 9, label: null, vectors: 1, changed: 1 });
    // Σx² = 0.52, Σ(x − y)² = 0.18.
    expect(samples[1]?.sqnrDb).toBeCloseTo(10 * Math.log10(0.52 / 0.18), 9);
    expect(samples[1]?.best?.b[0]).toEqual({ class: 0, score: 0.7, probability: 0.7 });
    expect([...mentionedClasses(collector.toJson())].toSorted()).toEqual([0, 1]);
  });

  it('counts the pixels of a map that change, and shows the token that does', () => {
    const map = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 1 });
    map.add(0, [0, 1, 1, 0], [0, 0, 1, 1], [1, 2, 2, 1], undefined);
    expect(map.toJson().samples).toEqual([{ sample: 0, label: null, sqnrDb: 0, vectors: 2, changed: 1 }]);
    const tokens = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 2 });
    tokens.add(0, [0, 1, 1, 0], [0, 1, 0, 1], [1, 2, 2], undefined);
    expect(tokens.toJson().samples[0]).toMatchObject({ vectors: 2, changed: 1, best: { position: 1 } });
  });

  it('keeps all that change of very many samples, and the first of the others', () => {
    const collector = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 1 });
    for (let sample = 0; sample < 3000; sample++) {
      collector.add(sample, [0, 1], sample % 1000 === 999 ? [1, 0] : [0, 2], [1, 2], undefined);
    }
    const { samples, flipCount } = collector.toJson();
    expect(flipCount).toBe(3);
    expect(samples).toHaveLength(2001);
    expect(samples.at(-1)).toMatchObject({ sample: 2999, changed: 1 });
  });

  it('keeps further ones that change, however many did before', () => {
    const collector = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 1 });
    for (let sample = 0; sample < 2600; sample++) collector.add(sample, [0, 1], [1, 0], [1, 2], undefined);
    const { samples } = collector.toJson();
    expect(samples).toHaveLength(2500);
    expect(samples.at(-1)).toMatchObject({ sample: 2499 });
  });

  it('counts how far values are apart', () => {
    const collector = new OutputDetailsCollector({ name: 'y', kind: 'values' });
    const reference = normalNoise(5000, 1);
    const noise = normalNoise(5000, 2).map((value, at) => (at % 5 === 0 ? 0 : 0.01 * value));
    collector.add(
      0,
      reference,
      reference.map((value, at) => value + (noise[at] ?? 0)),
      [5000],
      undefined,
    );
    const found = collector.toJson().differences;
    if (!found) throw new Error('no histogram');
    const { edges, counts, equal, values, mean, standardDeviation } = found;
    // As float32 rounds the sum.
    const differences = Array.from(reference, (value, at) => Math.fround(value + (noise[at] ?? 0)) - value);
    const brute = edges
      .slice(1)
      .map((to, bin) => differences.filter((d) => d !== 0 && d >= (edges[bin] ?? 0) && d < to).length);
    expect(values).toBe(5000);
    expect(equal).toBe(differences.filter((d) => d === 0).length);
    expect(edges).toHaveLength(counts.length + 1);
    expect(edges).toContain(0);
    expect(counts.length).toBeGreaterThan(30);
    // A value on an edge belongs to the bin farther from zero.
    expect(counts.reduce((sum, count) => sum + count, equal)).toBe(5000);
    for (const [bin, count] of counts.entries())
      expect(Math.abs(count - (brute[bin] ?? 0))).toBeLessThanOrEqual(1);
    expect(mean).toBeCloseTo(differences.reduce((sum, d) => sum + d, 0) / 5000, 6);
    const square = differences.reduce((sum, d) => sum + d * d, 0) / 5000;
    expect(standardDeviation).toBeCloseTo(Math.sqrt(square - mean * mean), 6);
  });
});

import { describe, expect, it } from 'vitest';
import { OutputDetailsCollector } from '../../../src/core/compare/outputDetails';
import { normalNoise } from '../../support/random';

describe('OutputDetailsCollector', () => {
  it('names the samples that change their class, and who is taken for whom', () => {
    const collector = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 1 });
    collector.add(7, [0, 1, 2], [0, 1, 2], [1, 3], 2);
    collector.add(3, [0, 1, 2], [9, 1, 2], [1, 3], 2);
    collector.add(5, [5, 1, 2], [1, 8, 2], [1, 3], undefined);
    const { flips, flipCount, vectors, confusion } = collector.toJson();
    expect(flips).toEqual([
      { sample: 3, a: 2, b: 0, label: 2 },
      { sample: 5, a: 0, b: 1, label: null },
    ]);
    expect([flipCount, vectors]).toEqual([2, 3]);
    expect(confusion).toEqual({
      labelled: 2,
      a: [{ label: 2, predicted: 2, count: 2 }],
      b: [
        { label: 2, predicted: 2, count: 1 },
        { label: 2, predicted: 0, count: 1 },
      ],
    });
  });

  it('tells tokens of a sample apart, and leaves pixels alone', () => {
    const tokens = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 2 });
    tokens.add(0, [0, 1, 1, 0], [0, 1, 0, 1], [1, 2, 2], Int32Array.of(1, 1));
    expect(tokens.toJson().flips).toEqual([{ sample: 0, position: 1, a: 0, b: 1, label: 1 }]);
    const pixels = new OutputDetailsCollector({ name: 'y', kind: 'logits', classAxis: 1 });
    pixels.add(0, [0, 1, 1, 0], [0, 0, 1, 1], [1, 2, 2, 1], undefined);
    expect(pixels.toJson()).toMatchObject({ vectors: 0, flipCount: 0 });
  });

  it('keeps evenly spread pairs of values, however many there are', () => {
    const collector = new OutputDetailsCollector({ name: 'y', kind: 'values' });
    const values = normalNoise(9973, 1);
    for (let start = 0; start < values.length; start += 37) {
      const part = values.subarray(start, start + 37);
      collector.add(
        start,
        part,
        part.map((value) => -value),
        [1, part.length],
        undefined,
      );
    }
    const { points, stride, elements } = collector.toJson();
    expect(elements).toBe(9973);
    expect(stride).toBe(8);
    expect(points).toEqual([...values].filter((_, at) => at % 8 === 0).map((value) => [value, -value]));
  });
});

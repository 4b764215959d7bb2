import { describe, expect, it } from 'vitest';
import { roundGreatest } from '../../../src/core/recover/greatest';
import { normalNoise } from '../../support/random';

interface Row {
  readonly size: number;
  readonly values: Float32Array;
  readonly isFree: Uint8Array;
}

/** Elements that are rounded, and their values at that moment, by a plain sort. */
function expectedOf({ size, values, isFree }: Row, row: number, count: number): Map<number, number> {
  const valueOf = (element: number): number => values[row * size + element] ?? NaN;
  const free = Array.from({ length: size }, (_, element) => element).filter((k) => isFree[row * size + k]);
  const sorted = free.toSorted((a, b) => Math.abs(valueOf(b)) - Math.abs(valueOf(a)) || a - b);
  const wanted = sorted.slice(0, Math.max(0, count - (size - free.length)));
  return new Map(wanted.toSorted((a, b) => a - b).map((element) => [element, valueOf(element)]));
}

/** Rounds in stages; what is free moves in between. */
function expectAsSorted(first: readonly number[], size: number, counts: readonly number[]): void {
  const rows = first.length / size;
  const free: Row = {
    size,
    values: Float32Array.from(first),
    isFree: new Uint8Array(first.length).fill(1),
  };
  for (const count of counts) {
    for (let row = 0; row < rows; row++) {
      const expected = expectedOf(free, row, count);
      const [values, isFree] = [free.values.slice(), free.isFree.slice()];
      const rounded = new Map<number, number>();
      roundGreatest(free, row, count, (element, value) => {
        rounded.set(element, value);
        return 1000 + element;
      });
      expect([...rounded]).toEqual([...expected]);
      for (const element of expected.keys()) {
        values[row * size + element] = 1000 + element;
        isFree[row * size + element] = 0;
      }
      expect(Buffer.compare(Buffer.from(free.values.buffer), Buffer.from(values.buffer))).toBe(0);
      expect(Buffer.compare(free.isFree, isFree)).toBe(0);
    }
    free.values.forEach((value, at) => {
      if (free.isFree[at]) free.values[at] = -value * (1 + (at % 3) / 8);
    });
  }
}

const stages = (size: number, count: number): number[] =>
  Array.from({ length: count }, (_, stage) => Math.ceil(((stage + 1) / count) * size));

describe('roundGreatest', () => {
  it('takes those that come first in a sort by magnitude and position', () => {
    for (const [size, seed] of [
      [1, 1],
      [9, 2],
      [100, 3],
      [1000, 4],
    ] as const) {
      const values = [...normalNoise(3 * size, seed)];
      expectAsSorted(values, size, stages(size, 16));
      expectAsSorted(values, size, [0, size]);
    }
  });

  it('takes the first of equal magnitudes, whatever their signs', () => {
    const few = Array.from(normalNoise(600, 5), (value) => Math.round(2 * value) / 4);
    expectAsSorted(few, 200, stages(200, 16));
    expectAsSorted([0, -0, 0, 1, -0, -1, 0, -0], 8, [1, 2, 3, 4, 6, 8]);
    expectAsSorted(new Array<number>(50).fill(-0), 50, stages(50, 4));
  });

  it('tells the least and the greatest numbers apart', () => {
    const most = 3.4028234663852886e38;
    const extremes = [
      1e-45,
      0,
      -1e-45,
      3e-45,
      1.2e-38,
      most,
      -Infinity,
      -most,
      Infinity,
      -1e-40,
      1,
      -Infinity,
    ];
    expectAsSorted(extremes, 12, stages(12, 12));
  });

  it('takes what is not a number first, as many as it should', () => {
    const values = Float32Array.of(1, NaN, 5, -NaN, 3, 0);
    const isFree = Uint8Array.of(1, 1, 0, 1, 1, 1);
    const rounded: number[] = [];
    const round = (element: number): number => rounded.push(element);
    roundGreatest({ size: 6, values, isFree }, 0, 3, round);
    expect(rounded).toEqual([1, 3]);
    roundGreatest({ size: 6, values, isFree }, 0, 4, round);
    expect(rounded).toEqual([1, 3, 4]);
  });

  it('leaves a row alone of which enough are rounded', () => {
    const values = Float32Array.of(4, 3, 2, 1);
    const isFree = Uint8Array.of(0, 0, 1, 1);
    roundGreatest({ size: 4, values, isFree }, 0, 1, () => NaN);
    expect([...values, ...isFree]).toEqual([4, 3, 2, 1, 0, 0, 1, 1]);
  });
});

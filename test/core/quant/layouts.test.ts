import { describe, expect, it } from 'vitest';
import { axisLayout } from '../../../src/core/quant/affine';
import {
  blockLayout,
  elementsOf,
  forEachRun,
  gatherSlices,
  kernelLayout,
  sliceCount,
  sliceFinder,
  sliceRanges,
  tensorLayout,
  type SliceLayout,
} from '../../../src/core/quant/layouts';
import { normalNoise } from '../../support/random';

/** The slice of every element of a [2, 7, 3] tensor in blocks of 3 along axis 1, by the definition. */
function blockedSlices(): number[] {
  const slices: number[] = [];
  for (let o = 0; o < 2; o++) {
    for (let l = 0; l < 7; l++) for (let i = 0; i < 3; i++) slices.push((o * 3 + Math.floor(l / 3)) * 3 + i);
  }
  return slices;
}

const cases: [name: string, layout: SliceLayout, slices: number[]][] = [
  ['per tensor', tensorLayout([2, 3]), [0, 0, 0, 0, 0, 0]],
  ['an axis in the middle', axisLayout([2, 2, 2], 1), [0, 0, 1, 1, 0, 0, 1, 1]],
  ['the last axis', axisLayout([2, 3], -1), [0, 1, 2, 0, 1, 2]],
  ['per kernel', kernelLayout([2, 2, 1, 2]), [0, 0, 1, 1, 2, 2, 3, 3]],
  ['kernels of one element', kernelLayout([2, 2, 1, 1]), [0, 1, 2, 3]],
  ['blocks along the last axis', blockLayout([2, 5], 1, 2), [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]],
  ['blocks along the first axis', blockLayout([5, 2], 0, 2), [0, 1, 0, 1, 2, 3, 2, 3, 4, 5]],
  ['blocks in the middle', blockLayout([2, 7, 3], -2, 3), blockedSlices()],
  ['a block longer than the axis', blockLayout([3, 2], 0, 16), [0, 1, 0, 1, 0, 1]],
];

describe.each(cases)('%s', (_, layout, slices) => {
  it('gives every element its slice, in order', () => {
    const seen: number[] = [];
    forEachRun(layout, (start, end, slice, step) => {
      expect(start).toBe(seen.length);
      for (let i = start; i < end; i++) seen.push(slice + step * (i - start));
    });
    expect(seen).toEqual(slices);
    expect(slices.map((__, at) => at).map(sliceFinder(layout))).toEqual(slices);
    expect(elementsOf(layout)).toBe(slices.length);
    expect(sliceCount(layout)).toBe(Math.max(...slices) + 1);
  });

  it('gathers slices and finds their extremes', () => {
    const values = normalNoise(slices.length, 1);
    const { values: gathered, starts } = gatherSlices(values, layout);
    const { min, max } = sliceRanges(values, layout);
    for (let slice = 0; slice < sliceCount(layout); slice++) {
      const own = values.filter((__, i) => slices[i] === slice);
      expect(gathered.slice(starts[slice], starts[slice + 1])).toEqual(own);
      expect([min[slice], max[slice]]).toEqual([Math.min(...own), Math.max(...own)]);
    }
  });
});

describe('layouts', () => {
  it('refuse an axis that is not there, rank 2 kernels and blocks of nothing', () => {
    expect(() => blockLayout([2, 3], 2, 16)).toThrow(/axis 2/);
    expect(() => blockLayout([2, 3], 0, 0)).toThrow(/blocks of 0/);
    expect(() => kernelLayout([2, 3])).toThrow(/no kernels/);
  });

  it('refuse values that have no range, and take none for 0', () => {
    expect(() => sliceRanges(Float32Array.of(1, NaN), tensorLayout([2]))).toThrow(/NaN/);
    expect(() => sliceRanges(Float32Array.of(1, -Infinity), axisLayout([1, 2], 1))).toThrow(/Infinity/);
    expect(sliceRanges(new Float32Array(0), axisLayout([2, 0], 0))).toEqual({
      min: Float32Array.of(0, 0),
      max: Float32Array.of(0, 0),
    });
  });
});

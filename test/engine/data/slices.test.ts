import { describe, expect, it } from 'vitest';
import { dealSlices } from '../../../src/engine/data/slices';

describe('dealSlices(length, seed, samples, scanSamples)', () => {
  it('deals disjoint slices, whatever the length', () => {
    for (const length of [1, 2, 3, 4, 5, 10, 63, 500, 5000]) {
      for (const samples of [undefined, 1, Math.ceil(length / 3), length]) {
        const { calibrate, scan, verify } = dealSlices(length, 7, samples);
        const all = [...calibrate, ...scan, ...verify];
        expect(new Set(all).size).toBe(all.length);
        expect(all.every((index) => Number.isInteger(index) && index >= 0 && index < length)).toBe(true);
        if (samples !== undefined) expect(calibrate).toHaveLength(samples);
      }
    }
  });

  it('is the same for the same seed and another for another', () => {
    expect(dealSlices(100, 3)).toEqual(dealSlices(100, 3));
    expect(dealSlices(100, 3).calibrate).not.toEqual(dealSlices(100, 4).calibrate);
  });

  it('takes half for calibration, at most 256, and small scan and verify slices', () => {
    const sizes = (length: number, samples?: number, scanSamples?: number) =>
      Object.values(dealSlices(length, 1, samples, scanSamples)).map((slice) => slice.length);
    expect(sizes(500)).toEqual([250, 32, 218]);
    expect(sizes(2000)).toEqual([256, 32, 512]);
    expect(sizes(250, 64)).toEqual([64, 32, 154]);
    expect(sizes(250, 64, 80)).toEqual([64, 80, 106]);
    expect(sizes(3)).toEqual([1, 1, 1]);
    expect(sizes(2)).toEqual([1, 0, 1]);
    expect(sizes(1)).toEqual([1, 0, 0]);
  });

  it('deals every sample somewhere in the long run: no position is favoured', () => {
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 400; seed++) {
      for (const index of dealSlices(10, seed).calibrate) counts[index] = (counts[index] ?? 0) + 1;
    }
    // 5 of 10 are taken 400 times: 200 each, standard deviation 10.
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(50);
  });

  it('refuses more samples than there are, and numbers that are none', () => {
    expect(() => dealSlices(10, 1, 11)).toThrow('11 samples were asked for, but the data has 10.');
    expect(() => dealSlices(10, 1, 0)).toThrow(/positive whole number/);
  });
});

import { describe, expect, it } from 'vitest';
import { median, medianInterleaved } from '../../../src/core/latency/interleaved';

describe('median(values)', () => {
  it('is the middle, or the mean of the two middle ones', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });
});

describe('medianInterleaved(runA, runB, rounds)', () => {
  it('alternates who goes first and leaves the warm-up out', async () => {
    const order: string[] = [];
    const wait = (name: string, ms: number) => async () => {
      order.push(name);
      await new Promise((resolve) => setTimeout(resolve, ms));
    };
    const { a, b } = await medianInterleaved(wait('a', 2), wait('b', 20), { rounds: 4, warmup: 1 });
    expect(order.join('')).toBe('baabbaabba');
    expect(a).toBeLessThan(b);
  });
});

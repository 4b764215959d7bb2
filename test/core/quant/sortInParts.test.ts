import { describe, expect, it } from 'vitest';
import { atOnce } from '../../../src/core/inParts';
import { sortInParts } from '../../../src/core/quant/sortInParts';
import { normalNoise } from '../../support/random';

describe('sortInParts(values, run)', () => {
  it.each([0, 1, 99, 100, 101, 200, 350, 1000, 1234])('sorts %d values', (length) => {
    // With many that are equal, none of them −0.
    const values = normalNoise(length, 5).map((value) => Math.round(value * 20) / 20 + 0);
    const before = values.slice();
    expect(atOnce(sortInParts(values, 100))).toEqual(values.slice().sort());
    expect(values).toEqual(before);
  });

  it('does no part that is much longer than the others', () => {
    const parts = sortInParts(normalNoise(1000, 7), 100);
    let count = 0;
    while (!parts.next().done) count++;
    // Ten runs, then 5 + 3 + 2 + 1 merges.
    expect(count).toBe(21);
  });
});

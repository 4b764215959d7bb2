import { describe, expect, it } from 'vitest';
import { classLayout, positions, topClass, topClasses } from '../../../src/core/quant/classes';

describe('classLayout(dims, axis)', () => {
  it('takes vectors, trailing ones, maps and sequences', () => {
    expect(classLayout([2, 10], 1)).toEqual({ outer: 2, classes: 10, inner: 1 });
    expect(classLayout([1, 1000, 1, 1], 1)).toEqual({ outer: 1, classes: 1000, inner: 1 });
    expect(classLayout([2, 3, 4, 5], 1)).toEqual({ outer: 2, classes: 3, inner: 20 });
    expect(classLayout([2, 7, 30], -1)).toEqual({ outer: 14, classes: 30, inner: 1 });
    expect(positions(classLayout([2, 3, 4, 5], 1))).toBe(40);
  });

  it('refuses an axis that is not there', () => {
    expect(() => classLayout([2, 3], 2)).toThrow(/axis 2 does not exist .* \[2, 3\]/);
  });
});

describe('topClasses(scores, layout, position, k)', () => {
  it('orders by score, the lower class first among equals', () => {
    const layout = classLayout([1, 5], 1);
    expect(topClasses([1, 5, 3, 5, 0], layout, 0, 3)).toEqual([1, 3, 2]);
    expect(topClasses([1, 1, 1, 1, 1], layout, 0, 2)).toEqual([0, 1]);
    expect(topClasses([3, 1], classLayout([1, 2], 1), 0, 5)).toEqual([0, 1]);
  });

  it('walks the class axis of a map', () => {
    // Two classes over two pixels: pixel 0 has scores (1, 2), pixel 1 has (4, 3).
    const layout = classLayout([1, 2, 1, 2], 1);
    expect(topClasses([1, 4, 2, 3], layout, 0, 1)).toEqual([1]);
    expect(topClasses([1, 4, 2, 3], layout, 1, 1)).toEqual([0]);
    expect([topClass([1, 4, 2, 3], layout, 0), topClass([1, 4, 2, 3], layout, 1)]).toEqual([1, 0]);
  });
});

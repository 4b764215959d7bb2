import type { MeasuredParts } from './errorGrid';

/**
 * Values in ascending order with their running sums, from which the squared error of any table comes in a few steps: that of
 * the values nearest to an entry v is Σx² − 2vΣx + nv². The sums begin at zero and run to either side, so that large values are
 * in none of the differences that tell the error of small ones. Memory: 16 bytes per value beside them.
 */
export class SortedSums {
  /** Element i: of the values from zero up to the i-th, which is not among them; below zero the negative of those down to it. */
  private readonly sums: Float64Array;
  private readonly squares: Float64Array;

  /** @param ascending finite values. */
  constructor(private readonly ascending: Float32Array) {
    this.sums = new Float64Array(ascending.length + 1);
    this.squares = new Float64Array(ascending.length + 1);
    const zero = this.below(0);
    let [sum, square] = [0, 0];
    for (let i = zero; i < ascending.length; i++) {
      const value = ascending[i] as number;
      sum += value;
      square += value * value;
      this.sums[i + 1] = sum;
      this.squares[i + 1] = square;
    }
    [sum, square] = [0, 0];
    for (let i = zero - 1; i >= 0; i--) {
      const value = ascending[i] as number;
      sum -= value;
      square -= value * value;
      this.sums[i] = sum;
      this.squares[i] = square;
    }
  }

  /** The error of the nearest entries. @param table ascending, at least one entry. */
  errorOf(table: ArrayLike<number>): MeasuredParts {
    const { length } = this.ascending;
    const last = table.length - 1;
    const first = this.below(table[0] ?? 0);
    const end = Math.max(first, this.below(table[last] ?? 0));
    const clipping = this.errorTo(table[0] ?? 0, 0, first) + this.errorTo(table[last] ?? 0, end, length);
    let rounding = 0;
    let codes = 0;
    let start = first;
    for (let i = 0; i <= last; i++) {
      const value = table[i] ?? 0;
      const next = i < last ? Math.min(end, this.below((value + (table[i + 1] ?? 0)) / 2, start)) : end;
      rounding += this.errorTo(value, start, next);
      const isUsed = next > start || (i === 0 && first > 0) || (i === last && end < length);
      if (isUsed) codes++;
      start = next;
    }
    return { clipping, rounding, codes };
  }

  /** Σ (x − value)² over the values `start` … `end` − 1. */
  private errorTo(value: number, start: number, end: number): number {
    if (end <= start) return 0;
    const sum = (this.sums[end] as number) - (this.sums[start] as number);
    const squares = (this.squares[end] as number) - (this.squares[start] as number);
    return Math.max(0, squares - 2 * value * sum + (end - start) * value * value);
  }

  /** How many values are below `limit`. @param from known to be at most that. */
  private below(limit: number, from = 0): number {
    let [low, high] = [from, this.ascending.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.ascending[middle] as number) < limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

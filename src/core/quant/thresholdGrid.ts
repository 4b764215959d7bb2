/** Cells per threshold: few values share a cell with more than one. */
const CELLS_PER_THRESHOLD = 32;

/**
 * Finds how many ascending thresholds are at or below a value: exactly what a binary search finds, several times faster for
 * millions of values. A cell of an even grid knows the thresholds below it; those within are compared.
 */
export class ThresholdGrid {
  private readonly starts: Uint16Array;
  private readonly least: number;
  private readonly perUnit: number;

  /** @param thresholds at most 65,535. */
  constructor(private readonly thresholds: Float64Array) {
    const cells = Math.max(1, CELLS_PER_THRESHOLD * thresholds.length);
    this.least = thresholds[0] ?? 0;
    const perUnit = cells / ((thresholds.at(-1) ?? 0) - this.least);
    this.perUnit = Number.isFinite(perUnit) ? perUnit : 0;
    this.starts = new Uint16Array(cells);
    const last = cells - 1;
    // The cell of a value never falls as the value rises: thresholds of lower cells are below every value of this one.
    for (const threshold of thresholds) {
      const cell = Math.min(last, (threshold - this.least) * this.perUnit) | 0;
      if (cell < last) this.starts[cell + 1] = (this.starts[cell + 1] as number) + 1;
    }
    for (let cell = 1; cell < cells; cell++) {
      this.starts[cell] = (this.starts[cell] as number) + (this.starts[cell - 1] as number);
    }
  }

  /** How many thresholds are at or below the value. */
  countUpTo(value: number): number {
    const { thresholds, starts } = this;
    const cell = Math.min(starts.length - 1, Math.max(0, (value - this.least) * this.perUnit)) | 0;
    let count = starts[cell] as number;
    while (count < thresholds.length && (thresholds[count] as number) <= value) count++;
    return count;
  }

  /** Of the values `start` … `end` − 1, each divided by `scale` in float32. */
  countAll(values: Float32Array, start: number, end: number, scale: number, counts: Uint8Array): void {
    for (let i = start; i < end; i++) counts[i] = this.countUpTo(Math.fround((values[i] as number) / scale));
  }
}

/** Per-class overlap of two label maps, over any number of samples. */
export class DiceAccumulator {
  private readonly both: Float64Array;
  private readonly sizes: Float64Array;

  constructor(readonly classes: number) {
    this.both = new Float64Array(classes);
    this.sizes = new Float64Array(classes);
  }

  add(a: ArrayLike<number>, b: ArrayLike<number>): void {
    for (let i = 0; i < a.length; i++) {
      const x = a[i] as number;
      const y = b[i] as number;
      if (x < this.classes) this.sizes[x] = (this.sizes[x] ?? 0) + 1;
      if (y < this.classes) this.sizes[y] = (this.sizes[y] ?? 0) + 1;
      if (x === y && x < this.classes) this.both[x] = (this.both[x] ?? 0) + 1;
    }
  }

  /** Dice coefficient 2·|A∩B| / (|A| + |B|) per class, over the pixels of all samples; 1 for a class absent from both. */
  get dice(): number[] {
    return Array.from(this.both, (both, c) => {
      const size = this.sizes[c] as number;
      return size === 0 ? 1 : (2 * both) / size;
    });
  }
}

import type { RuntimeTensor } from '../../src/core/ports';

/** Top-1 of class labels, Dice per class of per-pixel labels, over the samples added; axis 1 holds the classes. */
export class TaskScore {
  private right = 0;
  private labelled = 0;
  private perPixel = false;
  private readonly both: number[] = [];
  private readonly either: number[] = [];

  add(output: RuntimeTensor, label: number | Int32Array): void {
    const { data, dims } = output;
    if (!(data instanceof Float32Array)) return;
    const classes = dims[1] ?? 1;
    const truth = typeof label === 'number' ? Int32Array.of(label) : label;
    const positions = data.length / classes;
    if (positions !== truth.length) throw new Error(`${positions} predictions for ${truth.length} labels`);
    for (let position = 0; position < positions; position++) {
      let guess = 0;
      for (let c = 1; c < classes; c++) {
        if ((data[c * positions + position] ?? 0) > (data[guess * positions + position] ?? 0)) guess = c;
      }
      this.count(guess, truth[position] ?? 0);
    }
    this.perPixel ||= typeof label !== 'number';
  }

  private count(guess: number, truth: number): void {
    this.labelled++;
    this.either[guess] = (this.either[guess] ?? 0) + 1;
    this.either[truth] = (this.either[truth] ?? 0) + 1;
    if (guess !== truth) return;
    this.right++;
    this.both[truth] = (this.both[truth] ?? 0) + 1;
  }

  toString(): string {
    if (this.labelled === 0) return '';
    if (!this.perPixel) return `top-1 ${((100 * this.right) / this.labelled).toFixed(2)}`;
    const dice = Array.from(this.either, (count, c) => (2 * (this.both[c] ?? 0)) / count);
    return `Dice ${dice.map((value) => value.toFixed(4)).join(' ')}`;
  }
}

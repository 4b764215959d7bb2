import { InputError } from '../errors';

/** Bins in use lie between half of this and this (fewer only when one side of zero is empty and values are few). */
export const HISTOGRAM_BINS = 8192;

/**
 * Statistics of one value over any number of samples, in memory that does not depend on how many there are.
 *
 * Bins are `2^e` wide and aligned to zero, on both sides of it: bin j of `positive` counts x in [j·w, (j+1)·w), bin j of
 * `negative` counts −x in the same interval. When a value falls outside, the width doubles and pairs of bins merge, which is
 * exact. The width depends only on the extremes seen, so the result does not depend on the order of the samples, and two
 * histograms merge without loss. Exact zeros (half of what a Relu gives) are counted apart, because zero has no rounding error.
 */
export class StreamingHistogram {
  count = 0;
  zeros = 0;
  min = Infinity;
  max = -Infinity;
  sum = 0;
  sumSquares = 0;
  /** 0 until a value other than zero was seen. */
  binWidth = 0;
  positive = new Float64Array(0);
  negative = new Float64Array(0);

  /** @param name what messages call the value. */
  constructor(readonly name: string) {}

  /** @throws InputError when a value is NaN or infinite; the histogram is unchanged then. */
  add(values: Float32Array | Float64Array): void {
    let min = this.min;
    let max = this.max;
    let sum = 0;
    let sumSquares = 0;
    for (let i = 0; i < values.length; i++) {
      const x = values[i] as number;
      if (x < min) min = x;
      if (x > max) max = x;
      sum += x;
      sumSquares += x * x;
    }
    // A NaN passes every comparison above, but not the sum; squares of finite float64 may overflow, so look again.
    if (!Number.isFinite(sumSquares)) this.rejectNonFinite(values);
    this.extend(min, max);
    this.sum += sum;
    this.sumSquares += sumSquares;
    this.count += values.length;
    this.countInto(values);
  }

  /** Adds everything that `other` has seen. */
  merge(other: StreamingHistogram): void {
    if (other.count === 0) return;
    this.extend(other.min, other.max);
    this.sum += other.sum;
    this.sumSquares += other.sumSquares;
    this.count += other.count;
    this.zeros += other.zeros;
    if (other.binWidth === 0) return;
    const ratio = this.binWidth / other.binWidth;
    addGroups(this.positive, other.positive, ratio);
    addGroups(this.negative, other.negative, ratio);
  }

  private countInto(values: Float32Array | Float64Array): void {
    const { positive, negative } = this;
    // A power of two: multiplying by the inverse is exact.
    const inverse = this.binWidth > 0 ? 1 / this.binWidth : 0;
    let zeros = 0;
    for (let i = 0; i < values.length; i++) {
      const x = values[i] as number;
      if (x > 0) {
        const j = Math.floor(x * inverse);
        positive[j] = (positive[j] as number) + 1;
      } else if (x < 0) {
        const j = Math.floor(-x * inverse);
        negative[j] = (negative[j] as number) + 1;
      } else {
        zeros++;
      }
    }
    this.zeros += zeros;
  }

  /** Makes room for values in [min, max]. */
  private extend(min: number, max: number): void {
    this.min = Math.min(this.min, min);
    this.max = Math.max(this.max, max);
    const low = Math.max(0, -this.min);
    const high = Math.max(0, this.max);
    if (low === 0 && high === 0) return;
    const width = widthFor(low, high);
    const ratio = this.binWidth > 0 ? width / this.binWidth : 1;
    this.positive = regrouped(this.positive, ratio, high > 0 ? Math.floor(high / width) + 1 : 0);
    this.negative = regrouped(this.negative, ratio, low > 0 ? Math.floor(low / width) + 1 : 0);
    this.binWidth = width;
  }

  private rejectNonFinite(values: Float32Array | Float64Array): void {
    const at = values.findIndex((x) => !Number.isFinite(x));
    if (at < 0) return;
    throw new InputError(
      `The value "${this.name}" holds ${String(values[at])} (element ${at}), so no range can be chosen for it. ` +
        'Keep the layers that read or make it float, or check the calibration data.',
    );
  }
}

/** Smallest power of two for which both sides together need at most HISTOGRAM_BINS bins. */
function widthFor(low: number, high: number): number {
  const fits = (w: number): boolean =>
    (low > 0 ? Math.floor(low / w) + 1 : 0) + (high > 0 ? Math.floor(high / w) + 1 : 0) <= HISTOGRAM_BINS;
  let width = 2 ** Math.floor(Math.log2((low + high) / HISTOGRAM_BINS));
  while (!fits(width)) width *= 2;
  while (fits(width / 2)) width /= 2;
  return width;
}

/** `bins` with every `ratio` neighbours added together, `length` long. */
function regrouped(bins: Float64Array, ratio: number, length: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(length);
  addGroups(next, bins, ratio);
  return next;
}

function addGroups(into: Float64Array, bins: Float64Array, ratio: number): void {
  for (const [j, n] of bins.entries()) {
    if (n > 0) into[Math.floor(j / ratio)] = (into[Math.floor(j / ratio)] as number) + n;
  }
}

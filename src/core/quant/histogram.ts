import { InputError } from '../errors';

/** Bins in use lie between half of this and this (fewer only when one side of zero is empty and values are few). */
export const HISTOGRAM_BINS = 8192;

/** Bits of +Infinity; NaNs lie above. */
const INFINITY_BITS = 0x7f800000;
const SIGN_BIT = 1 << 31;
const word = new Int32Array(1);
const wordAsFloat = new Float32Array(word.buffer);
/** Counts of one `add`: zeros, then the positive bins, then the negative ones. */
const scratch = new Uint32Array(1 + 2 * HISTOGRAM_BINS);

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
  /** How many times values were added. */
  samples = 0;
  /** Of the extremes of what was added at a time: over `samples`, their means. */
  sumOfMins = 0;
  sumOfMaxes = 0;
  /** 0 until a value other than zero was seen. */
  binWidth = 0;
  positive = new Float64Array(0);
  negative = new Float64Array(0);

  /** @param name what messages call the value. */
  constructor(readonly name: string) {}

  /**
   * Adds the values of one sample, or of several of the same size, one after the other.
   * @throws InputError when a value is NaN or infinite; the histogram is unchanged then.
   */
  add(values: Float32Array | Float64Array, samples = 1): void {
    if (values.length === 0) return;
    const floats = values instanceof Float32Array ? values : Float32Array.from(values);
    // The bits of a float32, without its sign, order as its magnitude does. Comparing integers costs a quarter of
    // comparing floats here, where calibration spends its time.
    const bits = new Int32Array(floats.buffer, floats.byteOffset, floats.length);
    const size = floats.length / samples;
    const extremes = Array.from({ length: samples }, (_, at) => extremesOf(bits, at * size, (at + 1) * size));
    if (extremes.some(({ largestBits }) => largestBits >= INFINITY_BITS)) this.rejectNonFinite(floats, size);
    for (const { min, max } of extremes) {
      this.min = Math.min(this.min, min);
      this.max = Math.max(this.max, max);
      this.sumOfMins += min;
      this.sumOfMaxes += max;
    }
    this.samples += samples;
    this.count += floats.length;
    for (let start = 0; start < floats.length; start += size) this.addMoments(floats, start, start + size);
    this.makeRoom();
    this.countInto(floats, bits);
  }

  /** Adds everything that `other` has seen. */
  merge(other: StreamingHistogram): void {
    if (other.count === 0) return;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    this.makeRoom();
    this.sum += other.sum;
    this.sumSquares += other.sumSquares;
    this.samples += other.samples;
    this.sumOfMins += other.sumOfMins;
    this.sumOfMaxes += other.sumOfMaxes;
    this.count += other.count;
    this.zeros += other.zeros;
    if (other.binWidth === 0) return;
    const ratio = this.binWidth / other.binWidth;
    addGroups(this.positive, other.positive, ratio);
    addGroups(this.negative, other.negative, ratio);
  }

  private addMoments(floats: Float32Array, start: number, end: number): void {
    let sum = 0;
    let sumSquares = 0;
    for (let i = start; i < end; i++) {
      const x = floats[i] as number;
      sum += x;
      sumSquares += x * x;
    }
    this.sum += sum;
    this.sumSquares += sumSquares;
  }

  /** Without a branch in the loop: half of what a Relu gives is zero, and nobody can predict which half. */
  private countInto(floats: Float32Array, bits: Int32Array): void {
    // A power of two: multiplying by the inverse is exact.
    const inverse = this.binWidth > 0 ? 1 / this.binWidth : 0;
    const negatives = 1 + HISTOGRAM_BINS;
    scratch.fill(0, 0, 1 + this.positive.length);
    scratch.fill(0, negatives, negatives + this.negative.length);
    for (let i = 0; i < floats.length; i++) {
      const b = bits[i] as number;
      const magnitude = b << 1;
      const isNonZero = (magnitude | -magnitude) >>> 31;
      const bin = (Math.abs(floats[i] as number) * inverse) | 0;
      const slot = Math.imul(isNonZero, bin + 1 + Math.imul(b >>> 31, HISTOGRAM_BINS));
      scratch[slot] = (scratch[slot] as number) + 1;
    }
    this.zeros += scratch[0] as number;
    addBins(this.positive, scratch, 1);
    addBins(this.negative, scratch, negatives);
  }

  /** Bins for values in [min, max]. */
  private makeRoom(): void {
    const low = Math.max(0, -this.min);
    const high = Math.max(0, this.max);
    if (low === 0 && high === 0) return;
    const width = widthFor(low, high);
    const ratio = this.binWidth > 0 ? width / this.binWidth : 1;
    this.positive = regrouped(this.positive, ratio, high > 0 ? Math.floor(high / width) + 1 : 0);
    this.negative = regrouped(this.negative, ratio, low > 0 ? Math.floor(low / width) + 1 : 0);
    this.binWidth = width;
  }

  private rejectNonFinite(values: Float32Array, size: number): never {
    const at = values.findIndex((x) => !Number.isFinite(x));
    throw new InputError(
      `The value "${this.name}" holds ${String(values[at])} (element ${at % size}), so no range can be chosen for it. ` +
        'Keep the layers that read or make it float, or check the calibration data.',
    );
  }
}

/** Extremes of `start` … `end` − 1 by integer comparison of the bits; `largestBits`: those of the largest magnitude. */
function extremesOf(
  bits: Int32Array,
  start: number,
  end: number,
): { min: number; max: number; largestBits: number } {
  let highest = bits[start] as number;
  // With the sign flipped, signed comparison orders as unsigned: positives by value, then negatives by magnitude.
  let first = highest ^ SIGN_BIT;
  let last = first;
  for (let i = start; i < end; i++) {
    const b = bits[i] as number;
    const flipped = b ^ SIGN_BIT;
    if (b > highest) highest = b;
    if (flipped < first) first = flipped;
    if (flipped > last) last = flipped;
  }
  return {
    min: floatOf((last ^ SIGN_BIT) < 0 ? last ^ SIGN_BIT : first ^ SIGN_BIT),
    max: floatOf(highest >= 0 ? highest : first ^ SIGN_BIT),
    largestBits: Math.max(highest & ~SIGN_BIT, (last ^ SIGN_BIT) & ~SIGN_BIT),
  };
}

function floatOf(bits: number): number {
  word[0] = bits;
  return wordAsFloat[0] as number;
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
function regrouped(
  bins: Float64Array<ArrayBuffer>,
  ratio: number,
  length: number,
): Float64Array<ArrayBuffer> {
  if (ratio === 1 && length === bins.length) return bins;
  const next = new Float64Array(length);
  addGroups(next, bins, ratio);
  return next;
}

function addGroups(into: Float64Array, bins: Float64Array, ratio: number): void {
  for (let j = 0; j < bins.length; j++) {
    const n = bins[j] as number;
    if (n > 0) into[Math.floor(j / ratio)] = (into[Math.floor(j / ratio)] as number) + n;
  }
}

/** Adds the counts that begin at `from`. */
function addBins(into: Float64Array, counts: Uint32Array, from: number): void {
  for (let j = 0; j < into.length; j++) {
    into[j] = (into[j] as number) + (counts[from + j] as number);
  }
}

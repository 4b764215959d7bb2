/** Ranges by relative entropy. */
import type { StreamingHistogram } from './histogram';
import type { Range } from './scheme';

/** Levels that a candidate's bins are merged into, as TensorRT and ONNX Runtime's tool have it for 8 bits. */
const LEVELS = 128;
/** On the longer side of zero, if the histogram has so many; less than twice as many. More make sparse counts look informative. */
const FEWEST_BINS = 1024;
/** What a level without values counts as, as in the tool. */
const EMPTY = 1e-4;

/**
 * The range whose values, merged into 128 levels, tell least about something else than the values themselves: the least
 * Σ p ln(p / q), where p are the counts within the range, those outside added to its ends, and q the same counts spread evenly
 * over the occupied bins of each level (Migacz, "8-bit inference with TensorRT", 2017).
 *
 * Candidates end at every bin from the 128th on, on the histogram's own 4,096 to 8,192 bins; the tool tries only one with its
 * default of 128 bins. Of data on both sides of zero the candidates are ±t, cut where no values are. Symmetric: of |x|. Zeros
 * do not count: they have no error, and half of what a Relu gives would hide the rest.
 */
export function leastEntropyRange(histogram: StreamingHistogram, symmetric: boolean): Range {
  const { min, max } = histogram;
  let { binWidth } = histogram;
  let positive: Float64Array = histogram.positive;
  let negative: Float64Array = histogram.negative;
  while (Math.max(positive.length, negative.length) >= 2 * FEWEST_BINS) {
    [positive, negative] = [halved(positive), halved(negative)];
    binWidth *= 2;
  }
  const sides = symmetric
    ? { low: new Float64Array(0), high: added(positive, negative) }
    : { low: negative, high: positive };
  const bins = new CountedBins(sides.low, sides.high);
  const longest = Math.max(sides.low.length, sides.high.length);
  let least = Infinity;
  let best = longest;
  for (let end = 1; end <= longest; end++) {
    const below = Math.min(end, sides.low.length);
    const above = Math.min(end, sides.high.length);
    if (below + above < LEVELS) continue;
    const divergence = bins.divergence(sides.low.length - below, sides.low.length + above);
    // The tool takes the first of equal ones too.
    if (divergence < least) [least, best] = [divergence, end];
  }
  const t = best * binWidth;
  return { min: Math.max(min, -t), max: Math.min(max, t) };
}

function halved(bins: Float64Array): Float64Array {
  return Float64Array.from(
    { length: Math.ceil(bins.length / 2) },
    (_, j) => (bins[2 * j] ?? 0) + (bins[2 * j + 1] ?? 0),
  );
}

function added(a: Float64Array, b: Float64Array): Float64Array {
  return Float64Array.from({ length: Math.max(a.length, b.length) }, (_, j) => (a[j] ?? 0) + (b[j] ?? 0));
}

/** Bins from the lowest value to the highest, with running sums, so that a candidate costs as much as it has levels. */
class CountedBins {
  private readonly counts: Float64Array;
  private readonly total: Float64Array;
  private readonly occupied: Float64Array;
  /** Σ n ln n. */
  private readonly logs: Float64Array;

  /** @param low counts below zero, outwards. @param high counts above zero, outwards. */
  constructor(low: Float64Array, high: Float64Array) {
    this.counts = Float64Array.from([...low.toReversed(), ...high]);
    const length = this.counts.length;
    this.total = new Float64Array(length + 1);
    this.occupied = new Float64Array(length + 1);
    this.logs = new Float64Array(length + 1);
    for (let j = 0; j < length; j++) {
      const n = this.counts[j] as number;
      this.total[j + 1] = (this.total[j] as number) + n;
      this.occupied[j + 1] = (this.occupied[j] as number) + (n > 0 ? 1 : 0);
      this.logs[j + 1] = (this.logs[j] as number) + timesLog(n);
    }
  }

  /** Σ p ln(p / q) of the bins `start` … `end` − 1; infinite when they hold nothing. */
  divergence(start: number, end: number): number {
    const all = this.total[this.counts.length] as number;
    const within = (this.total[end] as number) - (this.total[start] as number);
    if (within === 0) return Infinity;
    const before = this.total[start] as number;
    const after = all - (this.total[end] as number);
    const first = this.counts[start] as number;
    const last = this.counts[end - 1] as number;
    // Σ p ln p, with what lies outside added to the ends.
    let sum =
      (this.logs[end] as number) -
      (this.logs[start] as number) +
      (timesLog(first + before) - timesLog(first)) +
      (timesLog(last + after) - timesLog(last));
    let spread = 0;
    for (let level = 0, from = start; level < LEVELS; level++) {
      const to = start + Math.floor(((level + 1) * (end - start)) / LEVELS);
      const count = (this.total[to] as number) - (this.total[from] as number);
      let occupied = (this.occupied[to] as number) - (this.occupied[from] as number);
      let p = count;
      // An end without values of its own, that those outside are added to, is occupied too.
      if (level === 0 && before > 0) [p, occupied] = [p + before, occupied + (first === 0 ? 1 : 0)];
      if (level === LEVELS - 1 && after > 0) [p, occupied] = [p + after, occupied + (last === 0 ? 1 : 0)];
      if (p > 0) {
        const q = Math.max(count, EMPTY) / occupied;
        sum -= p * Math.log(q);
        spread += q * occupied;
      }
      from = to;
    }
    return sum / all + Math.log(spread / all);
  }
}

function timesLog(n: number): number {
  return n > 0 ? n * Math.log(n) : 0;
}

import { InputError } from '../errors';
import { aciqRange } from './aciqRange';
import { computeQuantParams } from './affine';
import { leastEntropyRange } from './entropyRange';
import type { StreamingHistogram } from './histogram';
import { integerType } from './integerTypes';
import type { ActivationRangeRule, IntegerTypeName, Range } from './scheme';

/** What the range is for: the integer type, and whether it will be made symmetric. */
export interface RangeTarget {
  readonly type: IntegerTypeName;
  readonly symmetric: boolean;
}

/** A rule that looks at one value only; `auto` compares these by running the model (calibrate/chooseRanges.ts). */
export type LocalRangeRule = Exclude<ActivationRangeRule, 'auto'>;

/**
 * The range of one value by one rule; inside the observed extremes.
 * - `max`: the extremes themselves. `average`: the mean over the samples of their extremes.
 * - `percentile:p`: p percent of the values lie within. Symmetric: of |x|, as ±t; asymmetric: half of the rest is cut on
 *   either side. Interpolated within a bin, so that p = 100 is the maximum.
 * - `mse`: least squared error of quantizing, clipping and rounding together (see `leastSquaresRange`).
 * - `entropy`: least relative entropy after merging into 128 levels (see `leastEntropyRange`); can clip far too much. 16-bit
 *   types have more levels than the histogram has bins, so that nothing is lost by keeping the extremes.
 * - `aciq`: from moments, for a Laplace or normal distribution (see `aciqRange`).
 * @throws InputError when the histogram is empty, or p is not in (50, 100].
 */
export function rangeFromHistogram(
  histogram: StreamingHistogram,
  rule: LocalRangeRule,
  target: RangeTarget,
): Range {
  if (histogram.count === 0) {
    throw new InputError(`The value "${histogram.name}" has no elements in any sample, so it has no range.`);
  }
  const { bits } = integerType(target.type);
  switch (rule) {
    case 'max':
      return { min: histogram.min, max: histogram.max };
    case 'average':
      return { min: histogram.sumOfMins / histogram.samples, max: histogram.sumOfMaxes / histogram.samples };
    case 'mse':
      return leastSquaresRange(histogram, target);
    case 'entropy':
      if (bits > 8) return { min: histogram.min, max: histogram.max };
      return leastEntropyRange(histogram, target.symmetric);
    case 'aciq':
      return aciqRange(histogram, bits, target.symmetric);
    default:
      return percentileRange(histogram, rule, target);
  }
}

function percentileRange(histogram: StreamingHistogram, rule: string, target: RangeTarget): Range {
  const percent = Number(rule.slice('percentile:'.length));
  if (!(percent > 50 && percent <= 100)) {
    throw new InputError(`A percentile must be above 50 and at most 100, not "${rule}".`);
  }
  if (target.symmetric) {
    const t = absoluteQuantile(histogram, percent / 100);
    return clipped({ min: -t, max: t }, histogram);
  }
  const cut = (100 - percent) / 200;
  return clipped({ min: quantile(histogram, cut), max: quantile(histogram, 1 - cut) }, histogram);
}

/** The value that a fraction `q` of all values do not pass; interpolated within a bin. */
export function quantile(histogram: StreamingHistogram, q: number): number {
  if (q <= 0) return histogram.min;
  if (q >= 1) return histogram.max;
  const { positive, negative, binWidth } = histogram;
  let rank = q * histogram.count;
  for (let j = negative.length - 1; j >= 0; j--) {
    const n = negative[j] as number;
    if (n >= rank) return within(-binWidth * (j + 1 - rank / n), histogram);
    rank -= n;
  }
  if (histogram.zeros >= rank) return 0;
  rank -= histogram.zeros;
  for (const [j, n] of positive.entries()) {
    if (n > 0 && n >= rank) return within(binWidth * (j + rank / n), histogram);
    rank -= n;
  }
  return histogram.max;
}

/** The magnitude that a fraction `q` of all values do not pass; interpolated within a bin. */
export function absoluteQuantile(histogram: StreamingHistogram, q: number): number {
  const { positive, negative, binWidth } = histogram;
  const largest = Math.max(Math.abs(histogram.min), Math.abs(histogram.max));
  if (q >= 1) return largest;
  let rank = q * histogram.count - histogram.zeros;
  if (rank <= 0) return 0;
  for (let j = 0; j < Math.max(positive.length, negative.length); j++) {
    const n = (positive[j] ?? 0) + (negative[j] ?? 0);
    if (n > 0 && n >= rank) return Math.min(largest, binWidth * (j + rank / n));
    rank -= n;
  }
  return largest;
}

function within(x: number, { min, max }: Range): number {
  return Math.min(max, Math.max(min, x));
}

function clipped(range: Range, histogram: StreamingHistogram): Range {
  return { min: within(range.min, histogram), max: within(range.max, histogram) };
}

/** Shrink factors tried per search: 1 down to about 0.05, closer together where ranges usually end. */
const FACTORS = Array.from({ length: 100 }, (_, i) => 0.97 ** i);

/**
 * The range with the least Σ n·(x − Q(x))² over the bins (x: bin centre; what spreads within a bin is the same for every
 * candidate). Both sides shrink together first; then, when the target is asymmetric and both exist, each alone, twice.
 */
export function leastSquaresRange(histogram: StreamingHistogram, target: RangeTarget): Range {
  const bins = occupiedBins(histogram);
  let best: Range = { min: Math.min(0, histogram.min), max: Math.max(0, histogram.max) };
  if (target.symmetric) {
    const t = Math.max(-best.min, best.max);
    best = { min: -t, max: t };
  }
  let least = squaredError(bins, best, target);
  const search = (candidate: (factor: number) => Range): void => {
    for (const factor of FACTORS) {
      const range = candidate(factor);
      const error = squaredError(bins, range, target);
      if (error < least) [least, best] = [error, range];
    }
  };
  const { min, max } = best;
  search((factor) => ({ min: min * factor, max: max * factor }));
  if (!target.symmetric && min < 0 && max > 0) {
    for (let round = 0; round < 2; round++) {
      const { min: low, max: high } = best;
      search((factor) => ({ min: low, max: max * factor }));
      const { max: newHigh } = best;
      search((factor) => ({ min: min * factor, max: newHigh }));
      if (best.min === low && best.max === high) break;
    }
  }
  return best;
}

interface Bins {
  readonly centers: Float64Array;
  readonly counts: Float64Array;
}

function occupiedBins({ positive, negative, binWidth }: StreamingHistogram): Bins {
  const centers: number[] = [];
  const counts: number[] = [];
  for (const [side, sign] of [[negative, -1] as const, [positive, 1] as const]) {
    for (const [j, n] of side.entries()) {
      if (n === 0) continue;
      centers.push(sign * binWidth * (j + 0.5));
      counts.push(n);
    }
  }
  return { centers: Float64Array.from(centers), counts: Float64Array.from(counts) };
}

/** Σ n·(x − Q(x))² over bins; zeros have no error, since zero is always a code. */
function squaredError({ centers, counts }: Bins, range: Range, target: RangeTarget): number {
  const { scale, zeroPoint } = computeQuantParams(range, target.type, { symmetric: target.symmetric });
  const { min: qmin, max: qmax } = integerType(target.type);
  const low = qmin - zeroPoint;
  const high = qmax - zeroPoint;
  let error = 0;
  for (let i = 0; i < centers.length; i++) {
    const x = centers[i] as number;
    let code = Math.floor(x / scale + 0.5);
    if (code < low) code = low;
    else if (code > high) code = high;
    const d = x - code * scale;
    error += (counts[i] as number) * d * d;
  }
  return error;
}

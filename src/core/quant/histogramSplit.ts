import { atOnce } from '../inParts';
import { gridEnds, integerGrid, type ErrorGrid, type ErrorParts, type MeasuredParts } from './errorGrid';
import { codesUsed } from './histogramCodes';
import { ErrorCurve, NO_POINTS } from './errorCurve';
import { MAGNITUDE_BINS, MARKER_RULES, thresholdsOf, type ErrorSplit, type SplitOptions } from './errorSplit';
import type { StreamingHistogram } from './histogram';
import { rangeFromHistogram, type RangeTarget } from './ranges';
import type { Range } from './scheme';

/** Values that lie evenly between two ends. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/**
 * What a range costs an activation, at every threshold, from its histogram: values count as spread evenly over their bin, and
 * zeros as exact. At 8 bits that is within a few per mille on real networks. Steps of 16 bits are finer than bins, so that there
 * few values, or those of pictures, may have less error than this tells.
 * An asymmetric range of a threshold a is what of ±a lies within the extremes.
 * Markers are where `rangeFromHistogram` puts the range for `target`.
 * @throws InputError when the histogram is empty.
 */
export function histogramSplit(
  histogram: StreamingHistogram,
  target: RangeTarget,
  { rules = MARKER_RULES, planned, ...options }: SplitOptions = {},
): ErrorSplit {
  const { min, max, sumSquares: energy } = histogram;
  const markers = rules
    .map((rule) => ({ rule, threshold: reachOf(rangeFromHistogram(histogram, rule, target)) }))
    .filter(({ threshold }) => threshold > 0);
  const largest = reachOf({ min, max });
  const counted = magnitudeHistogram(histogram, largest);
  if (largest === 0) {
    return { ...NO_POINTS, markers: [], planned: null, histogram: counted, energy };
  }
  const family = integerGrid(target.type, { symmetric: target.symmetric, within: { min, max } });
  const spans = spansOf(histogram);
  const errorOf = (grid: ErrorGrid): MeasuredParts => ({
    ...errorOfSpans(spans, grid),
    codes: codesUsed(spans, grid),
  });
  const measured = (a: number): MeasuredParts => errorOf(family.at(a));
  const curve = atOnce(ErrorCurve.measure({ max: largest, mean: meanOf(spans), errorAt: measured }));
  const points = atOnce(curve.pointsWith(thresholdsOf(markers), energy, options));
  return { ...points, markers, planned: planned ? errorOf(planned) : null, histogram: counted, energy };
}

/** Clipping and rounding error of the values in a histogram on one grid; see `histogramSplit`. */
export function histogramError(histogram: StreamingHistogram, grid: ErrorGrid): ErrorParts {
  return errorOfSpans(spansOf(histogram), grid);
}

function reachOf({ min, max }: Range): number {
  return Math.max(-min, max);
}

/** The occupied bins, cut where no value can be. Zeros make a span of no width. */
function spansOf({ positive, negative, binWidth, zeros, min, max }: StreamingHistogram): Span[] {
  const spans: Span[] = zeros > 0 ? [{ from: 0, to: 0, count: zeros }] : [];
  for (const [j, count] of negative.entries()) {
    if (count === 0) continue;
    spans.push({
      from: Math.max(min, -(j + 1) * binWidth),
      to: Math.min(max, -j * binWidth),
      count,
    });
  }
  for (const [j, count] of positive.entries()) {
    if (count === 0) continue;
    spans.push({ from: Math.max(min, j * binWidth), to: Math.min(max, (j + 1) * binWidth), count });
  }
  return spans;
}

/** Mean magnitude of what is not zero. */
function meanOf(spans: readonly Span[]): number {
  let [sum, filled] = [0, 0];
  for (const { from, to, count } of spans) {
    if (from === 0 && to === 0) continue;
    sum += (count * Math.abs(from + to)) / 2;
    filled += count;
  }
  return sum / filled;
}

function errorOfSpans(spans: readonly Span[], grid: ErrorGrid): ErrorParts {
  const { min, max } = gridEnds(grid);
  const rounded = grid.kind === 'even' ? evenIntegral(grid.step) : tableIntegral(grid.values);
  const roundedAt = (x: number): number =>
    grid.kind === 'even'
      ? (x - grid.step * Math.floor(x / grid.step + 0.5)) ** 2
      : nearestError(grid.values, x);
  let clipping = 0;
  let rounding = 0;
  for (const { from, to, count } of spans) {
    const width = to - from;
    if (!(width > 0)) {
      if (from > max) clipping += count * (from - max) ** 2;
      else if (from < min) clipping += count * (from - min) ** 2;
      else rounding += count * roundedAt(from);
      continue;
    }
    const density = count / width;
    if (to > max) clipping += (density * ((to - max) ** 3 - Math.max(0, from - max) ** 3)) / 3;
    if (from < min) clipping += (density * ((min - from) ** 3 - Math.max(0, min - to) ** 3)) / 3;
    const [low, high] = [Math.max(from, min), Math.min(to, max)];
    if (high > low) rounding += density * (rounded(high) - rounded(low));
  }
  return { clipping, rounding: Math.max(0, rounding) };
}

/** ∫ (t − step · round(t / step))² dt from 0 to x. */
function evenIntegral(step: number): (x: number) => number {
  const perStep = step ** 3 / 12;
  return (x) => {
    const code = Math.floor(x / step + 0.5);
    return code * perStep + (x - code * step) ** 3 / 3;
  };
}

/** ∫ (t − Q(t))² dt to x, from somewhere at or below the first number of an ascending table, for x within the table. */
function tableIntegral(table: ArrayLike<number>): (x: number) => number {
  const middles = Float64Array.from(
    { length: Math.max(0, table.length - 1) },
    (_, i) => ((table[i] ?? 0) + (table[i + 1] ?? 0)) / 2,
  );
  /** Element i: to the i-th number of the table. */
  const sums = new Float64Array(table.length);
  for (let i = 1; i < table.length; i++) {
    sums[i] = (sums[i - 1] ?? 0) + (2 * (((table[i] ?? 0) - (table[i - 1] ?? 0)) / 2) ** 3) / 3;
  }
  return (x) => {
    let [low, high] = [0, middles.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((middles[middle] ?? 0) <= x) low = middle + 1;
      else high = middle;
    }
    return (sums[low] ?? 0) + (x - (table[low] ?? 0)) ** 3 / 3;
  };
}

function nearestError(table: ArrayLike<number>, x: number): number {
  let least = Infinity;
  for (let i = 0; i < table.length; i++) least = Math.min(least, (x - (table[i] ?? 0)) ** 2);
  return least;
}

/** Of |x|, in MAGNITUDE_BINS bins up to `largest`. */
function magnitudeHistogram(histogram: StreamingHistogram, largest: number): ErrorSplit['histogram'] {
  if (largest === 0) return { edges: [0, 1], counts: [histogram.count] };
  const width = largest / MAGNITUDE_BINS;
  const counts = new Float64Array(MAGNITUDE_BINS);
  for (const { from, to, count } of spansOf(histogram)) {
    const [low, high] = from < 0 ? [-to, -from] : [from, to];
    const first = Math.min(MAGNITUDE_BINS - 1, Math.floor(low / width));
    const last = Math.min(MAGNITUDE_BINS - 1, Math.floor(high / width));
    for (let bin = first; bin <= last; bin++) {
      const overlap = Math.min(high, (bin + 1) * width) - Math.max(low, bin * width);
      const part = high > low && first < last ? overlap / (high - low) : 1;
      counts[bin] = (counts[bin] ?? 0) + count * part;
    }
  }
  return {
    edges: Array.from({ length: MAGNITUDE_BINS + 1 }, (_, i) => i * width),
    counts: Array.from(counts),
  };
}

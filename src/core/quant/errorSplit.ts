import { InputError } from '../errors';
import { atOnce, type Parts } from '../inParts';
import { leastEntropyRange } from './entropyRange';
import { ErrorCurve, NO_POINTS, type CurveOptions, type CurvePoints } from './errorCurve';
import {
  gridEnds,
  gridSize,
  gridValues,
  type ErrorGrid,
  type GridFamily,
  type MeasuredParts,
} from './errorGrid';
import { extremesOf } from './extremes';
import { StreamingHistogram } from './histogram';
import { magnitudeQuantile } from './magnitudeQuantile';
import { sortInParts } from './sortInParts';
import { SortedSums } from './sortedSums';

/** Where a rule puts the range. */
export type MarkerRule = 'max' | `percentile:${number}` | 'entropy' | 'mse';

export interface RangeMarker {
  readonly rule: MarkerRule;
  /** Greatest magnitude of the range. */
  readonly threshold: number;
}

/** Clipping and rounding error of one tensor over range thresholds; see `ErrorSplitCurve` in rangeResults.ts. */
export interface ErrorSplit extends CurvePoints {
  readonly markers: RangeMarker[];
  /** Of |x|: `edges` has one more element than `counts`. */
  readonly histogram: { edges: number[]; counts: number[] };
  /** On the grid that was asked for; null: none was, or all values are zero. */
  readonly planned: MeasuredParts | null;
  /** Σ x². */
  readonly energy: number;
}

/** What is asked for beyond the usual. */
export interface SplitOptions extends CurveOptions {
  /** Markers to find; all rules when absent. */
  readonly rules?: readonly MarkerRule[];
  /** A grid to measure beside the curve, which need not be one of its. */
  readonly planned?: ErrorGrid | undefined;
}

/** What is asked for of a weight. */
export interface WeightSplitOptions extends SplitOptions {
  /**
   * The least and the greatest value count as this share of one each, and are in no percentile: of a sample, where they are known of
   * all values. Absent: as all others.
   */
  readonly extremeShare?: number;
}

/** Every rule there is a marker for. */
export const MARKER_RULES: readonly MarkerRule[] = [
  'max',
  'percentile:99.9',
  'percentile:99.99',
  'percentile:99.999',
  'entropy',
  'mse',
];

/** Of the histogram of magnitudes. */
export const MAGNITUDE_BINS = 128;
/** Grids up to this size are measured by sorted sums, which cost less than a pass over many values. */
const MOST_SORTED = 1024;
/** The entropy rule merges into 128 levels, which says nothing of finer grids. */
const MOST_ENTROPY_CODES = 256;

/**
 * What a range costs `values`, which have one grid in common (a tensor, a channel, a block), at every threshold: exact. The
 * values are sorted once (2.4 million: a few tenths of a second); grids of more than 1024 numbers take O(values · thresholds).
 * @throws InputError when a value is NaN or infinite.
 */
export function errorSplit(
  values: Float32Array,
  family: GridFamily,
  options?: WeightSplitOptions,
): ErrorSplit {
  return atOnce(errorSplitInParts(values, family, options));
}

/** The same, threshold by threshold. */
export function* errorSplitInParts(
  values: Float32Array,
  family: GridFamily,
  { rules = MARKER_RULES, planned, extremeShare = 1, ...options }: WeightSplitOptions = {},
): Parts<ErrorSplit> {
  const magnitudes = values.map(Math.abs);
  const { min: least, max: greatest } = extremesOf(values);
  const ends = Float32Array.of(least, greatest);
  let [max, sum, energy, filled] = [0, 0, 0, 0];
  for (const w of magnitudes) {
    if (w > max) max = w;
    if (w > 0) filled++;
    sum += w;
    energy += w * w;
  }
  if (extremeShare < 1) energy -= (1 - extremeShare) * (least * least + greatest * greatest);
  if (!Number.isFinite(energy)) {
    throw new InputError('The weight holds NaN or infinite values, so its error has no size.');
  }
  if (max === 0) {
    const histogram = { edges: [0, 1], counts: [magnitudes.length] };
    return { ...NO_POINTS, markers: [], planned: null, histogram, energy };
  }
  const histogram = {
    edges: Array.from({ length: MAGNITUDE_BINS + 1 }, (_, i) => (max * i) / MAGNITUDE_BINS),
    counts: Array.from(countMagnitudes(magnitudes, max, MAGNITUDE_BINS)),
  };
  yield;
  const widest = family.at(max);
  const isPercentile = (rule: MarkerRule): boolean => rule.startsWith('percentile:');
  const sorted =
    isMeasuredSorted(widest) || rules.some(isPercentile) ? yield* sortInParts(values) : undefined;
  const errorOfAll = exactError(values, isMeasuredSorted(widest) ? sorted : undefined);
  const errorOf = extremeShare < 1 ? lessOf(errorOfAll, exactError(ends), 1 - extremeShare) : errorOfAll;
  const inside = extremeShare < 1 ? sorted?.subarray(1, -1) : sorted;
  yield;
  const errorAt = (a: number): MeasuredParts => errorOf(family.at(a));
  const curve = yield* ErrorCurve.measure({ max, mean: sum / filled, errorAt });
  const thresholdOf = (rule: MarkerRule): number => {
    if (rule === 'max') return max;
    if (rule === 'mse') return family.mse?.({ max, count: values.length, errorAt }) ?? curve.least;
    if (rule === 'entropy') {
      if (gridSize(widest) > MOST_ENTROPY_CODES) return max;
      const streamed = new StreamingHistogram('weight');
      streamed.add(values);
      const range = leastEntropyRange(streamed, family.symmetric);
      return Math.max(-range.min, range.max);
    }
    return inside ? magnitudeQuantile(inside, Number(rule.slice('percentile:'.length)) / 100) : max;
  };
  const markers: RangeMarker[] = [];
  for (const rule of rules) {
    const threshold = thresholdOf(rule);
    // Nearly all are zero: a range of nothing has no place on a log scale.
    if (threshold > 0) markers.push({ rule, threshold });
    yield;
  }
  const points = yield* curve.pointsWith(thresholdsOf(markers), energy, options);
  return { ...points, markers, planned: planned ? errorOf(planned) : null, histogram, energy };
}

/** Where the markers are. */
export function thresholdsOf(markers: readonly RangeMarker[]): number[] {
  return markers.map(({ threshold }) => threshold);
}

/**
 * Clipping and rounding error of `values` on grids, exactly. The values are sorted once, for grids of few numbers.
 * @param sorted the values in ascending order, where they are known.
 * @returns a function of the grid.
 */
export function exactError(values: Float32Array, sorted?: Float32Array): ErrorOf {
  let sums = sorted && new SortedSums(sorted);
  return (grid) => {
    if (grid.kind === 'even' && !isMeasuredSorted(grid)) return evenError(values, grid);
    sums ??= new SortedSums(values.slice().sort());
    return sums.errorOf(gridValues(grid));
  };
}

type ErrorOf = (grid: ErrorGrid) => MeasuredParts;

/** The error of all values without a share of that of some. */
function lessOf(all: ErrorOf, some: ErrorOf, share: number): ErrorOf {
  return (grid) => {
    const [{ clipping, rounding, codes }, less] = [all(grid), some(grid)];
    const without = (error: number, of: number): number => Math.max(0, error - share * of);
    return {
      clipping: without(clipping, less.clipping),
      rounding: without(rounding, less.rounding),
      codes,
    };
  };
}

function isMeasuredSorted(grid: ErrorGrid): boolean {
  return grid.kind === 'table' || gridSize(grid) <= MOST_SORTED;
}

function evenError(values: Float32Array, grid: ErrorGrid & { readonly kind: 'even' }): MeasuredParts {
  const { step, low, high } = grid;
  const { min, max } = gridEnds(grid);
  const inverse = 1 / step;
  const used = new Uint8Array(gridSize(grid));
  let clipping = 0;
  let rounding = 0;
  for (let i = 0; i < values.length; i++) {
    const w = values[i] as number;
    let code: number;
    if (w > max) {
      clipping += (w - max) * (w - max);
      code = high;
    } else if (w < min) {
      clipping += (w - min) * (w - min);
      code = low;
    } else {
      // At a tie both neighbours are equally far, so the kind of rounding does not matter.
      code = Math.floor(w * inverse + 0.5);
      const d = w - step * code;
      rounding += d * d;
    }
    used[code - low] = 1;
  }
  return { clipping, rounding, codes: used.reduce((sum, one) => sum + one, 0) };
}

function countMagnitudes(magnitudes: Float32Array, max: number, bins: number): Float64Array {
  const counts = new Float64Array(bins);
  for (const w of magnitudes) {
    const j = Math.min(bins - 1, Math.floor((w / max) * bins));
    counts[j] = (counts[j] as number) + 1;
  }
  return counts;
}

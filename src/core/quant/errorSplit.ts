import { InputError } from '../errors';
import { atOnce, type Parts } from '../inParts';
import { leastEntropyRange } from './entropyRange';
import {
  gridEnds,
  gridSize,
  gridValues,
  type ErrorGrid,
  type ErrorParts,
  type GridFamily,
  type MeasuredParts,
} from './errorGrid';
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
export interface ErrorSplit {
  /** Ascending, log-spaced; the last is max |x|. Empty for a tensor of zeros. */
  readonly thresholds: number[];
  /** At each threshold; clipping and rounding together are the error of quantizing. */
  readonly clipping: number[];
  readonly rounding: number[];
  /** At each threshold: how many numbers of the grid some value becomes. */
  readonly codes: number[];
  readonly markers: RangeMarker[];
  /** Of |x|: `edges` has one more element than `counts`. */
  readonly histogram: { edges: number[]; counts: number[] };
  /** Σ x². */
  readonly energy: number;
}

/** What is asked for beyond the usual. */
export interface SplitOptions {
  /** Markers to find; all rules when absent. */
  readonly rules?: readonly MarkerRule[];
  /**
   * How many thresholds, spaced evenly on a log scale from where half of the energy is lost. When absent, 64 from where every
   * value rounds to an end of the range.
   */
  readonly steps?: number;
  /** Thresholds to tell as well. */
  readonly also?: readonly number[];
  /** Those of the markers are told as well. */
  readonly atMarkers?: boolean;
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
const THRESHOLDS = 64;
/** Grids up to this size are measured by sorted sums, which cost less than a pass over many values. */
const MOST_SORTED = 1024;
/** Fewer significant digits than this would move the end of a range visibly; more cannot be read. */
const THRESHOLD_DIGITS = 4;
/** Steps of the finer search for the MSE marker, between the neighbours of the best threshold. */
const REFINEMENTS = 16;
/** The entropy rule merges into 128 levels, which says nothing of finer grids. */
const MOST_ENTROPY_CODES = 256;

/**
 * What a range costs `values`, which have one grid in common (a tensor, a channel, a block), at every threshold: exact. The
 * values are sorted once (2.4 million: a few tenths of a second); grids of more than 1024 numbers take O(values · thresholds).
 * @throws InputError when a value is NaN or infinite.
 */
export function errorSplit(values: Float32Array, family: GridFamily, options?: SplitOptions): ErrorSplit {
  return atOnce(errorSplitInParts(values, family, options));
}

/** The same, threshold by threshold. */
export function* errorSplitInParts(
  values: Float32Array,
  family: GridFamily,
  { rules = MARKER_RULES, ...options }: SplitOptions = {},
): Parts<ErrorSplit> {
  const magnitudes = values.map(Math.abs);
  let max = 0;
  let energy = 0;
  for (const w of magnitudes) {
    if (w > max) max = w;
    energy += w * w;
  }
  if (!Number.isFinite(energy)) {
    throw new InputError('The weight holds NaN or infinite values, so its error has no size.');
  }
  if (max === 0) {
    const histogram = { edges: [0, 1], counts: [magnitudes.length] };
    return { ...NO_POINTS, markers: [], histogram, energy };
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
  const errorOf = exactError(values, isMeasuredSorted(widest) ? sorted : undefined);
  yield;
  const curve = yield* ErrorCurve.measure(max, (a) => errorOf(family.at(a)), gridSize(widest));
  const thresholdOf = (rule: MarkerRule): number => {
    if (rule === 'max') return max;
    if (rule === 'mse') return curve.least;
    if (rule === 'entropy') {
      if (gridSize(widest) > MOST_ENTROPY_CODES) return max;
      const streamed = new StreamingHistogram('weight');
      streamed.add(values);
      const range = leastEntropyRange(streamed, family.symmetric);
      return Math.max(-range.min, range.max);
    }
    return sorted ? magnitudeQuantile(sorted, Number(rule.slice('percentile:'.length)) / 100) : max;
  };
  const markers: RangeMarker[] = [];
  for (const rule of rules) {
    const threshold = thresholdOf(rule);
    // Nearly all are zero: a range of nothing has no place on a log scale.
    if (threshold > 0) markers.push({ rule, threshold });
    yield;
  }
  return { ...(yield* curve.pointsWith(markers, energy, options)), markers, histogram, energy };
}

/** Of a tensor of zeros. */
export const NO_POINTS: Pick<ErrorSplit, 'thresholds' | 'clipping' | 'rounding' | 'codes'> = {
  thresholds: [],
  clipping: [],
  rounding: [],
  codes: [],
};

/**
 * Clipping and rounding error of `values` on grids, exactly. The values are sorted once, for grids of few numbers.
 * @param sorted the values in ascending order, where they are known.
 * @returns a function of the grid.
 */
export function exactError(values: Float32Array, sorted?: Float32Array): (grid: ErrorGrid) => MeasuredParts {
  let sums = sorted && new SortedSums(sorted);
  return (grid) => {
    if (grid.kind === 'even' && !isMeasuredSorted(grid)) return evenError(values, grid);
    sums ??= new SortedSums(values.slice().sort());
    return sums.errorOf(gridValues(grid));
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

interface CurvePoint {
  readonly threshold: number;
  readonly parts: MeasuredParts;
}

/** The error over thresholds. */
export class ErrorCurve {
  private constructor(
    private readonly max: number,
    private readonly errorAt: (threshold: number) => MeasuredParts,
    private readonly points: readonly CurvePoint[],
    /** The threshold with the least error, refined between its neighbours. */
    readonly least: number,
  ) {}

  /** @param codes numbers of the grid at `max`. */
  static *measure(
    max: number,
    errorAt: (threshold: number) => MeasuredParts,
    codes: number,
  ): Parts<ErrorCurve> {
    // The least useful range rounds every value to its ends: about half a step of the widest range.
    const points = yield* measured(logSpaced(max / (codes + 1), max, THRESHOLDS), errorAt);
    return new ErrorCurve(max, errorAt, points, yield* leastError(points, errorAt, max));
  }

  /** The thresholds that are asked for, up to the end of the curve, ascending. @param energy of the values. */
  *pointsWith(
    markers: readonly RangeMarker[],
    energy: number,
    { steps, also = [], atMarkers = false }: SplitOptions,
  ): Parts<Pick<ErrorSplit, 'thresholds' | 'clipping' | 'rounding' | 'codes'>> {
    const marked = markers.map(({ threshold }) => threshold);
    const base =
      steps === undefined
        ? this.points
        : yield* measured(logSpaced(this.usefulFrom(marked, energy), this.max, steps), this.errorAt);
    const known = new Set(base.map(({ threshold }) => threshold));
    const others = new Set([...also, ...(atMarkers ? marked : [])]);
    const added = [...others].filter((a) => a > 0 && a <= this.max && !known.has(a));
    const all = [...base, ...(yield* measured(added, this.errorAt))];
    all.sort((a, b) => a.threshold - b.threshold);
    return {
      thresholds: all.map(({ threshold }) => threshold),
      clipping: all.map(({ parts }) => parts.clipping),
      rounding: all.map(({ parts }) => parts.rounding),
      codes: all.map(({ parts }) => parts.codes),
    };
  }

  /** Below, a range loses more than half of the energy. Markers lie above, and the best range well above. */
  private usefulFrom(marked: readonly number[], energy: number): number {
    const useless = this.points.filter(
      ({ threshold, parts }) => threshold < this.least && parts.clipping + parts.rounding > energy / 2,
    );
    const limits = [useless.at(-1)?.threshold ?? 0, this.least / 4, ...marked.map((a) => a * 0.8)];
    return Math.max(this.points[0]?.threshold ?? 0, Math.min(...limits));
  }
}

function* measured(
  thresholds: readonly number[],
  errorAt: (threshold: number) => MeasuredParts,
): Parts<CurvePoint[]> {
  const points: CurvePoint[] = [];
  for (const threshold of thresholds) {
    points.push({ threshold, parts: errorAt(threshold) });
    yield;
  }
  return points;
}

function* leastError(
  points: readonly CurvePoint[],
  errorAt: (threshold: number) => MeasuredParts,
  max: number,
): Parts<number> {
  const total = (part: ErrorParts | undefined): number => (part ? part.clipping + part.rounding : Infinity);
  let best = 0;
  for (let i = 1; i < points.length; i++) {
    if (total(points[i]?.parts) < total(points[best]?.parts)) best = i;
  }
  let threshold = points[best]?.threshold ?? max;
  let error = total(points[best]?.parts);
  const from = points[Math.max(0, best - 1)]?.threshold ?? threshold;
  const to = points[Math.min(points.length - 1, best + 1)]?.threshold ?? threshold;
  for (let i = 1; i < REFINEMENTS; i++) {
    const a = from + ((to - from) * i) / REFINEMENTS;
    const candidate = total(errorAt(a));
    yield;
    if (candidate >= error) continue;
    error = candidate;
    threshold = a;
  }
  return threshold;
}

function countMagnitudes(magnitudes: Float32Array, max: number, bins: number): Float64Array {
  const counts = new Float64Array(bins);
  for (const w of magnitudes) {
    const j = Math.min(bins - 1, Math.floor((w / max) * bins));
    counts[j] = (counts[j] as number) + 1;
  }
  return counts;
}

/** Ascending; all but the last in as few digits as people write. */
function logSpaced(from: number, to: number, count: number): number[] {
  const ratio = Math.log(to / from) / (count - 1);
  return Array.from({ length: count }, (_, i) =>
    i === count - 1 ? to : Number((from * Math.exp(ratio * i)).toPrecision(THRESHOLD_DIGITS)),
  );
}

import { InputError } from '../errors';
import { leastEntropyRange } from './entropyRange';
import { gridEnds, gridSize, type ErrorGrid, type ErrorParts, type GridFamily } from './errorGrid';
import { StreamingHistogram } from './histogram';
import { SortedSums } from './sortedSums';

/** Where a rule puts the range. */
export type MarkerRule = 'max' | `percentile:${number}` | 'entropy' | 'mse';

export interface RangeMarker {
  readonly rule: MarkerRule;
  /** Greatest magnitude of the range. */
  readonly threshold: number;
}

/** Clipping and rounding error of one tensor over range thresholds; see `ErrorSplitCurve` in results.ts. */
export interface ErrorSplit {
  /** Ascending, log-spaced; the last is max |x|. Empty for a tensor of zeros. */
  readonly thresholds: number[];
  /** At each threshold; clipping and rounding together are the error of quantizing. */
  readonly clipping: number[];
  readonly rounding: number[];
  readonly markers: RangeMarker[];
  /** Of |x|: `edges` has one more element than `counts`. */
  readonly histogram: { edges: number[]; counts: number[] };
  /** Σ x². */
  readonly energy: number;
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
/** Bins in which percentiles are interpolated. */
const FINE_BINS = 65_536;
const THRESHOLDS = 64;
/** Steps of the finer search for the MSE marker, between the neighbours of the best threshold. */
const REFINEMENTS = 16;
/** The entropy rule merges into 128 levels, which says nothing of finer grids. */
const MOST_ENTROPY_CODES = 256;

/**
 * What a range costs `values`, which have one grid in common (a tensor, a channel, a block), at every threshold: exact. Even
 * grids take O(values · thresholds): 2.4 million weights a few tenths of a second; tables are sorted once.
 * @param rules markers to find.
 * @throws InputError when a value is NaN or infinite.
 */
export function errorSplit(
  values: Float32Array,
  family: GridFamily,
  rules: readonly MarkerRule[] = MARKER_RULES,
): ErrorSplit {
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
    return { thresholds: [], clipping: [], rounding: [], markers: [], histogram, energy };
  }
  const histogram = {
    edges: Array.from({ length: MAGNITUDE_BINS + 1 }, (_, i) => (max * i) / MAGNITUDE_BINS),
    counts: Array.from(countMagnitudes(magnitudes, max, MAGNITUDE_BINS)),
  };
  const errorOf = exactError(values);
  const curve = errorCurve(max, (a) => errorOf(family.at(a)), gridSize(family.at(max)));
  let fine: Float64Array | undefined;
  const thresholdOf = (rule: MarkerRule): number => {
    if (rule === 'max') return max;
    if (rule === 'mse') return curve.least;
    if (rule === 'entropy') {
      if (gridSize(family.at(max)) > MOST_ENTROPY_CODES) return max;
      const streamed = new StreamingHistogram('weight');
      streamed.add(values);
      const range = leastEntropyRange(streamed, family.symmetric);
      return Math.max(-range.min, range.max);
    }
    fine ??= countMagnitudes(magnitudes, max, FINE_BINS);
    return quantileIn(fine, max, Number(rule.slice('percentile:'.length)) / 100, magnitudes.length);
  };
  const markers = rules.map((rule) => ({ rule, threshold: thresholdOf(rule) }));
  return { ...curve.points, markers, histogram, energy };
}

/** Clipping and rounding error of `values` on one grid. */
export function splitError(values: Float32Array, grid: ErrorGrid): ErrorParts {
  return exactError(values)(grid);
}

function exactError(values: Float32Array): (grid: ErrorGrid) => ErrorParts {
  let sorted: SortedSums | undefined;
  return (grid) => {
    if (grid.kind === 'even') return evenError(values, grid);
    sorted ??= new SortedSums(values);
    return sorted.errorOf(grid.values);
  };
}

function evenError(values: Float32Array, grid: ErrorGrid & { readonly kind: 'even' }): ErrorParts {
  const { step } = grid;
  const { min, max } = gridEnds(grid);
  const inverse = 1 / step;
  let clipping = 0;
  let rounding = 0;
  for (let i = 0; i < values.length; i++) {
    const w = values[i] as number;
    if (w > max) clipping += (w - max) * (w - max);
    else if (w < min) clipping += (w - min) * (w - min);
    else {
      // At a tie both neighbours are equally far, so the kind of rounding does not matter.
      const d = w - step * Math.floor(w * inverse + 0.5);
      rounding += d * d;
    }
  }
  return { clipping, rounding };
}

/** The error over thresholds, and the threshold of the least. */
export interface ErrorCurve {
  readonly points: Pick<ErrorSplit, 'thresholds' | 'clipping' | 'rounding'>;
  /** Refined between its neighbours. */
  readonly least: number;
}

/** @param codes numbers of the grid at `max`. */
export function errorCurve(
  max: number,
  errorAt: (threshold: number) => ErrorParts,
  codes: number,
): ErrorCurve {
  // The least useful range rounds every value to its ends: about half a step of the widest range.
  const thresholds = logSpaced(max / (codes + 1), max, THRESHOLDS);
  const parts = thresholds.map(errorAt);
  return {
    points: {
      thresholds,
      clipping: parts.map((part) => part.clipping),
      rounding: parts.map((part) => part.rounding),
    },
    least: leastError(errorAt, thresholds, parts),
  };
}

function leastError(
  errorAt: (threshold: number) => ErrorParts,
  thresholds: readonly number[],
  parts: readonly ErrorParts[],
): number {
  const total = (part: ErrorParts | undefined): number => (part ? part.clipping + part.rounding : Infinity);
  let best = 0;
  for (let i = 1; i < parts.length; i++) if (total(parts[i]) < total(parts[best])) best = i;
  let threshold = thresholds[best] as number;
  let error = total(parts[best]);
  const from = thresholds[Math.max(0, best - 1)] as number;
  const to = thresholds[Math.min(thresholds.length - 1, best + 1)] as number;
  for (let i = 1; i < REFINEMENTS; i++) {
    const a = from + ((to - from) * i) / REFINEMENTS;
    const candidate = total(errorAt(a));
    if (candidate < error) {
      error = candidate;
      threshold = a;
    }
  }
  return threshold;
}

/** The magnitude that a part of the elements do not pass, interpolated within bins. */
function quantileIn(counts: Float64Array, max: number, part: number, elements: number): number {
  const rank = part * elements;
  let below = 0;
  for (const [j, n] of counts.entries()) {
    if (n > 0 && below + n >= rank) return Math.min(max, (max * (j + (rank - below) / n)) / counts.length);
    below += n;
  }
  return max;
}

function countMagnitudes(magnitudes: Float32Array, max: number, bins: number): Float64Array {
  const counts = new Float64Array(bins);
  for (const w of magnitudes) {
    const j = Math.min(bins - 1, Math.floor((w / max) * bins));
    counts[j] = (counts[j] as number) + 1;
  }
  return counts;
}

function logSpaced(from: number, to: number, count: number): number[] {
  const ratio = Math.log(to / from) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? to : from * Math.exp(ratio * i)));
}

/** The numbers that a range lets a format hold: what clipping and rounding error are measured against. */
import { computeQuantParams, roundHalfEven } from './affine';
import { codeRange } from './integerTypes';
import { powersOfTwoCodebook } from './powersOfTwo';
import type { IntegerTypeName, QuantParams, Range } from './scheme';

/**
 * Numbers of which every value becomes the nearest:
 * - `even`: step · code for the whole codes from `low` to `high`;
 * - `table`: any, ascending, at least one.
 */
export type ErrorGrid =
  | { readonly kind: 'even'; readonly step: number; readonly low: number; readonly high: number }
  | { readonly kind: 'table'; readonly values: ArrayLike<number> };

/** How the grid of a format follows the range. */
export interface GridFamily {
  /** The range of a threshold a is ±a, whatever values there are. */
  readonly symmetric: boolean;
  /** @param threshold above 0: values beyond ± this are to be clipped, as far as the format can. */
  at(threshold: number): ErrorGrid;
  /** Where the range rule `mse` of the format puts the range; absent: no such rule, or not one of ±a. */
  mse?(values: MseSource): number;
}

/** What the range rule `mse` looks at. */
export interface MseSource {
  readonly max: number;
  readonly count: number;
  readonly errorAt: (threshold: number) => ErrorParts;
}

/** Squared error of values that become the nearest number of a grid. */
export interface ErrorParts {
  /** Σ of the squared distance to the grid's range, over the values beyond it. */
  readonly clipping: number;
  /** Σ (x − Q(x))² over the values within. */
  readonly rounding: number;
}

export interface MeasuredParts extends ErrorParts {
  /** Numbers of the grid that some value becomes. */
  readonly codes: number;
}

/** The least and the greatest number of a grid. */
export function gridEnds(grid: ErrorGrid): Range {
  if (grid.kind === 'even') return { min: grid.low * grid.step, max: grid.high * grid.step };
  const { values } = grid;
  return { min: values[0] ?? 0, max: values[values.length - 1] ?? 0 };
}

export function gridSize(grid: ErrorGrid): number {
  return grid.kind === 'even' ? grid.high - grid.low + 1 : grid.values.length;
}

/** All numbers of a grid, ascending. */
export function gridValues(grid: ErrorGrid): ArrayLike<number> {
  if (grid.kind === 'table') return grid.values;
  const { step, low } = grid;
  return Float64Array.from({ length: gridSize(grid) }, (_, i) => (low + i) * step);
}

/** The grid of integer codes with given parameters; a scale below 0 mirrors them. @param reduceRange leaves out the codes of the last bit. */
export function affineGrid(
  { scale, zeroPoint }: QuantParams,
  type: IntegerTypeName,
  reduceRange = false,
): ErrorGrid {
  const [min, max] = codeRange(type, { symmetric: false, reduceRange });
  const [first, last] = [min - zeroPoint, max - zeroPoint];
  return scale > 0
    ? { kind: 'even', step: scale, low: first, high: last }
    : { kind: 'even', step: -scale, low: -last, high: -first };
}

export interface IntegerGridOptions {
  readonly symmetric: boolean;
  readonly reduceRange?: boolean;
  /** Asymmetric: the range of a threshold a is what of ±a lies within; absent: ±a. */
  readonly within?: Range;
}

/**
 * Integers as they are written: with `fixed:a` for a weight, with `min` and `max` for an activation. All codes of the type can
 * occur (with `reduceRange` those that it leaves): a symmetric int4 range of ±a reaches from −16a/15 to 14a/15.
 */
export function integerGrid(
  type: IntegerTypeName,
  { symmetric, reduceRange, within }: IntegerGridOptions,
): GridFamily {
  return {
    symmetric,
    at: (threshold) =>
      affineGrid(
        computeQuantParams(rangeOf(threshold, symmetric, within), type, { symmetric, reduceRange }),
        type,
        reduceRange,
      ),
  };
}

/**
 * Integers of any width from 2 to 16 bits. Symmetric: as many codes below zero as above, ±(2^(bits−1) − 1), the outermost
 * at ±a. Asymmetric: 2^bits codes over the range, which contains zero, with a whole zero point.
 */
export function bitsGrid(bits: number, { symmetric, within }: IntegerGridOptions): GridFamily {
  const levels = 2 ** (bits - 1) - 1;
  return {
    symmetric,
    at: (threshold) => {
      if (symmetric) return { kind: 'even', step: threshold / levels, low: -levels, high: levels };
      const { min, max } = rangeOf(threshold, symmetric, within);
      const last = 2 ** bits - 1;
      const step = (max - min) / last;
      const zeroPoint = roundHalfEven(-min / step);
      return { kind: 'even', step, low: -zeroPoint, high: last - zeroPoint };
    },
  };
}

/** A table of numbers, not all zero, of which the greatest magnitude follows the threshold: what a scale does to a codebook. */
export function tableGrid(values: ArrayLike<number>): GridFamily {
  const ascending = Float64Array.from(values).sort();
  const largest = Math.max(-(ascending[0] ?? 0), ascending.at(-1) ?? 0);
  return {
    symmetric: true,
    at: (threshold) => ({ kind: 'table', values: ascending.map((value) => value * (threshold / largest)) }),
  };
}

/** Zero and `magnitudes` powers of two of either sign; the greatest is the nearest to the threshold, in octaves. */
export function powersOfTwoGrid(magnitudes: number): GridFamily {
  return {
    symmetric: true,
    at: (threshold) => ({ kind: 'table', values: powersOfTwoCodebook(threshold, magnitudes).values }),
  };
}

/** `entries` numbers evenly spaced over what of ±a lies within `extremes`; zero need not be one of them. */
export function uniformGrid(entries: number, extremes: Range): GridFamily {
  return {
    symmetric: false,
    at: (threshold) => {
      const min = Math.max(-threshold, Math.min(threshold, extremes.min));
      const max = Math.max(-threshold, Math.min(threshold, extremes.max));
      if (min === max) return { kind: 'table', values: [min] };
      const step = (max - min) / (entries - 1);
      return { kind: 'table', values: Array.from({ length: entries }, (_, at) => min + step * at) };
    },
  };
}

function rangeOf(threshold: number, symmetric: boolean, within?: Range): Range {
  if (symmetric || !within) return { min: -threshold, max: threshold };
  return {
    min: Math.min(0, Math.max(-threshold, within.min)),
    max: Math.max(0, Math.min(threshold, within.max)),
  };
}

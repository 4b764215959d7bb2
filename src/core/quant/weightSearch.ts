/** The range of a slice of a weight with the least squared error. */
import { computeQuantParams, roundHalfEven, storedScale, type QuantParamsOptions } from './affine';
import { codeRange } from './integerTypes';
import type { IntegerTypeName, QuantParams, Range } from './scheme';

/** Ranges tried first: from the widest down to a seventh, each 4 % narrower. */
const COARSE = Array.from({ length: 48 }, (_, i) => 0.96 ** i);
/** Then between the neighbours of the best. */
const FINE = Array.from({ length: 16 }, (_, i) => 0.96 ** ((7.5 - i) / 8));
/** Asymmetric: each side is then searched alone, twice. */
const ONE_SIDE = Array.from({ length: 12 }, (_, i) => 1.12 - 0.03 * i);
/** Elements after which a candidate that is already worse is given up. */
const CHUNK = 512;
const SMALLEST_NORMAL_FLOAT32 = 2 ** -126;
const SMALLEST_FLOAT16 = 2 ** -24;

/**
 * The parameters with the least Σ (w − Q(w))², clipping and rounding together, among 65 ranges (asymmetric: up to 97); the error of each is
 * computed over all values. Symmetric: from coarse to fine, beginning where the greatest magnitude is not clipped at all
 * (`narrow`). Asymmetric: both sides together, then each alone, twice.
 * @param extremes of `values`, which must be finite.
 */
export function leastErrorParams(
  values: Float32Array,
  extremes: Range,
  type: IntegerTypeName,
  options: QuantParamsOptions,
): QuantParams {
  const full = computeQuantParams(extremes, type, options);
  const [low, high] = codeRange(type, options);
  const min = Math.min(0, extremes.min);
  const max = Math.max(0, extremes.max);
  const codes = codeRange(type, { ...options, symmetric: false });
  const error: ErrorWith = (params, least) => squaredError(values, codes, params, least);
  const search = new Search(error, values.length, full, options.scaleType);
  if (options.symmetric) return search.symmetric(Math.max(-min, max) / (high - full.zeroPoint));
  const paramsOf = (from: number, to: number): QuantParams => {
    const scale = (to - from) / (high - low);
    return { scale, zeroPoint: roundHalfEven(low - from / scale) };
  };
  const chosen = search.narrow(COARSE, (factor) => paramsOf(min * factor, max * factor)) ?? 1;
  const range = { min: min * chosen, max: max * chosen };
  for (let round = 0; round < 2; round++) {
    const { min: from, max: to } = range;
    const upper = (factor: number): number => Math.min(max, to * factor);
    if (max > 0) range.max = upper(search.tryAll(ONE_SIDE, (factor) => paramsOf(from, upper(factor))) ?? 1);
    const lower = (factor: number): number => Math.max(min, from * factor);
    if (min < 0)
      range.min = lower(search.tryAll(ONE_SIDE, (factor) => paramsOf(lower(factor), range.max)) ?? 1);
  }
  return search.best;
}

/** What `leastErrorScale` needs to know of the values. */
export interface SearchedValues {
  /** Greatest magnitude. */
  readonly max: number;
  readonly count: number;
  /** Σ (w − Q(w))² with a scale. */
  readonly errorWith: (scale: number) => number;
}

/** The scale of `leastErrorParams` for a symmetric range, where the errors are known otherwise than from the values. */
export function leastErrorScale(
  { max, count, errorWith }: SearchedValues,
  type: IntegerTypeName,
  { reduceRange }: Pick<QuantParamsOptions, 'reduceRange'> = {},
): number {
  const options = { symmetric: true, reduceRange };
  const full = computeQuantParams({ min: -max, max }, type, options);
  const [, high] = codeRange(type, options);
  const search = new Search(({ scale }) => errorWith(scale), count, full);
  return search.symmetric(max / (high - full.zeroPoint)).scale;
}

/** Σ (w − Q(w))²; may be some part of it that is not below `least`. */
type ErrorWith = (params: QuantParams, least: number) => number;

/** Keeps the best parameters of those tried. */
class Search {
  private least: number;

  /** @param count how many values there are. */
  constructor(
    private readonly errorWith: ErrorWith,
    private readonly count: number,
    public best: QuantParams,
    private readonly scaleType: 'float32' | 'float16' = 'float32',
  ) {
    this.least = errorWith(best, Infinity);
  }

  /** From coarse to fine, with the zero point of `best`. @param widest scale with which nothing is clipped. */
  symmetric(widest: number): QuantParams {
    const { zeroPoint } = this.best;
    const byFactor = (wide: number) => (factor: number) => ({ zeroPoint, scale: wide * factor });
    this.narrow(COARSE, byFactor(widest));
    this.tryAll(FINE, byFactor(this.best.scale));
    return this.best;
  }

  /** @returns the factor that made the best parameters; undefined when those known are better than all. */
  tryAll(factors: readonly number[], candidate: (factor: number) => QuantParams): number | undefined {
    let chosen: number | undefined;
    for (const factor of factors) if (this.try(candidate(factor)) < 0) chosen = factor;
    return chosen;
  }

  /**
   * `tryAll` of ever narrower ranges, until what they clip is surely worse: the error is at most n · scale² / 4 more than what
   * clipping alone costs, and that only grows.
   */
  narrow(factors: readonly number[], candidate: (factor: number) => QuantParams): number | undefined {
    let chosen: number | undefined;
    for (const factor of factors) {
      const params = candidate(factor);
      const excess = this.try(params);
      if (excess < 0) chosen = factor;
      if (excess >= (this.count * params.scale ** 2) / 4) break;
    }
    return chosen;
  }

  /** @returns how much worse than the best so far, or less when that is seen before the last element; below 0: better. */
  private try({ scale, zeroPoint }: QuantParams): number {
    const smallest = this.scaleType === 'float16' ? SMALLEST_FLOAT16 : SMALLEST_NORMAL_FLOAT32;
    if (!(scale >= smallest)) return 0;
    const params = { scale: storedScale(scale, this.scaleType), zeroPoint };
    const error = this.errorWith(params, this.least);
    const excess = error - this.least;
    if (excess < 0) {
      this.least = error;
      this.best = params;
    }
    return excess;
  }
}

/** Σ (w − Q(w))²; some part of it that is not below `least`, once it is. */
function squaredError(
  values: Float32Array,
  [min, max]: readonly [min: number, max: number],
  { scale, zeroPoint }: QuantParams,
  least: number,
): number {
  const inverse = 1 / scale;
  const low = min - zeroPoint;
  const high = max - zeroPoint;
  let error = 0;
  for (let start = 0; start < values.length && error < least; start += CHUNK) {
    const end = Math.min(values.length, start + CHUNK);
    for (let i = start; i < end; i++) {
      const value = values[i] as number;
      // Faster than comparing: nobody can foretell which values are clipped.
      const code = Math.max(low, Math.min(high, roundHalfEven(value * inverse)));
      const difference = value - code * scale;
      error += difference * difference;
    }
  }
  return error;
}

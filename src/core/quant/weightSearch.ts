/** The range of a slice of a weight with the least squared error. */
import { computeQuantParams, roundHalfEven, type QuantParamsOptions } from './affine';
import { codeRange, integerType } from './integerTypes';
import type { IntegerTypeName, QuantParams, Range } from './scheme';

/** Ranges tried first: from the extremes down to a seventh of them, each 4 % narrower. */
const COARSE = Array.from({ length: 48 }, (_, i) => 0.96 ** i);
/** Then between the neighbours of the best. */
const FINE = Array.from({ length: 32 }, (_, i) => 0.96 ** ((i - 15.5) / 16));
/** Asymmetric: fewer, as each side is then searched alone, twice. */
const BOTH_SIDES = Array.from({ length: 32 }, (_, i) => 0.95 ** i);
const ONE_SIDE = Array.from({ length: 12 }, (_, i) => 1.1 - 0.03 * i);
/** Narrower ones may have a scale that float16 cannot hold. */
const SMALLEST_FLOAT16_RANGE = 2 ** 16 * 2 ** -24;
/** Elements after which a candidate that is already worse is given up. */
const CHUNK = 1024;

/**
 * The parameters with the least Σ (w − Q(w))², clipping and rounding together, among about 80 ranges; the error of each is
 * computed over all values. Symmetric: one search from coarse to fine, beginning where the greatest magnitude is not clipped
 * at all (`narrow`). Asymmetric: both sides together, then each alone, twice.
 * @param extremes of `values`, which must be finite.
 */
export function leastErrorParams(
  values: Float32Array,
  extremes: Range,
  type: IntegerTypeName,
  options: QuantParamsOptions,
): QuantParams {
  const { min: codeMin, max: codeMax } = integerType(type);
  const full: Range = { min: Math.min(0, extremes.min), max: Math.max(0, extremes.max) };
  let best = full;
  let params = computeQuantParams(full, type, options);
  let least = errorWith(values, params, codeMin, codeMax, Infinity);
  const search = (factors: readonly number[], candidate: (factor: number) => Range): void => {
    for (const factor of factors) {
      const range = candidate(factor);
      if (options.scaleType === 'float16' && range.max - range.min < SMALLEST_FLOAT16_RANGE) return;
      const tried = computeQuantParams(range, type, options);
      const error = errorWith(values, tried, codeMin, codeMax, least);
      if (error < least) [least, best, params] = [error, range, tried];
    }
  };
  const times = ({ min, max }: Range, factor: number): Range => ({ min: min * factor, max: max * factor });
  if (options.symmetric) {
    const [low, high] = codeRange(type, options);
    const widest = times(full, Math.max(1, (high - low) / (2 * (high - params.zeroPoint))));
    search(COARSE, (factor) => times(widest, factor));
    const coarse = best;
    search(FINE, (factor) => times(coarse, factor));
    return params;
  }
  search(BOTH_SIDES, (factor) => times(full, factor));
  for (let round = 0; round < 2 && full.min < 0 && full.max > 0; round++) {
    const { min, max } = best;
    search(ONE_SIDE, (factor) => ({ min, max: Math.min(full.max, max * factor) }));
    const { max: moved } = best;
    search(ONE_SIDE, (factor) => ({ min: Math.max(full.min, min * factor), max: moved }));
  }
  return params;
}

/** Σ (w − Q(w))²; some part of it that is at least `limit`, once it is. */
function errorWith(
  values: Float32Array,
  { scale, zeroPoint }: QuantParams,
  codeMin: number,
  codeMax: number,
  limit: number,
): number {
  const inverse = 1 / scale;
  const low = codeMin - zeroPoint;
  const high = codeMax - zeroPoint;
  let error = 0;
  for (let start = 0; start < values.length && error < limit; start += CHUNK) {
    const end = Math.min(values.length, start + CHUNK);
    for (let i = start; i < end; i++) {
      const value = values[i] as number;
      const code = roundHalfEven(value * inverse);
      const difference = value - (code < low ? low : code > high ? high : code) * scale;
      error += difference * difference;
    }
  }
  return error;
}

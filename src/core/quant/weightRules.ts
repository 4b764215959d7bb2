/** Ranges of a slice by the rules of `WeightRangeRule` that need more than its extremes, or other codes. */
import { computeQuantParams, storedScale, type QuantParamsOptions } from './affine';
import { codeRange } from './integerTypes';
import type { IntegerTypeName, QuantParams, Range } from './scheme';

/** `narrow`: zero in the middle of as many codes on either side. `signed`: the greater extreme at the code farthest from zero. */
export function evenParams(
  { min, max }: Range,
  type: IntegerTypeName,
  rule: 'narrow' | 'signed',
  options: QuantParamsOptions,
): QuantParams {
  const { reduceRange, scaleType } = options;
  const { zeroPoint } = computeQuantParams({ min: -1, max: 1 }, type, { symmetric: true, reduceRange });
  const [low, high] = codeRange(type, { symmetric: false, reduceRange });
  const below = zeroPoint - low;
  const above = high - zeroPoint;
  const isNegative = -min >= max;
  const largest = Math.max(-min, max, 0);
  const magnitude = largest / (rule === 'narrow' ? Math.min(below, above) : Math.max(below, above));
  if (magnitude < 2 ** -126) return computeQuantParams({ min: 0, max: 0 }, type, options);
  const isMirrored = rule === 'signed' && (below >= above ? !isNegative : isNegative);
  const scale = storedScale(magnitude, scaleType);
  return { scale: isMirrored ? -scale : scale, zeroPoint };
}

/** Half of what `part` leaves is cut on either side; `symmetric`: all of it from the magnitudes. */
export function percentileRange(slice: Float32Array, part: number, symmetric: boolean): Range {
  if (symmetric) {
    const t = quantileOf(slice.map(Math.abs).sort(), part);
    return { min: -t, max: t };
  }
  const ascending = slice.slice().sort();
  return { min: quantileOf(ascending, (1 - part) / 2), max: quantileOf(ascending, (1 + part) / 2) };
}

/** Interpolated between neighbours; 0 for no values. */
function quantileOf(ascending: Float32Array, part: number): number {
  const position = part * (ascending.length - 1);
  const index = Math.floor(position);
  const below = ascending[index] ?? 0;
  return below + ((ascending[index + 1] ?? below) - below) * (position - index);
}

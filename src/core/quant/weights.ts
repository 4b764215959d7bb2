import type { Codes } from './integerTypes';
import {
  integerCodes,
  integerParams,
  roundedValues,
  type IntegerOptions,
  type SliceParams,
} from './integerWeight';
import { sliceRanges, type SliceLayout } from './layouts';
import type { IntegerTypeName, QuantParams } from './scheme';
import { uniqueCount } from './uniqueCount';

/** How one weight is quantized: parameters per slice of `layout`; one slice means per tensor. */
export interface WeightFormat {
  readonly type: IntegerTypeName;
  readonly layout: SliceLayout;
  readonly params: readonly QuantParams[];
  /** See `SliceParams`. */
  readonly reduced?: true;
  /** Slices in which every value is so near to 0 that any scale would do. */
  readonly zeroSlices: ReadonlySet<number>;
}

/**
 * Chooses scale and zero point per slice; see `integerParams` for the rules.
 * @throws InputError when a value is not finite.
 */
export function weightFormat(
  values: Float32Array,
  layout: SliceLayout,
  type: IntegerTypeName,
  options: IntegerOptions,
): WeightFormat {
  const ranges = sliceRanges(values, layout);
  const { min, max } = ranges;
  const { scales, zeroPoints, reduced } = integerParams(values, layout, type, options, ranges);
  const params = Array.from(scales, (scale, slice) => ({ scale, zeroPoint: zeroPoints[slice] ?? 0 }));
  const isZero = (scale: number, slice: number): boolean =>
    Math.max(-(min[slice] ?? 0), max[slice] ?? 0) < 0.5 * Math.abs(scale);
  const zeroSlices = new Set(params.flatMap(({ scale }, slice) => (isZero(scale, slice) ? [slice] : [])));
  return { type, layout, params, zeroSlices, ...(reduced && { reduced }) };
}

/** The parameters of a format in arrays. */
export function sliceParams({ params, reduced }: WeightFormat): SliceParams {
  return {
    scales: Float32Array.from(params, ({ scale }) => scale),
    zeroPoints: Int32Array.from(params, ({ zeroPoint }) => zeroPoint),
    ...(reduced && { reduced }),
  };
}

export function quantizeWeight(values: Float32Array, format: WeightFormat): Codes {
  return integerCodes(values, format.layout, sliceParams(format), format.type);
}

/** What rounding did to a weight. */
export interface WeightError {
  /** Sum of squared differences from the float weight. */
  readonly sse: number;
  /** 10·log10(Σw² / sse), dB; null when there is no error or no signal. */
  readonly sqnrDb: number | null;
  /** Distinct values over the whole tensor; null when they were not to be counted, which takes longer than all the rest. */
  readonly uniqueBefore: number | null;
  readonly uniqueAfter: number | null;
}

/** Compares a weight with what its codes stand for. */
export function weightError(values: Float32Array, format: WeightFormat, countUnique = true): WeightError {
  const back = roundedValues(values, format.layout, sliceParams(format), format.type);
  return differenceFrom(values, back, countUnique);
}

/** What replacing `values` by `back` loses. */
export function differenceFrom(values: Float32Array, back: Float32Array, countUnique = true): WeightError {
  let sse = 0;
  let energy = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const difference = value - (back[i] as number);
    sse += difference * difference;
    energy += value * value;
  }
  const sqnrDb = sse > 0 && energy > 0 ? 10 * Math.log10(energy / sse) : null;
  const uniqueBefore = countUnique ? uniqueCount(values) : null;
  return { sse, sqnrDb, uniqueBefore, uniqueAfter: countUnique ? uniqueCount(back) : null };
}

import {
  type AxisLayout,
  channelRanges,
  computeQuantParams,
  dequantizeLinearPerChannel,
  quantizeLinearPerChannel,
} from './affine';
import type { Codes } from './integerTypes';
import type { IntegerTypeName, QuantParams, Range } from './scheme';

/** How one weight is quantized: parameters per slice of `layout`; one slice means per tensor. */
export interface WeightFormat {
  readonly type: IntegerTypeName;
  readonly layout: AxisLayout;
  readonly params: readonly QuantParams[];
  /** Slices in which every value is so near to 0 that any scale would do. */
  readonly zeroSlices: ReadonlySet<number>;
}

/**
 * Scale and zero point per channel from the greatest magnitude (`symmetric`) or the extremes of its values.
 * @throws InputError when a value is not finite.
 */
export function weightFormat(
  values: Float32Array,
  layout: AxisLayout,
  type: IntegerTypeName,
  symmetric: boolean,
): WeightFormat {
  const ranges = channelRanges(values, layout);
  const params = ranges.map((range) => computeQuantParams(range, type, { symmetric }));
  const isZero = ({ min, max }: Range, slice: number) =>
    Math.max(-min, max) < 0.5 * (params[slice]?.scale ?? 0);
  const zeroSlices = new Set(ranges.flatMap((range, slice) => (isZero(range, slice) ? [slice] : [])));
  return { type, layout, params, zeroSlices };
}

export function quantizeWeight(values: Float32Array, { type, layout, params }: WeightFormat): Codes {
  return quantizeLinearPerChannel(values, layout, params, type);
}

/** What rounding did to a weight. */
export interface WeightError {
  /** Sum of squared differences from the float weight. */
  readonly sse: number;
  /** 10·log10(Σw² / sse), dB; null when there is no error or no signal. */
  readonly sqnrDb: number | null;
  readonly uniqueBefore: number;
  readonly uniqueAfter: number;
}

/** Compares a weight with what its codes stand for. Unique values are counted over the whole tensor. */
export function weightError(values: Float32Array, format: WeightFormat): WeightError {
  const back = dequantizeLinearPerChannel(quantizeWeight(values, format), format.layout, format.params);
  let sse = 0;
  let energy = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    const difference = value - (back[i] ?? 0);
    sse += difference * difference;
    energy += value * value;
  }
  const sqnrDb = sse > 0 && energy > 0 ? 10 * Math.log10(energy / sse) : null;
  return { sse, sqnrDb, uniqueBefore: uniqueCount(values), uniqueAfter: uniqueCount(back) };
}

/** Distinct values; +0 and -0 are one. */
function uniqueCount(values: Float32Array): number {
  const sorted = values.slice().sort();
  let count = sorted.length > 0 ? 1 : 0;
  for (let i = 1; i < sorted.length; i++) if (sorted[i] !== sorted[i - 1]) count++;
  return count;
}

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
  return differenceFrom(
    values,
    dequantizeLinearPerChannel(quantizeWeight(values, format), format.layout, format.params),
  );
}

/** What replacing `values` by `back` loses. */
export function differenceFrom(values: Float32Array, back: Float32Array): WeightError {
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

/**
 * Distinct values; +0 and -0 are one. An open hash of the bits: sorting is several times slower.
 * @param limit counting stops once there are more: then the result is only known to be above.
 */
export function uniqueCount(values: Float32Array, limit = Infinity): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let table = new Uint32Array(1024);
  let used = 0;
  let hasZero = false;
  for (let i = 0; i < bits.length && used <= limit; i++) {
    const key = bits[i] ?? 0;
    // Zero marks a free place in the table, so zeros are counted apart.
    if (key === 0 || key === 0x80000000) hasZero = true;
    else if (insert(table, key) && ++used * 2 > table.length) table = grown(table);
  }
  return used + (hasZero ? 1 : 0);
}

/** Puts a key into a table whose length is a power of two; false when it is there already. */
function insert(table: Uint32Array, key: number): boolean {
  const mask = table.length - 1;
  const hash = Math.imul(key ^ (key >>> 15), 0x9e3779b1);
  for (let at = (hash ^ (hash >>> 16)) & mask; ; at = (at + 1) & mask) {
    const there = table[at];
    if (there === key) return false;
    if (there === 0) {
      table[at] = key;
      return true;
    }
  }
}

function grown(table: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(table.length * 4);
  for (const key of table) if (key !== 0) insert(larger, key);
  return larger;
}

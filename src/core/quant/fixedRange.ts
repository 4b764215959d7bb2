import type { LayerFormat } from './layerFormat';

/** Bit widths of the inspector's chart. */
export const CHART_BITS = [8, 7, 6, 5, 4, 3, 2] as const;

/** Digits in which a fixed range is written. */
const RANGE_DIGITS = 6;

/**
 * The format with integer weights of `bits` bits that is nearest to a format: itself where its weights have that many, else
 * the usual one.
 * @returns undefined where no format has integers of that width with a range to choose.
 */
export function integerFormatOf(format: LayerFormat, bits: number): LayerFormat | undefined {
  const { scheme } = format;
  if (bits === 4) return scheme === 'w4' ? format : { scheme: 'w4' };
  if (bits !== 8) return undefined;
  return scheme === 'w8' || scheme === 'w8a8' || scheme === 'w8a16' ? format : { scheme: 'w8' };
}

/** The format with a weight range of ±threshold. */
export function withFixedRange(format: LayerFormat, threshold: number): LayerFormat {
  return { ...format, range: `fixed:${Number(threshold.toPrecision(RANGE_DIGITS))}` };
}

/** The format as it chooses ranges by itself. */
export function withoutFixedRange(format: LayerFormat): LayerFormat {
  if (fixedRangeOf(format) === undefined) return format;
  const { range: _, ...rest } = format;
  return rest;
}

/** A of `fixed:A`; undefined for other range rules. */
export function fixedRangeOf({ range }: LayerFormat): number | undefined {
  return range?.startsWith('fixed:') ? Number(range.slice('fixed:'.length)) : undefined;
}

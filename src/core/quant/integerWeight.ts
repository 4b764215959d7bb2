/** Integer weights: scale and zero point per slice, codes, and the values that they stand for. */
import { notFinite, roundHalfEven } from './affine';
import { makeCodes, integerType, type Codes } from './integerTypes';
import { forEachRun, type SliceLayout } from './layouts';
import type { IntegerTypeName } from './scheme';

/** Parameters of the slices of a layout, in their order. A scale below 0 mirrors the codes (see `signed` in weightRules.ts). */
export interface SliceParams {
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
}

/**
 * The code of every value: clip(round(value / scale) + zeroPoint) to the full range of `type`, divided in float32 and rounded
 * half to even. 4-bit codes stand one to an element.
 * @throws InputError when a value is NaN. Infinities are clipped.
 */
export function integerCodes(
  values: Float32Array,
  layout: SliceLayout,
  { scales, zeroPoints }: SliceParams,
  type: IntegerTypeName,
): Codes {
  const codes = makeCodes(type, values.length);
  const { min, max } = integerType(type);
  forEachRun(layout, (start, end, slice, step) => {
    let scale = scales[slice] as number;
    let zeroPoint = zeroPoints[slice] as number;
    for (let i = start, at = slice; i < end; i++, at += step) {
      if (step === 1) {
        scale = scales[at] as number;
        zeroPoint = zeroPoints[at] as number;
      }
      // Float32 division: rounding the double quotient once more gives the same result.
      const quotient = Math.fround((values[i] as number) / scale);
      if (quotient !== quotient) throw notFinite(quotient);
      const code = roundHalfEven(quotient) + zeroPoint;
      codes[i] = code < min ? min : code > max ? max : code;
    }
  });
  return codes;
}

/** (code − zeroPoint) · scale in float32, as the runtime computes it. */
export function integerValues(
  codes: Codes | Int32Array,
  layout: SliceLayout,
  { scales, zeroPoints }: SliceParams,
): Float32Array {
  const values = new Float32Array(codes.length);
  forEachRun(layout, (start, end, slice, step) => {
    let scale = scales[slice] as number;
    let zeroPoint = zeroPoints[slice] as number;
    for (let i = start, at = slice; i < end; i++, at += step) {
      if (step === 1) {
        scale = scales[at] as number;
        zeroPoint = zeroPoints[at] as number;
      }
      values[i] = ((codes[i] as number) - zeroPoint) * scale;
    }
  });
  return values;
}

import type { Codes } from '../quant/integerTypes';
import { integerType } from '../quant/integerTypes';
import { elementsOf, sliceFinder } from '../quant/layouts';
import type { QuantParams } from '../quant/scheme';
import type { CodeRounding, CompensatedCodes } from '../quant/weightGrid';
import { quantizeWeight, type WeightFormat } from '../quant/weights';
import type { QuantizedConstant } from './layerWeights';
import { checkCodes, sliceFactors } from './weights/compensated';

/** Codes of a weight that something other than rounding to the nearest chose. */
export interface ChosenCodes {
  /** In the order of the tensor. */
  readonly codes: Int16Array;
  /** With which they hold, by slice: slices that have other parameters since are rounded to the nearest. */
  readonly params: readonly QuantParams[];
  readonly rounding?: CodeRounding;
}

const formats = new WeakMap<CompensatedCodes, WeightFormat>();

/**
 * A constant with the codes that were chosen from its grid. Its format is one object per choice, so that layers that share
 * both share what is stored.
 * @throws RangeError for codes or factors that it cannot have.
 */
export function withCodes(nearest: QuantizedConstant, chosen: CompensatedCodes): QuantizedConstant {
  const { tensor, axis } = nearest;
  const format = formats.get(chosen) ?? scaledFormat(nearest, chosen);
  formats.set(chosen, format);
  const { codes, rounding } = chosen;
  return { tensor, axis, format, chosen: { codes, params: format.params, ...(rounding && { rounding }) } };
}

/** The codes as they are written. @param values of the tensor. */
export function codesOf(
  values: Float32Array,
  { format, chosen }: Pick<QuantizedConstant, 'format' | 'chosen'>,
): Codes {
  const codes = quantizeWeight(values, format);
  if (!chosen) return codes;
  const holds = format.params.map((params, slice) => params === chosen.params[slice]);
  const sliceAt = sliceFinder(format.layout);
  for (let at = 0; at < codes.length; at++) {
    if (holds[sliceAt(at)]) codes[at] = chosen.codes[at] as number;
  }
  return codes;
}

function scaledFormat({ tensor, axis, format }: QuantizedConstant, chosen: CompensatedCodes): WeightFormat {
  const { min, max } = integerType(format.type);
  checkCodes(chosen, elementsOf(format.layout), min, max);
  const factors = sliceFactors(chosen, tensor.dims, axis, format.layout);
  const params = format.params.map(({ scale, zeroPoint }, slice): QuantParams => ({
    scale: Math.fround(scale * (factors?.[slice] ?? 1)),
    zeroPoint,
  }));
  return { ...format, params };
}

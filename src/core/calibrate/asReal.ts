import { encodeFloat16 } from '../onnx/floats';
import type { RuntimeTensor, RuntimeType } from '../ports';
import { asFloats } from './floats';

/** Largest finite number of each floating-point type that runs, as messages tell it. */
const LARGEST = { float16: '65504', float32: '3.4e38', float64: '1.8e308' } as const;

export type RealType = keyof typeof LARGEST;

/** True for the floating-point types that can be fed. */
export function isRealType(type: RuntimeType): type is RealType {
  return Object.hasOwn(LARGEST, type);
}

/**
 * Real numbers in another floating-point type, to the nearest, ties to even; undefined for a tensor of no real numbers.
 * What is beyond the range of that type becomes infinite: `beyondRange` tells of it.
 */
export function asReal(tensor: RuntimeTensor, type: RealType): RuntimeTensor | undefined {
  if (tensor.type === type) return tensor;
  const values = asFloats(tensor);
  if (!values) return undefined;
  const { dims } = tensor;
  switch (type) {
    case 'float32':
      return { type, dims, data: new Float32Array(values) };
    case 'float64':
      return { type, dims, data: new Float64Array(values) };
    case 'float16':
      return { type, dims, data: Uint16Array.from(values, (value) => encodeFloat16(roundedToOdd(value))) };
  }
}

/** The first finite number of a tensor that became infinite in `converted`, and where the range of its type ends, as a clause. */
export function beyondRange(tensor: RuntimeTensor, converted: RuntimeTensor): string | undefined {
  const { type, data } = converted;
  if (tensor.type === type || !isRealType(type)) return undefined;
  const isInfinite =
    data instanceof Uint16Array
      ? (at: number): boolean => ((data[at] ?? 0) & 0x7fff) === 0x7c00
      : (at: number): boolean => !Number.isFinite(data[at]);
  const lost = asFloats(tensor)?.find((value, at) => Number.isFinite(value) && isInfinite(at));
  return lost === undefined
    ? undefined
    : `${lost.toPrecision(6)} is beyond the range of ${type}, which ends at ±${LARGEST[type]}`;
}

const float32 = new Float32Array(1);
const bits = new Uint32Array(float32.buffer);

/**
 * A float64 number as a float32 from which rounding to float16 gives what rounding at once would: where something is dropped the
 * last bit is odd, so that it never looks like a tie.
 */
function roundedToOdd(value: number): number {
  float32[0] = value;
  const nearest = float32[0];
  if (nearest === value || !Number.isFinite(value)) return value;
  if (Math.abs(nearest) > Math.abs(value)) bits[0] = (bits[0] ?? 0) - 1;
  bits[0] = (bits[0] ?? 0) | 1;
  return float32[0];
}

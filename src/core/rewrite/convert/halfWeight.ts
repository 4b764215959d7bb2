import { encodeFloat16, fromFloat16 } from '../../onnx/floats';
import { ComputedPayload, type Payload } from '../../onnx/payload';
import { elementCount, readFloat32 } from '../../onnx/tensor';
import type { Tensor } from '../../onnx/types';
import { collectable } from '../lazyTensor';

/** The largest number that float16 has. */
export const LARGEST_HALF = 65504;
/** The smallest number above zero that float16 has: 2^-24. */
export const SMALLEST_HALF = 2 ** -24;

/** A float32 tensor in half precision, computed when it is read. */
export interface HalfWeight {
  /** Little-endian float16 elements: what raw_data holds. */
  readonly payload: Payload;
  /** Length of the payload. */
  readonly bytes: number;
  /** The rounded elements as float32, in a new array: what the layer computes with. */
  values(): Promise<Float32Array>;
}

/** Elements of a tensor that float16 cannot hold. */
export interface HalfClamps {
  /** Finite, but beyond ±65,504. */
  readonly large: number;
  /** Not zero, but would be rounded to it. */
  readonly small: number;
}

/**
 * The elements of a float tensor rounded to float16: to nearest, ties to even, as `halfBits` clamps them.
 * @throws OnnxFileError from `values` and from reading the payload, when the tensor cannot be read as numbers
 */
export function halfWeight(tensor: Tensor): HalfWeight {
  const bytes = 2 * elementCount(tensor);
  const bits = collectable(async () => Uint16Array.from(await readFloat32(tensor), halfBits));
  return {
    payload: new ComputedPayload(bytes, async () => {
      const { buffer, byteOffset, byteLength } = await bits();
      return new Uint8Array(buffer, byteOffset, byteLength);
    }),
    bytes,
    values: async () => fromFloat16(await bits()),
  };
}

/**
 * The float16 bits of a number, without changing whether it is zero or finite: beyond ±65,504 it becomes that, and
 * what would be rounded to zero becomes ±2^-24. (ONNX Runtime's float16 converter clamps weights so.)
 */
export function halfBits(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return encodeFloat16(value);
  const size = Math.abs(value);
  if (size > LARGEST_HALF) return encodeFloat16(Math.sign(value) * LARGEST_HALF);
  return encodeFloat16(size < SMALLEST_HALF ? Math.sign(value) * SMALLEST_HALF : value);
}

/** Counts what `halfWeight` clamps; reads the tensor. */
export async function countClamps(tensor: Tensor): Promise<HalfClamps> {
  let large = 0;
  let small = 0;
  for (const value of await readFloat32(tensor)) {
    const size = Math.abs(value);
    if (size > LARGEST_HALF && size < Infinity) large++;
    else if (size > 0 && size < SMALLEST_HALF) small++;
  }
  return { large, small };
}

import type { Feeds, RuntimeTensor } from '../ports';

/** The elements of a float tensor as numbers (float16 decoded); undefined for other element types. */
export function asFloats({ type, data }: RuntimeTensor): Float32Array | Float64Array | undefined {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  if (type === 'float16' && data instanceof Uint16Array) return Float32Array.from(data, fromFloat16);
  return undefined;
}

/** The elements of any tensor as numbers; undefined for strings. int64 beyond 2^53 loses its lowest bits. */
export function asNumbers(tensor: RuntimeTensor): ArrayLike<number> | undefined {
  const { data } = tensor;
  if (Array.isArray(data)) return undefined;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  return asFloats(tensor) ?? data;
}

/** Bytes that tensors take in memory; strings are guessed. */
export function bytesOfTensors(tensors: Feeds): number {
  return Object.values(tensors).reduce(
    (sum, { data }) => sum + (Array.isArray(data) ? data.length * 16 : data.byteLength),
    0,
  );
}

/** The number that an IEEE binary16 pattern stands for. */
function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

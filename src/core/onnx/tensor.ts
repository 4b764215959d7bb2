/** Tensor elements as numbers, for every element type and every way of storing them. */
import { copyBytes } from './bytes';
import { dtypeName } from './dtype';
import { type SmallFloat, decodeFloat8E8M0, decodeTable } from './floats';
import { elementCount, inlineRawBytes, rawBytes, tensorError } from './rawBytes';
import { DataType, type Tensor } from './types';

export { elementCount, rawBytes };

/**
 * The elements as float32, row-major. 64-bit types are rounded. Must not be modified.
 * @throws OnnxFileError for strings, complex numbers, unknown types, and data that does not fit the shape
 */
export async function readFloat32(tensor: Tensor): Promise<Float32Array> {
  const bytes = await rawBytes(tensor);
  // Most weights are float32 in a file, read to a buffer of their own: a copy would take as long as reading.
  const isAligned = bytes.byteOffset % 4 === 0 && bytes.byteLength % 4 === 0;
  if (tensor.dataType === (DataType.FLOAT as number) && isAligned) {
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  }
  return toFloat32(tensor, bytes);
}

/**
 * The elements of an integer or boolean tensor, exact.
 * @throws OnnxFileError for any other type
 */
export async function readInt64(tensor: Tensor): Promise<bigint[]> {
  return toBigints(tensor, await rawBytes(tensor));
}

/** The elements of a string tensor; bytes that are not UTF-8 become replacement characters. */
export function readStrings(tensor: Tensor): string[] {
  const type: DataType = tensor.dataType;
  if (type !== DataType.STRING) throw tensorError(tensor, `is ${dtypeName(type)}, not strings`);
  const count = elementCount(tensor);
  if (tensor.stringData.length !== count) {
    throw tensorError(tensor, `has ${tensor.stringData.length} strings, but its shape needs ${count}`);
  }
  const decoder = new TextDecoder();
  return tensor.stringData.map((bytes) => decoder.decode(bytes));
}

/**
 * The elements of a small integer tensor (a shape, axes, indices) without waiting; values past 2^53 are rounded.
 * Undefined when the payload is not in memory, does not fit the shape, or is not of integers.
 */
export function inlineInts(tensor: Tensor): number[] | undefined {
  return inline(tensor, (bytes) => toBigints(tensor, bytes).map(Number));
}

/** The elements of a small tensor (a scale, a bound) without waiting; undefined when that is not possible. */
export function inlineFloats(tensor: Tensor): Float32Array | undefined {
  return inline(tensor, (bytes) => toFloat32(tensor, bytes));
}

function inline<T>(tensor: Tensor, convert: (bytes: Uint8Array) => T): T | undefined {
  try {
    const bytes = inlineRawBytes(tensor);
    return bytes && convert(bytes);
  } catch {
    // A look-ahead finds nothing usable; whoever reads the tensor gets the error.
    return undefined;
  }
}

const smallFloats: Readonly<Partial<Record<number, SmallFloat>>> = {
  [DataType.FLOAT16]: 'float16',
  [DataType.BFLOAT16]: 'bfloat16',
  [DataType.FLOAT8E4M3FN]: 'float8e4m3fn',
  [DataType.FLOAT8E4M3FNUZ]: 'float8e4m3fnuz',
  [DataType.FLOAT8E5M2]: 'float8e5m2',
  [DataType.FLOAT8E5M2FNUZ]: 'float8e5m2fnuz',
};

function toFloat32(tensor: Tensor, bytes: Uint8Array): Float32Array {
  const type: DataType = tensor.dataType;
  const small = smallFloats[type];
  if (small) {
    const table = decodeTable(small);
    const codes = table.length > 256 ? aligned(Uint16Array, bytes) : bytes;
    const values = new Float32Array(codes.length);
    for (let index = 0; index < values.length; index++) values[index] = table[codes[index] ?? 0] ?? NaN;
    return values;
  }
  switch (type) {
    case DataType.FLOAT:
      return aligned(Float32Array, bytes);
    case DataType.FLOAT8E8M0:
      return Float32Array.from(bytes, decodeFloat8E8M0);
    case DataType.FLOAT4E2M1: {
      const table = decodeTable('float4e2m1');
      return Float32Array.from(subByte(bytes, 4, elementCount(tensor)), (code) => table[code] ?? NaN);
    }
    case DataType.DOUBLE:
      return new Float32Array(aligned(Float64Array, bytes));
    case DataType.COMPLEX64:
    case DataType.COMPLEX128:
      throw tensorError(tensor, 'holds complex numbers, which have no float32 value');
    default: {
      const integers = toIntegers(tensor, bytes);
      return integers instanceof BigInt64Array || integers instanceof BigUint64Array
        ? Float32Array.from(integers, Number)
        : new Float32Array(integers);
    }
  }
}

function toBigints(tensor: Tensor, bytes: Uint8Array): bigint[] {
  return Array.from<number | bigint, bigint>(toIntegers(tensor, bytes), BigInt);
}

type Integers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

function toIntegers(tensor: Tensor, bytes: Uint8Array): Integers {
  const type: DataType = tensor.dataType;
  switch (type) {
    case DataType.UINT8:
      return bytes;
    case DataType.BOOL:
      return Uint8Array.from(bytes, (byte) => (byte ? 1 : 0));
    case DataType.INT8:
      return aligned(Int8Array, bytes);
    case DataType.UINT16:
      return aligned(Uint16Array, bytes);
    case DataType.INT16:
      return aligned(Int16Array, bytes);
    case DataType.UINT32:
      return aligned(Uint32Array, bytes);
    case DataType.INT32:
      return aligned(Int32Array, bytes);
    case DataType.UINT64:
      return aligned(BigUint64Array, bytes);
    case DataType.INT64:
      return aligned(BigInt64Array, bytes);
    case DataType.UINT4:
      return subByte(bytes, 4, elementCount(tensor));
    case DataType.INT4:
      return signed(subByte(bytes, 4, elementCount(tensor)), 4);
    case DataType.UINT2:
      return subByte(bytes, 2, elementCount(tensor));
    case DataType.INT2:
      return signed(subByte(bytes, 2, elementCount(tensor)), 2);
    default:
      throw tensorError(tensor, `is ${dtypeName(type)}, not integers`);
  }
}

/** Codes of `bits` bits, packed from the low end of each byte. */
function subByte(bytes: Uint8Array, bits: 2 | 4, count: number): Uint8Array {
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  const codes = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    const byte = bytes[Math.floor(index / perByte)] ?? 0;
    codes[index] = (byte >> (bits * (index % perByte))) & mask;
  }
  return codes;
}

function signed(codes: Uint8Array, bits: number): Int8Array {
  return Int8Array.from(codes, (code) => (code << (32 - bits)) >> (32 - bits));
}

/** Typed arrays need an aligned buffer, which a part of a file seldom is: a copy. */
function aligned<T>(type: new (buffer: ArrayBuffer) => T, bytes: Uint8Array): T {
  return new type(copyBytes(bytes).buffer);
}

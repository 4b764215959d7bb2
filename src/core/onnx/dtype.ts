import { DataType } from './types';

/** How an element type is stored. */
export interface DataTypeFacts {
  /** As onnx.proto names it, lower case. */
  readonly name: string;
  /** Bits per element in raw_data; 0 for strings. */
  readonly bits: number;
  /** Holds real numbers, as opposed to integers, booleans or strings. */
  readonly isFloat: boolean;
}

const facts: ReadonlyMap<number, DataTypeFacts> = new Map(
  (
    [
      [DataType.FLOAT, 'float', 32, true],
      [DataType.UINT8, 'uint8', 8, false],
      [DataType.INT8, 'int8', 8, false],
      [DataType.UINT16, 'uint16', 16, false],
      [DataType.INT16, 'int16', 16, false],
      [DataType.INT32, 'int32', 32, false],
      [DataType.INT64, 'int64', 64, false],
      [DataType.STRING, 'string', 0, false],
      [DataType.BOOL, 'bool', 8, false],
      [DataType.FLOAT16, 'float16', 16, true],
      [DataType.DOUBLE, 'double', 64, true],
      [DataType.UINT32, 'uint32', 32, false],
      [DataType.UINT64, 'uint64', 64, false],
      [DataType.COMPLEX64, 'complex64', 64, false],
      [DataType.COMPLEX128, 'complex128', 128, false],
      [DataType.BFLOAT16, 'bfloat16', 16, true],
      [DataType.FLOAT8E4M3FN, 'float8e4m3fn', 8, true],
      [DataType.FLOAT8E4M3FNUZ, 'float8e4m3fnuz', 8, true],
      [DataType.FLOAT8E5M2, 'float8e5m2', 8, true],
      [DataType.FLOAT8E5M2FNUZ, 'float8e5m2fnuz', 8, true],
      [DataType.UINT4, 'uint4', 4, false],
      [DataType.INT4, 'int4', 4, false],
      [DataType.FLOAT4E2M1, 'float4e2m1', 4, true],
      [DataType.FLOAT8E8M0, 'float8e8m0', 8, true],
      [DataType.UINT2, 'uint2', 2, false],
      [DataType.INT2, 'int2', 2, false],
    ] as const
  ).map(([type, name, bits, isFloat]) => [type, { name, bits, isFloat }]),
);

/** Facts of a `DataType` value; undefined for UNDEFINED and for types newer than this version. */
export function dataTypeFacts(type: number): DataTypeFacts | undefined {
  return facts.get(type);
}

/** The lower-case name of onnx.proto, or `type 99` for one this version does not know. */
export function dtypeName(type: number): string {
  return facts.get(type)?.name ?? (type === 0 ? 'undefined' : `type ${type}`);
}

/** Bytes of `count` elements in raw_data; sub-byte types are packed and the last byte is padded. */
export function rawByteLength(type: number, count: number): number | undefined {
  const bits = facts.get(type)?.bits;
  return bits ? Math.ceil((count * bits) / 8) : undefined;
}

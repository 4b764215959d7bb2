import { DataType } from '../onnx/types';
import type { IntegerTypeName } from './scheme';

/** The codes of an unpacked tensor: one element per entry, also for 4-bit types. */
export type Codes = Uint8Array | Int8Array | Uint16Array | Int16Array;

interface IntegerType {
  readonly dataType: DataType;
  readonly bits: number;
  readonly signed: boolean;
  readonly min: number;
  readonly max: number;
  /** Smallest code that a symmetric range uses: the tool leaves out -128 and -32768, but not -8. */
  readonly symmetricMin: number;
  /** Range that leaves a bit of headroom for 16-bit accumulators. */
  readonly reduced: readonly [min: number, max: number];
}

/** ONNX Runtime's `ONNX_INT_TYPE_RANGE` tables. */
const integerTypes: Readonly<Record<IntegerTypeName, IntegerType>> = {
  uint8: {
    dataType: DataType.UINT8,
    bits: 8,
    signed: false,
    min: 0,
    max: 255,
    symmetricMin: 0,
    reduced: [0, 127],
  },
  int8: {
    dataType: DataType.INT8,
    bits: 8,
    signed: true,
    min: -128,
    max: 127,
    symmetricMin: -127,
    reduced: [-64, 64],
  },
  uint16: {
    dataType: DataType.UINT16,
    bits: 16,
    signed: false,
    min: 0,
    max: 65535,
    symmetricMin: 0,
    reduced: [0, 32767],
  },
  int16: {
    dataType: DataType.INT16,
    bits: 16,
    signed: true,
    min: -32768,
    max: 32767,
    symmetricMin: -32767,
    reduced: [-16384, 16384],
  },
  uint4: {
    dataType: DataType.UINT4,
    bits: 4,
    signed: false,
    min: 0,
    max: 15,
    symmetricMin: 0,
    reduced: [0, 7],
  },
  int4: {
    dataType: DataType.INT4,
    bits: 4,
    signed: true,
    min: -8,
    max: 7,
    symmetricMin: -8,
    reduced: [-4, 3],
  },
};

export function integerType(name: IntegerTypeName): IntegerType {
  return integerTypes[name];
}

/** Codes that shape scale and zero point. */
export function codeRange(
  name: IntegerTypeName,
  { symmetric, reduceRange }: { readonly symmetric: boolean; readonly reduceRange?: boolean },
): readonly [min: number, max: number] {
  const type = integerTypes[name];
  if (reduceRange) return type.reduced;
  return [symmetric ? type.symmetricMin : type.min, type.max];
}

/** An array for unpacked codes of `name`. */
export function makeCodes(name: IntegerTypeName, length: number): Codes {
  switch (name) {
    case 'uint8':
    case 'uint4':
      return new Uint8Array(length);
    case 'int8':
    case 'int4':
      return new Int8Array(length);
    case 'uint16':
      return new Uint16Array(length);
    case 'int16':
      return new Int16Array(length);
  }
}

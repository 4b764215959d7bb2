import { InputError } from '../../core/errors';
import type { RuntimeData, RuntimeType } from '../../core/ports';

/** An array of a .npy file whose elements have not been looked at. */
export interface NpyHeader {
  readonly type: RuntimeType;
  readonly dims: readonly number[];
  /** Where the elements start. */
  readonly dataOffset: number;
  readonly elementBytes: number;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/** numpy's header is a few hundred bytes; structured types, which we refuse, make it longer. */
const MAX_HEADER_BYTES = 1 << 16;
/** With magic, version and length before it. */
export const LONGEST_NPY_HEADER = MAX_HEADER_BYTES + 12;

const elementTypes: Readonly<Record<string, readonly [RuntimeType, number]>> = {
  f4: ['float32', 4],
  f8: ['float64', 8],
  f2: ['float16', 2],
  i1: ['int8', 1],
  i2: ['int16', 2],
  i4: ['int32', 4],
  i8: ['int64', 8],
  u1: ['uint8', 1],
  u2: ['uint16', 2],
  u4: ['uint32', 4],
  u8: ['uint64', 8],
  b1: ['bool', 1],
};

/**
 * Reads the header of a .npy file (format versions 1 to 3), given at least its first bytes.
 * @param name what messages call the array.
 * @param size of the whole file, where `bytes` may be only its beginning.
 * @throws InputError for anything but a C-ordered, little-endian array of plain numbers or booleans, and when there are fewer
 * elements than the shape says.
 */
export function parseNpyHeader(bytes: Uint8Array, name: string, size = bytes.length): NpyHeader {
  const fail = (problem: string): InputError => new InputError(`${name} ${problem}`);
  if (bytes.length < 12 || magic.some((byte, index) => bytes[index] !== byte)) {
    throw fail(
      `is not a .npy array: it ${size === 0 ? 'is empty' : 'does not start with \\x93NUMPY'}. Save it with numpy.save.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = bytes[6] ?? 0;
  if (major < 1 || major > 3) throw fail(`is a .npy array of version ${major}; versions 1 to 3 are known.`);
  const headerStart = major === 1 ? 10 : 12;
  const headerLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataOffset = headerStart + headerLength;
  if (headerLength > MAX_HEADER_BYTES || dataOffset > bytes.length) {
    throw fail(`has a broken .npy header: it claims ${headerLength} bytes.`);
  }
  const header = new TextDecoder('latin1').decode(bytes.subarray(headerStart, dataOffset));

  const descr = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z]\d+)'/.exec(header);
  const shape = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(header);
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header);
  if (!shape || !fortran) throw fail('has a broken .npy header.');
  const [elementType, elementBytes] = elementTypes[descr?.[2] ?? ''] ?? [];
  if (!descr || !elementType || !elementBytes) {
    const found = /'descr'\s*:\s*('[^']*'|\[)/.exec(header)?.[1] ?? 'unknown';
    throw fail(
      `has elements of type ${found === '[' ? 'record' : found}; plain numbers and booleans are read.`,
    );
  }
  if (descr[1] === '>' && elementBytes > 1) throw fail('is big-endian; save it in little-endian byte order.');
  const dims = (shape[1] ?? '')
    .split(/[\s,L]+/)
    .filter(Boolean)
    .map(Number);
  // In one dimension both orders are the same bytes.
  if (fortran[1] === 'True' && dims.filter((size) => size > 1).length > 1) {
    throw fail('is stored in Fortran order; save it with numpy.ascontiguousarray.');
  }
  const length = dims.reduce((product, axis) => product * axis, 1) * elementBytes;
  if (dataOffset + length > size) {
    throw fail(
      `is cut short: [${dims.join(', ')}] needs ${length} bytes, there are ${size - dataOffset}. Save it again.`,
    );
  }
  return { type: elementType, dims, dataOffset, elementBytes };
}

/** The elements in `bytes` (little-endian, a whole number of elements). Copies: the bytes may be unaligned. */
export function typedArray(type: RuntimeType, bytes: Uint8Array): Exclude<RuntimeData, string[]> {
  // Not slice(): that of a Buffer, which files are read into, shares memory.
  const { buffer } = new Uint8Array(bytes);
  switch (type) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'float16':
    case 'uint16':
      return new Uint16Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'uint64':
      return new BigUint64Array(buffer);
    case 'string':
      throw new InputError('Strings cannot be read from bytes.');
  }
}

import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';

export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array | Int32Array | BigInt64Array | Float64Array;
}

const readers: Readonly<Record<string, (buffer: ArrayBuffer) => NpyArray['data']>> = {
  '<f4': (buffer) => new Float32Array(buffer),
  '<f8': (buffer) => new Float64Array(buffer),
  '<i4': (buffer) => new Int32Array(buffer),
  '<i8': (buffer) => new BigInt64Array(buffer),
  '|u1': (buffer) => new Uint8Array(buffer),
};

/** The arrays of a little-endian, C-ordered `.npz` file: an oracle for tests, apart from the product's reader. */
export function readNpz(path: string): Record<string, NpyArray> {
  const files = unzipSync(new Uint8Array(readFileSync(path)));
  return Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [name.replace(/\.npy$/, ''), readNpy(bytes)]),
  );
}

/** One array. */
export function readNpy(bytes: Uint8Array): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [start, length] = bytes[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const descr = /'descr': '([^']+)'/.exec(header)?.[1] ?? '';
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '').split(',').filter((s) => s.trim() !== '');
  const read = readers[descr];
  if (!read || header.includes("'fortran_order': True")) throw new Error(`cannot read ${header}`);
  return { shape: shape.map(Number), data: read(bytes.slice(start + length).buffer) };
}

/** Makes .npy and .npz files as numpy writes them. */
import { zipSync } from 'fflate';

type Elements =
  Float32Array | Float64Array | Uint8Array | Int8Array | Uint16Array | Int32Array | BigInt64Array;

export interface NpyOptions {
  readonly descr: string;
  readonly shape: readonly number[];
  readonly data: Elements;
  readonly fortran?: boolean;
  readonly version?: 1 | 2;
}

export function npyBytes({ descr, shape, data, fortran = false, version = 1 }: NpyOptions): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${tuple}), }`;
  const start = version === 1 ? 10 : 12;
  const padded = text.padEnd(Math.ceil((start + text.length + 1) / 64) * 64 - start - 1) + '\n';
  const head = new Uint8Array(start);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  new DataView(head.buffer).setUint16(8, padded.length, true);
  return Buffer.concat([
    head,
    Buffer.from(padded, 'latin1'),
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  ]);
}

export function npzBytes(arrays: Readonly<Record<string, NpyOptions>>): Uint8Array {
  return zipSync(
    Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npyBytes(array)])),
  );
}

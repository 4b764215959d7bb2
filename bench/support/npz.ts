/** Arrays for programs in Python, the counterpart of src/engine/data/npy.ts. */
import { writeFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import type { Feeds, RuntimeTensor, RuntimeType } from '../../src/core/ports';

const descriptions: Partial<Record<RuntimeType, string>> = {
  float32: '<f4',
  float64: '<f8',
  float16: '<f2',
  int64: '<i8',
  int32: '<i4',
  int8: '|i1',
  uint8: '|u1',
  bool: '|b1',
};

/**
 * Writes a .npz file with one array per input, samples stacked along a new axis 0.
 * @throws Error for an element type that has no array, or samples of different shapes.
 */
export function writeStackedArrays(path: string, samples: readonly Feeds[]): void {
  const [first = {}] = samples;
  const entries = Object.keys(first).map((name): [string, Uint8Array] => [
    `${name}.npy`,
    stack(name, samples),
  ]);
  writeFileSync(path, zipSync(Object.fromEntries(entries), { level: 0 }));
}

function stack(name: string, samples: readonly Feeds[]): Uint8Array {
  const tensors = samples.flatMap((feeds): RuntimeTensor[] => (feeds[name] ? [feeds[name]] : []));
  const [first] = tensors;
  const description = first && descriptions[first.type];
  if (!first || description === undefined) throw new Error(`no array can hold ${name}`);
  if (tensors.some(({ dims }) => String(dims) !== String(first.dims))) {
    throw new Error(`samples of ${name} differ in shape`);
  }
  const parts = tensors.map(({ data }) => {
    if (!ArrayBuffer.isView(data)) throw new Error(`no array can hold ${name}`);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  });
  const shape = [tensors.length, ...first.dims].map((size) => `${size},`).join(' ');
  return Buffer.concat([
    header(`{'descr': '${description}', 'fortran_order': False, 'shape': (${shape}), }`),
    ...parts,
  ]);
}

/** Format 1.0: magic, version, length of the dictionary, which ends in a new line at a multiple of 64 bytes. */
function header(dictionary: string): Uint8Array {
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const bytes = Buffer.alloc(10 + length, ' ');
  Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]).copy(bytes);
  bytes.writeUInt16LE(length, 8);
  bytes.write(dictionary, 10, 'latin1');
  bytes.write('\n', 10 + length - 1);
  return bytes;
}

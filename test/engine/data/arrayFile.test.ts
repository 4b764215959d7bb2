import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openArrayFile } from '../../../src/engine/data/arrayFile';
import { npyBytes } from '../support/npyBytes';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'arrays-test-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const x = npyBytes({ descr: '<f4', shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
const labels = npyBytes({ descr: '<i8', shape: [3], data: BigInt64Array.of(7n, 8n, 9n) });

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('openArrayFile(path)', () => {
  it.each([
    ['stored', 0],
    ['packed', 9],
  ] as const)('reads slices of %s members', async (name, level) => {
    const bytes = zipSync({ 'x.npy': x, 'labels.npy': labels, 'readme.txt': labels }, { level });
    const arrays = await openArrayFile(write(`${name}.npz`, bytes));
    expect([...arrays.keys()]).toEqual(['x', 'labels']);
    expect(arrays.get('x')).toMatchObject({ type: 'float32', dims: [3, 2] });
    expect(await arrays.get('x')?.slices(1, 2)).toEqual(Float32Array.of(3, 4, 5, 6));
    expect(await arrays.get('labels')?.slices(2, 1)).toEqual(BigInt64Array.of(9n));
  });

  it('reads slices of a .npy file', async () => {
    const arrays = await openArrayFile(write('x.npy', x));
    expect(await arrays.get('arr_0')?.slices(2, 1)).toEqual(Float32Array.of(5, 6));
  });

  it('finds numbers in zip64 fields', async () => {
    // As numpy writes it where a member may become large: the sizes of the entry moved to a field of their own.
    const plain = Buffer.from(zipSync({ 'x.npy': x }, { level: 0 }));
    const end = plain.length - 22;
    const directory = plain.readUInt32LE(end + 16);
    const nameEnd = directory + 46 + 5;
    const field = Buffer.alloc(20);
    field.writeUInt16LE(1, 0);
    field.writeUInt16LE(16, 2);
    field.writeBigUInt64LE(BigInt(x.length), 4);
    field.writeBigUInt64LE(BigInt(x.length), 12);
    const long = Buffer.concat([plain.subarray(0, nameEnd), field, plain.subarray(nameEnd)]);
    long.writeUInt32LE(0xffffffff, directory + 20);
    long.writeUInt32LE(0xffffffff, directory + 24);
    long.writeUInt16LE(field.length, directory + 30);
    long.writeUInt32LE(long.readUInt32LE(end + 20 + 12) + 20, end + 20 + 12);
    const arrays = await openArrayFile(write('long.npz', long));
    expect(await arrays.get('x')?.slices(0, 1)).toEqual(Float32Array.of(1, 2));
  });

  it('says when the file has changed', async () => {
    const path = write('changing.npz', zipSync({ 'x.npy': x }, { level: 0 }));
    const arrays = await openArrayFile(path);
    utimesSync(path, new Date(0), new Date(0));
    await expect(arrays.get('x')?.slices(0, 1)).rejects.toThrow(/changing\.npz changed while it was in use/);
  });

  it.each([
    [
      'cut',
      (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 30),
      /cut\.npz is not a readable \.npz archive: it is cut short, or something else\. Save it again with numpy\.savez\.$/,
    ],
    ['empty', () => new Uint8Array(0), /archive: it is empty\. Save it again/],
    ['encrypted', (bytes: Uint8Array) => changed(bytes, 8, 1), /x\.npy: .*encrypted/],
    ['exotic', (bytes: Uint8Array) => changed(bytes, 10, 14), /x\.npy: unsupported compression method: 14/],
    ['torn', (bytes: Uint8Array) => changed(bytes, 0, 0), /invalid central directory file header signature/],
  ])('refuses what it cannot read: %s', async (name, change, message) => {
    const path = write(`${name}.npz`, change(zipSync({ 'x.npy': x })));
    await expect(openArrayFile(path)).rejects.toThrow(message);
    await expect(openArrayFile(path)).rejects.toThrow(`${name}.npz is not a readable .npz archive`);
  });
});

/** A byte of the archive's only entry in its directory. */
function changed(archive: Uint8Array, at: number, value: number): Uint8Array {
  const bytes = Buffer.from(archive);
  bytes[bytes.readUInt32LE(bytes.length - 6) + at] = value;
  return bytes;
}

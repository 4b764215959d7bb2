import { basename } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { InputError } from '../../core/errors';
import type { RuntimeData, RuntimeTensor } from '../../core/ports';
import { FileSource } from '../files/fileSource';
import { LONGEST_NPY_HEADER, parseNpyHeader, typedArray } from './npy';

/** A small archive can claim to unpack to anything, and what is packed is unpacked as a whole. */
const MAX_UNPACKED_BYTES = 2 ** 31 - 1;
/** Of the zip format: not compressed. */
const STORED = 0;

/** The key of the array in a .npy file, and what numpy calls the first array that `savez` was given without a name. */
export const UNNAMED_ARRAY = 'arr_0';

/** An array whose elements are read where they are wanted. */
export interface StoredArray extends Pick<RuntimeTensor, 'type' | 'dims'> {
  /** The elements of `count` of the slices along axis 0, from slice `start`. @throws RoundoffError when the file has changed */
  slices(start: number, count: number): Promise<RuntimeData>;
}

/**
 * The arrays of a .npz archive by key, or of a .npy file as `arr_0`. What the archive stores as it is stays in the file; what it
 * packs is unpacked here.
 * @throws InputError when it is not what its ending says, or too large.
 */
export async function openArrayFile(path: string): Promise<Map<string, StoredArray>> {
  const source = await FileSource.open(path);
  try {
    const file = { path, version: source.version };
    if (path.toLowerCase().endsWith('.npy')) {
      return new Map([[UNNAMED_ARRAY, await arrayAt(source, file, 0, source.size, basename(path))]]);
    }
    return await openArchive(source, file);
  } finally {
    await source.close();
  }
}

/** A file as it was opened first. */
interface OpenedFile {
  readonly path: string;
  readonly version: string;
}

/** The array of `length` bytes at `offset` of a file. */
async function arrayAt(
  source: FileSource,
  file: OpenedFile,
  offset: number,
  length: number,
  name: string,
): Promise<StoredArray> {
  const head = await source.read(offset, Math.min(length, LONGEST_NPY_HEADER));
  const { type, dims, dataOffset, elementBytes } = parseNpyHeader(head, name, length);
  const size = sliceSize(dims) * elementBytes;
  const start = offset + dataOffset;
  return {
    type,
    dims,
    slices: async (from, count) => typedArray(type, await readAgain(file, start + from * size, count * size)),
  };
}

function arrayInBytes(bytes: Uint8Array, name: string): StoredArray {
  const { type, dims, dataOffset, elementBytes } = parseNpyHeader(bytes, name);
  const size = sliceSize(dims) * elementBytes;
  return {
    type,
    dims,
    slices: async (from, count) => {
      const start = dataOffset + from * size;
      return typedArray(type, bytes.subarray(start, start + count * size));
    },
  };
}

/** No handle stays open between samples: a data set has no end. */
async function readAgain({ path, version }: OpenedFile, offset: number, length: number): Promise<Uint8Array> {
  const source = await FileSource.open(path);
  try {
    if (source.version !== version) {
      throw new InputError(`${path} changed while it was in use: start again.`);
    }
    return await source.read(offset, length);
  } finally {
    await source.close();
  }
}

async function openArchive(source: FileSource, file: OpenedFile): Promise<Map<string, StoredArray>> {
  const { path } = file;
  const arrays = new Map<string, StoredArray>();
  let reading = '';
  try {
    const archive = await openPromise(path);
    for await (const entry of archive.eachEntry()) {
      if (!entry.fileName.endsWith('.npy')) continue;
      reading = `${entry.fileName}: `;
      const key = entry.fileName.replace(/\.npy$/, '');
      const name = `${key} in ${basename(path)}`;
      arrays.set(
        key,
        entry.compressionMethod === STORED && !entry.isEncrypted()
          ? await arrayAt(source, file, await startOf(archive, entry), entry.uncompressedSize, name)
          : arrayInBytes(await unpack(archive, entry, path), name),
      );
      reading = '';
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `${path} is not a readable .npz archive: ${reading}${archiveProblem(source.size, error)}. Save it again with numpy.savez.`,
    );
  }
  return arrays;
}

function archiveProblem(size: number, error: unknown): string {
  if (size === 0) return 'it is empty';
  const why = error instanceof Error ? error.message : String(error);
  if (why.startsWith('End of central directory')) return 'it is cut short, or something else';
  return why.replace(/\.$/, '');
}

async function startOf(archive: ZipFile, entry: Entry): Promise<number> {
  return (await archive.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart;
}

async function unpack(archive: ZipFile, entry: Entry, path: string): Promise<Uint8Array> {
  if (Math.max(entry.uncompressedSize, entry.compressedSize) > MAX_UNPACKED_BYTES) {
    throw new InputError(
      `${path} unpacks to more than 2 GiB. Take fewer samples, or save it with numpy.savez.`,
    );
  }
  return buffer(await archive.openReadStreamPromise(entry));
}

/** Elements of one slice along axis 0. */
function sliceSize(dims: readonly number[]): number {
  return dims.slice(1).reduce((product, size) => product * size, 1);
}

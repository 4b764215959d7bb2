import { basename } from 'node:path';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { InputError, RoundoffError } from '../../core/errors';
import type { RuntimeData, RuntimeTensor } from '../../core/ports';
import { FileSource } from '../files/fileSource';
import { LONGEST_NPY_HEADER, parseNpyHeader, typedArray } from './npy';
import { zipMembers, type ZipMember } from './zipArchive';

/** A small archive can claim to unpack to anything, and what is packed is unpacked as a whole. */
const MAX_UNPACKED_BYTES = 2 ** 31 - 1;

/** The key of the array in a .npy file, and what numpy calls the first array that `savez` was given without a name. */
export const UNNAMED_ARRAY = 'arr_0';

/** An array whose elements are read where they are wanted. */
export interface StoredArray extends Pick<RuntimeTensor, 'type' | 'dims'> {
  /** The elements of `count` of the slices along axis 0, from slice `start`. @throws RoundoffError when the file has changed */
  slices(start: number, count: number): Promise<RuntimeData>;
}

/** An array in memory. */
export function arrayInMemory({ type, dims, data }: RuntimeTensor): StoredArray {
  const size = sliceSize(dims);
  return {
    type,
    dims,
    slices: async (start, count) => data.slice(start * size, (start + count) * size),
  };
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
    const arrays = new Map<string, StoredArray>();
    for (const member of await membersOf(source, path)) {
      const key = member.name.replace(/\.npy$/, '');
      const name = `${key} in ${basename(path)}`;
      arrays.set(
        key,
        member.isDeflated
          ? arrayInBytes(await unpack(source, member, path), name)
          : await arrayAt(source, file, member.offset, member.size, name),
      );
    }
    return arrays;
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

async function membersOf(source: FileSource, path: string): Promise<ZipMember[]> {
  try {
    return (await zipMembers(source)).filter(({ name }) => name.endsWith('.npy'));
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function unpack(source: FileSource, member: ZipMember, path: string): Promise<Uint8Array> {
  const { offset, storedSize, size } = member;
  if (Math.max(size, storedSize) > MAX_UNPACKED_BYTES) {
    throw new InputError(
      `${path} unpacks to more than 2 GiB. Take fewer samples, or save it with numpy.savez.`,
    );
  }
  try {
    return await promisify(inflateRaw)(await source.read(offset, storedSize), {
      maxOutputLength: Math.max(1, size),
    });
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): unknown {
  if (error instanceof InputError) return error;
  const why = error instanceof RoundoffError || error instanceof Error ? error.message : String(error);
  return new InputError(`${path} is not a readable .npz archive (${why}).`);
}

/** Elements of one slice along axis 0. */
function sliceSize(dims: readonly number[]): number {
  return dims.slice(1).reduce((product, size) => product * size, 1);
}

import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { unzipSync, type UnzipFileInfo } from 'fflate';
import { InputError } from '../../core/errors';
import type { RuntimeTensor } from '../../core/ports';
import { parseNpy } from './npy';

/** Node reads no larger file into memory, and its arrays hold no more. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
/** A small archive can claim to unpack to anything. */
const MAX_UNPACKED_BYTES = 2 ** 32;

/** The key of the array in a .npy file, and what numpy calls the first array that `savez` was given without a name. */
export const UNNAMED_ARRAY = 'arr_0';

/**
 * The arrays of a .npz archive by key, or of a .npy file as `arr_0`.
 * @throws InputError when it is not what its ending says, or too large.
 */
export async function readArrayFile(path: string): Promise<Map<string, RuntimeTensor>> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) {
    throw new InputError(`${path} has ${size} bytes; up to 2 GiB of arrays are read. Take fewer samples.`);
  }
  const bytes = await readFile(path);
  if (path.toLowerCase().endsWith('.npy')) return new Map([[UNNAMED_ARRAY, parseNpy(bytes, basename(path))]]);
  return new Map(
    Object.entries(unzip(bytes, path)).map(([entry, content]) => {
      const key = entry.replace(/\.npy$/, '');
      return [key, parseNpy(content, `${key} in ${basename(path)}`)];
    }),
  );
}

function unzip(bytes: Uint8Array, path: string): Record<string, Uint8Array> {
  let unpacked = 0;
  const filter = ({ name, originalSize }: UnzipFileInfo): boolean => {
    if (!name.endsWith('.npy')) return false;
    unpacked += originalSize;
    if (unpacked > MAX_UNPACKED_BYTES) {
      throw new InputError(`${path} unpacks to more than 4 GiB. Take fewer samples.`);
    }
    return true;
  };
  try {
    return unzipSync(bytes, { filter });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path} is not a readable .npz archive (${(error as Error).message}).`);
  }
}

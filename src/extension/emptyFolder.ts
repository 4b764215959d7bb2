import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RoundoffError } from '../core/errors';

/**
 * Deletes the files of a folder, not those of folders in it. A folder that is not there is empty.
 * @returns what was freed.
 * @throws RoundoffError when something cannot be deleted.
 */
export async function emptyFolder(folder: string): Promise<{ files: number; bytes: number }> {
  let [files, bytes] = [0, 0];
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(folder, entry.name);
      const { size } = await stat(path);
      await rm(path, { force: true });
      files++;
      bytes += size;
    }
  } catch (error) {
    if (isMissing(error)) return { files, bytes };
    const why = error instanceof Error ? error.message : String(error);
    throw new RoundoffError(`The cached results could not be deleted: ${why}`);
  }
  return { files, bytes };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RoundoffError } from '../../core/errors';

/** Names that `FileResultCache` gives: a content hash. Nothing else in the folder is ours. */
const NAME = /^[0-9a-f]{32}\.jsonl$/;

export interface CacheFile {
  readonly path: string;
  readonly bytes: number;
  /** When it was last opened, in milliseconds. */
  readonly usedAt: number;
}

export interface CacheContents {
  readonly folder: string;
  /** One for each model. */
  readonly files: number;
  readonly bytes: number;
}

/** The results that a folder keeps, those used longest ago first; none where there is no folder. */
export async function cacheFiles(folder: string): Promise<CacheFile[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => NAME.test(name));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const { size = 0, mtimeMs = 0 } = (await stat(path).catch(() => undefined)) ?? {};
      return { path, bytes: size, usedAt: mtimeMs };
    }),
  );
  return files.sort((a, b) => a.usedAt - b.usedAt);
}

export async function cacheContents(folder: string): Promise<CacheContents> {
  return contentsOf(folder, await cacheFiles(folder));
}

/** Removes all results, and nothing else. @returns what was there. @throws RoundoffError when something cannot be removed. */
export async function clearCache(folder: string): Promise<CacheContents> {
  const files = await cacheFiles(folder);
  try {
    for (const { path } of files) await rm(path, { force: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RoundoffError(`The cached results could not be removed: ${why}`);
  }
  return contentsOf(folder, files);
}

function contentsOf(folder: string, files: readonly CacheFile[]): CacheContents {
  return { folder, files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

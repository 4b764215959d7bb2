import type { Command } from 'commander';
import { defaultCacheFolder } from '../engine/cache/cacheFolder';

export interface CacheOptions {
  /** Folder; false: none. */
  cache?: string | false;
}

/** --cache and --no-cache. */
export function addCacheOptions(command: Command): Command {
  return command
    .option('--cache <folder>', `where results are kept between runs (default: ${defaultCacheFolder()})`)
    .option('--no-cache', 'measure everything again and keep nothing');
}

/** What a request says of the cache. */
export function cacheRequest({ cache }: CacheOptions): { cache?: string } {
  return cache === false ? {} : { cache: cache ?? defaultCacheFolder() };
}

import { cacheContents, clearCache } from '../engine/cache/cacheContents';
import { defaultCacheFolder } from '../engine/cache/cacheFolder';
import type { CacheVerb } from './cacheCommand';
import { type CliIo, ExitCode } from './cliIo';
import { bytesText, jsonText } from './text';

/** `roundoff cache info|clear`: what is kept between runs, or was until now. */
export async function cache(
  verb: CacheVerb,
  { cache: folder = defaultCacheFolder(), json }: { readonly cache?: string; readonly json?: boolean },
  io: CliIo,
): Promise<number> {
  const contents = verb === 'clear' ? await clearCache(folder) : await cacheContents(folder);
  const { files, bytes } = contents;
  const what = `${files} ${files === 1 ? 'model' : 'models'}, ${bytesText(bytes)}`;
  const text =
    verb === 'clear'
      ? `Removed the results of ${what}, from ${folder}\n`
      : `Results of ${what}, in ${folder}\n`;
  io.stdout(json ? jsonText(contents) : text);
  return ExitCode.done;
}

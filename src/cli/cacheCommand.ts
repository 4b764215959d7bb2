import { Argument, type Command } from 'commander';
import { defaultCacheFolder } from '../engine/cache/cacheFolder';

export type CacheVerb = 'info' | 'clear';

export function addCacheCommand(command: Command): Command {
  return command
    .description('Show or remove what scans, searches, explanations and --recover have measured and kept.')
    .addArgument(new Argument('<verb>', 'info or clear').choices(['info', 'clear'] satisfies CacheVerb[]))
    .option('--cache <folder>', `the folder (default: ${defaultCacheFolder()})`)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nResults are kept by the contents of model, data and settings, so that a scan that was cancelled goes on where it stopped when ' +
        'the same command is given again. Past 512 MB, the models used longest ago are forgotten.',
    );
}

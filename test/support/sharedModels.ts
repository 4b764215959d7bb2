import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../../../shared/models');
let told = false;

/** Path of a file in the shared corpus beside the repository; undefined, said once, where there is none. */
export function sharedModel(relative: string): string | undefined {
  const path = join(folder, relative);
  if (existsSync(path)) return path;
  if (!told)
    process.stdout.write('The shared model corpus is not on this machine: tests over it do nothing.\n');
  told = true;
  return undefined;
}

import { readFile } from 'node:fs/promises';
import { fileError } from './fileErrors';

/** The text of a file; undefined when there is none. @throws RoundoffError when it cannot be read */
export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw fileError('read', path, error);
  });
}

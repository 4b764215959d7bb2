import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { RoundoffError } from '../../core/errors';
import { fileError } from './fileErrors';

/**
 * For work that takes long before it writes.
 * @throws RoundoffError when `path` is a folder, or its folder is not there or may not be written.
 */
export async function requireWritable(path: string): Promise<void> {
  const target = resolve(path);
  const stats = await stat(target).catch(() => undefined);
  if (stats?.isDirectory()) throw new RoundoffError(`Cannot write ${target}: it is a folder.`);
  try {
    // The dot: what is there must be a folder.
    await access(`${dirname(target)}${sep}.`, constants.W_OK);
  } catch (error) {
    throw fileError('write', target, error);
  }
}

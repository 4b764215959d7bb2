import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trackTemporary, untrackTemporary } from './temporaryFiles';

/** A private folder for copies of the user's model, gone at the latest when the process ends. */
export interface TemporaryFolder {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

export async function makeTemporaryFolder(): Promise<TemporaryFolder> {
  const path = join(tmpdir(), `roundoff-${randomUUID()}`);
  trackTemporary(path);
  const remove = async (): Promise<void> => {
    await rm(path, { recursive: true, force: true });
    untrackTemporary(path);
  };
  try {
    await mkdir(path, { mode: 0o700 });
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ByteSink } from '../../core/ports';
import { trackTemporary, untrackTemporary } from '../temporaryFiles';
import { fileError } from './fileErrors';

/**
 * A file that appears whole or not at all: it is written under another name in the destination folder and renamed by
 * `commit`. The temporary file is created at the first write.
 */
export class AtomicFile implements ByteSink {
  private readonly temporary: string;
  private handle: FileHandle | undefined;

  /** @param shown what messages call it: where the caller will move it. */
  constructor(
    readonly path: string,
    private readonly shown = path,
  ) {
    this.temporary = join(
      dirname(path),
      `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`,
    );
  }

  /** True once something was written or `create` was called. */
  get exists(): boolean {
    return this.handle !== undefined;
  }

  async create(): Promise<void> {
    if (this.handle) return;
    trackTemporary(this.temporary);
    try {
      this.handle = await open(this.temporary, 'wx');
    } catch (error) {
      untrackTemporary(this.temporary);
      throw fileError('write', this.shown, error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.create();
    try {
      for (let done = 0; done < bytes.byteLength;) {
        const result = await this.handle?.write(bytes, done, bytes.byteLength - done);
        done += result?.bytesWritten ?? 0;
      }
    } catch (error) {
      throw fileError('write', this.shown, error);
    }
  }

  /** Brings the bytes to the disk, unless told not to. Some full disks are noticed only here. */
  async finish(sync = true): Promise<void> {
    await this.create();
    try {
      if (sync) await this.handle?.sync();
      await this.handle?.close();
    } catch (error) {
      throw fileError('write', this.shown, error);
    }
  }

  /** Gives the finished file its name, replacing what was there. */
  async commit(): Promise<void> {
    try {
      await rename(this.temporary, this.path);
      untrackTemporary(this.temporary);
    } catch (error) {
      throw fileError('write', this.shown, error);
    }
  }

  /** Removes the temporary file; the destination stays as it was. */
  async discard(): Promise<void> {
    if (!this.handle) return;
    await this.handle.close().catch(() => undefined);
    await rm(this.temporary, { force: true });
    untrackTemporary(this.temporary);
  }
}

/**
 * Fills and commits files together: `fill` writes, then all get their names in the given order. On failure or cancel
 * no temporary file stays, and files that have their names already are removed: only the last may replace another one.
 * @param sync false: they need not outlive a crash of the machine.
 */
export async function writeTogether(
  files: readonly AtomicFile[],
  fill: () => Promise<void>,
  sync = true,
): Promise<void> {
  const named: AtomicFile[] = [];
  try {
    await fill();
    const written = files.filter((file) => file.exists);
    for (const file of written) await file.finish(sync);
    for (const file of written) {
      await file.commit();
      named.push(file);
    }
  } catch (error) {
    for (const file of named) await rm(file.path, { force: true });
    for (const file of files) if (!named.includes(file)) await file.discard();
    throw error;
  }
}

import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Uri } from 'vscode';
import { RoundoffError } from '../../core/errors';
import { formatBytes } from '../../shared/format';

/**
 * Models outside the local file system are read whole (VS Code has no partial reads), so they are bounded: larger
 * ones would fill the memory of the extension host.
 */
export const MAX_REMOTE_BYTES = 512 * 1024 * 1024;

/** Reads files of any file system: VS Code's `workspace.fs`, or a test's. */
export interface RemoteFiles {
  size(uri: Uri): Promise<number>;
  read(uri: Uri): Promise<Uint8Array>;
}

/** Local files for models on other file systems, so that the engine can read them by position. */
export class LocalCopies {
  /** Folder of a model's copy, by URI. */
  readonly #folders = new Map<string, string>();

  /** @param folder for temporary files, on the local file system; made when it is needed. */
  constructor(
    private readonly folder: string,
    private readonly files: RemoteFiles,
  ) {}

  /**
   * Path of a file with the model's bytes: its own path, or that of a fresh copy.
   * @throws RoundoffError when the file is not local and larger than MAX_REMOTE_BYTES; nothing was read then.
   */
  async localFile(uri: Uri): Promise<string> {
    if (uri.scheme === 'file') return uri.fsPath;
    const name = posix.basename(uri.path);
    const size = await this.files.size(uri);
    if (size > MAX_REMOTE_BYTES) {
      const limit = formatBytes(MAX_REMOTE_BYTES);
      throw new RoundoffError(
        `${name} is ${formatBytes(size)}, and models on a ${uri.scheme} file system are read whole, up to ${limit}. Copy it to a local folder and open it there.`,
      );
    }
    const folder = this.#folders.get(uri.toString()) ?? join(this.folder, randomUUID());
    this.#folders.set(uri.toString(), folder);
    await mkdir(folder, { recursive: true });
    const copy = join(folder, name);
    await writeFile(copy, await this.files.read(uri));
    return copy;
  }

  /** Deletes the copy of a model that is not open any more. Files that are not copies are never touched. */
  async release(uri: Uri): Promise<void> {
    const folder = this.#folders.get(uri.toString());
    if (folder === undefined) return;
    this.#folders.delete(uri.toString());
    await rm(folder, { recursive: true, force: true });
  }
}

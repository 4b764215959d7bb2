import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import * as vscode from 'vscode';
import { RoundoffError } from '../../core/errors';
import { formatBytes } from '../../shared/format';

/**
 * Models outside the local file system are read whole (VS Code has no partial reads), so they are bounded: larger
 * ones would fill the memory of the extension host.
 */
const MAX_REMOTE_BYTES = 512 * 1024 * 1024;

/** Local files for models on other file systems, so that the engine can read them by position. */
export class LocalCopies {
  readonly #copies = new Map<string, vscode.Uri>();

  /** @param folder for temporary files, on the local file system. */
  constructor(private readonly folder: vscode.Uri) {}

  /** Path of a file with the model's bytes: its own path, or that of a fresh copy. */
  async localFile(uri: vscode.Uri): Promise<string> {
    if (uri.scheme === 'file') return uri.fsPath;
    const name = posix.basename(uri.path);
    const { size } = await vscode.workspace.fs.stat(uri);
    if (size > MAX_REMOTE_BYTES) {
      const limit = formatBytes(MAX_REMOTE_BYTES);
      throw new RoundoffError(
        `${name} is ${formatBytes(size)}, and models on a ${uri.scheme} file system are read whole, up to ${limit}. Copy it to a local folder and open it there.`,
      );
    }
    const key = createHash('sha256').update(uri.toString()).digest('hex').slice(0, 16);
    const copy = vscode.Uri.joinPath(this.folder, key, name);
    await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(this.folder, key));
    await vscode.workspace.fs.writeFile(copy, await vscode.workspace.fs.readFile(uri));
    this.#copies.set(uri.toString(), copy);
    return copy.fsPath;
  }

  /** Deletes the copy of a model that is not open any more. */
  release(uri: vscode.Uri): void {
    const copy = this.#copies.get(uri.toString());
    if (!copy) return;
    this.#copies.delete(uri.toString());
    const parent = vscode.Uri.joinPath(copy, '..');
    void vscode.workspace.fs.delete(parent, { recursive: true }).then(undefined, () => undefined);
  }
}

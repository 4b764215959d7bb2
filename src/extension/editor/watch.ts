/**
 * The daily loop: the model is exported again, or the plan is edited outside. A clean view follows, a dirty one asks.
 */
import { posix } from 'node:path';
import * as vscode from 'vscode';
import { showFailure } from '../notify';
import type { ModelDocument } from './modelDocument';
import { readText } from './planStore';

/** Exporters write in several steps: wait until the file has been quiet for so long. */
const QUIET_MS = 400;

export function watchDocument(document: ModelDocument): vscode.Disposable {
  const model = new FileWatch(document.uri, () => modelChanged(document));
  const plan = new FileWatch(document.planUri, () => planChanged(document));
  return vscode.Disposable.from(model, plan);
}

async function modelChanged(document: ModelDocument): Promise<void> {
  if (document.dirty) {
    const name = posix.basename(document.uri.path);
    const question = `${name} changed on disk, and its plan has unsaved changes. The plan is kept either way.`;
    if ((await vscode.window.showWarningMessage(question, 'Reload Model', 'Keep')) !== 'Reload Model') return;
    if (document.closed) return;
  }
  await document.loadModel();
}

async function planChanged(document: ModelDocument): Promise<void> {
  const text = await readText(document.planUri);
  // Our own save, or a touch.
  if (text === document.savedText) return;
  if (!document.dirty) return document.takePlanFromDisk();
  const name = posix.basename(document.planUri.path);
  const question = `${name} changed on disk, and there are unsaved changes. Reloading can be undone.`;
  const choice = await vscode.window.showWarningMessage(question, 'Reload Plan', 'Keep');
  if (choice === 'Reload Plan' && !document.closed) await document.mergePlanFromDisk();
}

/** Calls back once a file settled on content that is not what was there before. */
class FileWatch implements vscode.Disposable {
  readonly #watcher: vscode.FileSystemWatcher;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;
  #signature: Promise<string>;

  constructor(
    private readonly uri: vscode.Uri,
    private readonly changed: () => Promise<void>,
  ) {
    const folder = vscode.Uri.joinPath(uri, '..');
    const pattern = new vscode.RelativePattern(folder, escapeGlob(posix.basename(uri.path)));
    this.#signature = signatureOf(uri);
    this.#watcher = vscode.workspace.createFileSystemWatcher(pattern);
    const settle = (): void => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#settled(), QUIET_MS);
    };
    this.#watcher.onDidChange(settle);
    this.#watcher.onDidCreate(settle);
    this.#watcher.onDidDelete(settle);
  }

  async #settled(): Promise<void> {
    const signature = await signatureOf(this.uri);
    if (this.#disposed || signature === (await this.#signature)) return;
    this.#signature = Promise.resolve(signature);
    await this.changed().catch((error: unknown) => void showFailure(error));
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#watcher.dispose();
  }
}

/** Size and time of last change; a fixed word while there is no file. */
async function signatureOf(uri: vscode.Uri): Promise<string> {
  try {
    const { size, mtime } = await vscode.workspace.fs.stat(uri);
    return `${size} ${mtime}`;
  } catch {
    return 'absent';
  }
}

/** A file name as a glob that matches only itself. */
function escapeGlob(name: string): string {
  return name.replace(/[*?[\]{}!\\]/g, '[$&]');
}

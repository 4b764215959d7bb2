import * as vscode from 'vscode';
import { InputError } from '../../core/errors';
import type { WeightView } from '../../shared/viewRpc';
import { formatBytes, formatShape } from '../../shared/format';
import { showFailure, withProgress } from '../notify';
import type { SessionEngine } from '../sessionEngine';
import type { ModelDocument } from './modelDocument';
import { weightFileName } from './weightFileName';

/** Writes a weight as `.npy` where the user says: a save dialog, cancellable progress, and what was written. */
export async function exportWeight(
  document: ModelDocument,
  engine: SessionEngine,
  { layer, weight }: WeightView,
): Promise<void> {
  const { session, uri } = document;
  const destination = await vscode.window.showSaveDialog({
    title: `Export the Weight of ${layer}`,
    saveLabel: 'Export',
    defaultUri: vscode.Uri.joinPath(uri, '..', weightFileName(session.place.name, layer, weight)),
    filters: { 'NumPy arrays': ['npy'] },
  });
  if (!destination) return;
  if (destination.scheme !== 'file') {
    const message = 'Weights are written to the local file system: choose a local folder.';
    return showFailure(new InputError(message));
  }
  const request = { ...session.request(), layer, weight, output: destination.fsPath };
  const written = await withProgress(`Exporting the weight of ${layer}`, (signal, onProgress) =>
    engine.call('exportWeight', request, { signal, onProgress }),
  );
  if (!written) return;
  const name = destination.path.slice(destination.path.lastIndexOf('/') + 1);
  const what = `${formatShape(written.shape)} as float32, ${formatBytes(written.bytes)}`;
  void vscode.window.showInformationMessage(`Wrote ${name}: ${what}.`);
}

import { posix } from 'node:path';
import * as vscode from 'vscode';
import { RoundoffError } from '../../core/errors';
import type { SessionEngine } from '../sessionEngine';
import type { ModelDocument } from './modelDocument';
import { planUriFor, writePlan } from './planStore';

/**
 * Writes a copy of the model, its external data and the plan named after it. The plan is written last: VS Code then
 * opens the destination in the tab and drops the old document.
 */
export async function saveModelAs(
  document: ModelDocument,
  destination: vscode.Uri,
  engine: SessionEngine,
  cancellation: vscode.CancellationToken,
): Promise<void> {
  // The dialog proposes the model's own name: saving there is an ordinary save.
  if (destination.toString() === document.uri.toString()) return document.save(cancellation);
  if (document.session.planError !== null) throw new RoundoffError(document.session.planError);
  await document.session.hashWeights();
  if (document.uri.scheme === 'file' && destination.scheme === 'file') {
    const abort = new AbortController();
    const listening = cancellation.onCancellationRequested(() => abort.abort());
    const request = { from: document.uri.fsPath, to: destination.fsPath };
    try {
      await engine.call('copyModel', request, { signal: abort.signal });
    } finally {
      listening.dispose();
    }
  } else {
    await copyAcross(document.uri, destination);
  }
  await writePlan(planUriFor(destination), document.session.plan);
}

async function copyAcross(from: vscode.Uri, to: vscode.Uri): Promise<void> {
  try {
    await vscode.workspace.fs.copy(from, to, { overwrite: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RoundoffError(
      `${posix.basename(from.path)} could not be copied to ${to.toString(true)}: ${why}`,
    );
  }
}

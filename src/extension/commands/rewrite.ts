import * as vscode from 'vscode';
import { InputError } from '../../core/errors';
import type { RewritePass } from '../../core/results';
import { rewritePasses } from '../../shared/rewritePasses';
import { VIEW_TYPE } from '../../shared/viewRpc';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { mayRun } from '../trust';
import { describeRewritten } from './messages';
import { defaultOutput, modelRequest, type Target } from './target';

/** Writes a model after one rewrite: a save dialog, cancellable progress, and what came of it. */
export async function rewriteModel(engine: EngineHost, target: Target, pass: RewritePass): Promise<void> {
  if (!(await mayRun(target.uri))) return;
  const { name, word } = rewritePasses[pass];
  const destination = await vscode.window.showSaveDialog({
    title: `${name}: ${target.name}`,
    saveLabel: 'Write',
    defaultUri: defaultOutput(target.uri, word),
    filters: { 'ONNX models': ['onnx'] },
  });
  if (!destination) return;
  if (destination.scheme !== 'file') {
    throw new InputError('Models are written to the local file system: choose a local folder.');
  }
  await writeTo(engine, target, pass, destination);
}

async function writeTo(
  engine: EngineHost,
  target: Target,
  pass: RewritePass,
  destination: vscode.Uri,
): Promise<void> {
  const request = { ...modelRequest(target), pass, output: destination.fsPath };
  const result = await withProgress(
    `${rewritePasses[pass].name}: ${target.name}`,
    (signal, onProgress) => engine.call('rewriteModel', request, { signal, onProgress }),
    () => writeTo(engine, target, pass, destination),
  );
  if (!result) return;
  const sentence = describeRewritten(result);
  engine.log(sentence);
  for (const note of result.notes) engine.log(`  ${note}`);
  const actions = result.notes.length > 0 ? ['Open', 'Show Log'] : ['Open'];
  const choice = await vscode.window.showInformationMessage(sentence, ...actions);
  if (choice === 'Open') await vscode.commands.executeCommand('vscode.openWith', destination, VIEW_TYPE);
  if (choice === 'Show Log') engine.showLog();
}

import * as vscode from 'vscode';
import { InputError } from '../../core/errors';
import { needsData, planWord } from '../../core/plan/editPlan';
import type { EngineHost } from '../engineHost';
import { VIEW_TYPE } from '../../shared/viewRpc';
import { withProgress } from '../notify';
import { mayRun } from '../trust';
import { chooseData } from './chooseData';
import { describeQuantized } from './messages';
import { dataRequest, defaultOutput, modelRequest, type Target } from './target';

/**
 * Writes the quantized model as the plan says: calibration data if the plan needs some and has none (or `askData`), a save dialog,
 * cancellable progress, and what came of it. The editor and the plan stay as they are.
 */
export async function writeQuantized(
  engine: EngineHost,
  target: Target,
  { askData }: { askData: boolean },
): Promise<void> {
  if (!(await mayRun(target.uri))) return;
  await target.document?.session.loaded();
  const layers = target.document?.session.layers;
  const missing = !dataRequest(target) && (!layers || needsData(target.plan(), layers));
  if ((askData || missing) && !(await chooseData(engine, target))) return;
  const destination = await vscode.window.showSaveDialog({
    title: `Write ${target.name} Quantized`,
    saveLabel: 'Write',
    defaultUri: defaultOutput(target.uri, planWord(target.plan())),
    filters: { 'ONNX models': ['onnx'] },
  });
  if (!destination) return;
  if (destination.scheme !== 'file') {
    throw new InputError('Quantized models are written to the local file system: choose a local folder.');
  }
  await writeTo(engine, target, destination);
}

async function writeTo(engine: EngineHost, target: Target, destination: vscode.Uri): Promise<void> {
  const calibration = dataRequest(target);
  const cache = target.document?.session.place.cache;
  const request = {
    ...modelRequest(target),
    plan: target.plan(),
    output: destination.fsPath,
    ...(calibration ? { calibration } : {}),
    ...(cache !== undefined && { cache }),
  };
  const result = await withProgress(
    `Quantizing ${target.name}`,
    (signal, onProgress) => engine.call('quantize', request, { signal, onProgress }),
    () => writeTo(engine, target, destination),
  );
  if (!result) return;
  const ops = new Map(target.document?.session.layers.map(({ name, op }) => [name, op]));
  const sentence = describeQuantized(result, ops);
  engine.log(sentence);
  for (const note of result.notes) engine.log(`  ${note}`);
  const actions = result.notes.length > 0 ? ['Open', 'Show Log'] : ['Open'];
  const choice = await vscode.window.showInformationMessage(sentence, ...actions);
  if (choice === 'Open') await vscode.commands.executeCommand('vscode.openWith', destination, VIEW_TYPE);
  if (choice === 'Show Log') engine.showLog();
}

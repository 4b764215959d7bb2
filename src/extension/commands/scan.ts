import * as vscode from 'vscode';
import { VIEW_TYPE } from '../../shared/viewRpc';
import type { ModelEditorProvider } from '../editor/modelEditorProvider';
import type { ModelDocument } from '../editor/modelDocument';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { mayRun } from '../trust';
import { chooseData } from './chooseData';
import { describeScan } from './messages';
import { documentTarget } from './target';

/**
 * Measures the sensitivity of layers; the figures fill the column of the open view while it runs.
 * @param names all layers that can be quantized when absent.
 */
export async function scanLayers(
  engine: EngineHost,
  document: ModelDocument,
  names: readonly string[] | undefined,
): Promise<void> {
  const { session } = document;
  if (!(await mayRun(document.uri))) return;
  if (session.scanning) {
    void vscode.window.showInformationMessage(`A scan of ${session.place.name} is already running.`);
    return;
  }
  const layers = names?.filter((name) => session.quantizable.has(name));
  if (layers?.length === 0) {
    void vscode.window.showInformationMessage('None of the selected rows is a layer that can be quantized.');
    return;
  }
  if (!session.dataRequest() && !(await chooseData(engine, documentTarget(document)))) return;
  const result = await withProgress(
    `Scanning ${session.place.name}`,
    (signal, onProgress) => session.scan(layers, { signal, onProgress }),
    () => scanLayers(engine, document, names),
  );
  if (!result) return;
  const sentence = describeScan(result, session.plan.calibration?.data);
  engine.log(sentence);
  const failed = result.candidates.filter(({ error }) => error !== undefined);
  for (const { layer, error } of failed) engine.log(`  ${layer}: ${error ?? ''}`);
  if (failed.length > 0 && (await vscode.window.showWarningMessage(sentence, 'Show Log'))) {
    engine.showLog();
  }
}

/** Opens the model's editor, which a scan fills, and waits until the model is there. */
export async function openDocument(
  provider: ModelEditorProvider,
  uri: vscode.Uri,
): Promise<ModelDocument | undefined> {
  await vscode.commands.executeCommand('vscode.openWith', uri, VIEW_TYPE);
  const document = provider.documentOf(uri.toString());
  await document?.session.loaded();
  return document;
}

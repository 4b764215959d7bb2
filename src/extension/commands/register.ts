import * as vscode from 'vscode';
import type { LayersContext, ViewCommand } from '../../shared/viewRpc';
import type { ModelEditorProvider } from '../editor/modelEditorProvider';
import type { ModelDocument } from '../editor/modelDocument';
import type { EngineHost } from '../engineHost';
import { showFailure } from '../notify';
import { mayRun } from '../trust';
import { chooseData } from './chooseData';
import { compareWith } from './compare';
import { changePlanSettings } from './planSettings';
import { applyPreset } from './presets';
import { chooseFormat, giveFormat } from './layerFormats';
import { writeQuantized } from './quantize';
import { rewriteModel } from './rewrite';
import { openDocument, scanLayers } from './scan';
import { documentTarget, targetOf, type Target } from './target';

/** Registers every command of the manifest. Failures that reach the top become a notification, never silence. */
export function registerCommands(provider: ModelEditorProvider, engine: EngineHost): vscode.Disposable {
  const register = (name: string, run: (argument: unknown) => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(`roundoff.${name}`, async (argument: unknown) => {
      try {
        await run(argument);
      } catch (error) {
        void showFailure(error);
      }
    });
  const onTarget =
    (prompt: string, run: (target: Target) => Promise<void>) =>
    async (argument: unknown): Promise<void> => {
      const target = await targetOf(provider, argument, prompt);
      if (target) await run(target);
    };
  const onLayers =
    (run: (document: ModelDocument, names: readonly string[]) => Promise<void>) =>
    async (argument: unknown): Promise<void> => {
      const document = isLayersContext(argument) ? provider.documentOf(argument.uri) : undefined;
      if (document && isLayersContext(argument)) await run(document, argument.names);
    };
  return vscode.Disposable.from(
    register(
      'quantize',
      onTarget('Quantize Model', (target) => writeQuantized(engine, target, { askData: true })),
    ),
    register(
      'write',
      onTarget('Write Quantized Model', (target) => writeQuantized(engine, target, { askData: false })),
    ),
    register(
      'chooseData',
      onTarget('Choose Calibration Data', async (target) => {
        if (!(await mayRun(target.uri))) return;
        // The choice is an edit of the plan, so it needs an editor that can save or undo it.
        const document = target.document ?? (await openDocument(provider, target.uri));
        if (document) await chooseData(engine, documentTarget(document));
      }),
    ),
    register(
      'scan',
      onTarget('Scan Layer Sensitivity', async (target) => {
        if (!(await mayRun(target.uri))) return;
        const document = target.document ?? (await openDocument(provider, target.uri));
        if (document) await scanLayers(engine, document, undefined);
      }),
    ),
    register(
      'planSettings',
      onTarget('Plan Settings', async (target) => {
        const document = target.document ?? (await openDocument(provider, target.uri));
        if (document) await changePlanSettings(document);
      }),
    ),
    register(
      'applyPreset',
      onTarget('Apply Preset', async (target) => {
        const document = target.document ?? (await openDocument(provider, target.uri));
        if (document) await applyPreset(engine, document);
      }),
    ),
    register(
      'compare',
      onTarget('Compare', (target) => compareWith(engine, target)),
    ),
    register(
      'foldBatchNorm',
      onTarget('Fold BatchNormalization', (target) => rewriteModel(engine, target, 'fold-batch-norm')),
    ),
    register(
      'removeQuantization',
      onTarget('Remove Quantization', (target) => rewriteModel(engine, target, 'remove-quantization')),
    ),
    register(
      'toFloat16',
      onTarget('Convert to float16', (target) => rewriteModel(engine, target, 'float16')),
    ),
    register('showLog', async () => engine.showLog()),
    register(
      'layers.quantize',
      onLayers(async (document, names) => giveFormat(document, names, { scheme: 'w8a8' })),
    ),
    register('layers.quantizeWith', onLayers(chooseFormat)),
    register(
      'layers.keepFloat',
      onLayers(async (document, names) => giveFormat(document, names, { scheme: 'float' })),
    ),
    register(
      'layers.scan',
      onLayers((document, names) => scanLayers(engine, document, names)),
    ),
    register(
      'layers.copyName',
      onLayers(async (_document, names) => vscode.env.clipboard.writeText(names.join('\n'))),
    ),
  );
}

/** Does what a button of a view stands for. */
export function runViewCommand(engine: EngineHost, command: ViewCommand, document: ModelDocument): void {
  void viewCommand(engine, command, document).catch((error: unknown) => showFailure(error));
}

async function viewCommand(engine: EngineHost, command: ViewCommand, document: ModelDocument): Promise<void> {
  const target = documentTarget(document);
  switch (command) {
    case 'scan':
      return scanLayers(engine, document, undefined);
    case 'write':
      return writeQuantized(engine, target, { askData: false });
    case 'chooseData':
      if (await mayRun(document.uri)) await chooseData(engine, target);
      return;
    case 'compare':
      return compareWith(engine, target);
    case 'applyPreset':
      return applyPreset(engine, document);
    case 'predict':
      return document.session.predict();
    case 'showLog':
      return engine.showLog();
    case 'cancelScan':
      return document.session.cancelScan();
    case 'pauseScan':
    case 'resumeScan':
    case 'search':
    case 'cancelSearch':
      return;
    case 'retry':
      return document.loadModel();
  }
}

function isLayersContext(argument: unknown): argument is LayersContext {
  if (typeof argument !== 'object' || argument === null) return false;
  if (!('uri' in argument) || typeof argument.uri !== 'string') return false;
  return 'names' in argument && Array.isArray(argument.names);
}

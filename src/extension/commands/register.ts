import * as vscode from 'vscode';
import type { LayersContext, ViewCommand } from '../../shared/viewRpc';
import type { ModelEditorProvider } from '../editor/modelEditorProvider';
import type { ModelDocument } from '../editor/modelDocument';
import type { ComparisonPanels } from '../comparison/comparisonPanels';
import type { EngineHost } from '../engineHost';
import { showFailure } from '../notify';
import { mayRun } from '../trust';
import { chooseData } from './chooseData';
import { CompareSelection, compareTo, compareWith } from './compare';
import { compensate, compensateAll } from './compensate';
import { measureLatency } from './measureLatency';
import { changePlanSettings } from './planSettings';
import { applyPreset } from './presets';
import { chooseFormat, giveFormat } from './layerFormats';
import { writeQuantized } from './quantize';
import { writeReport } from './report';
import { rewriteModel } from './rewrite';
import { clearCachedResults } from './clearCache';
import { explainLayer, explainRows } from './explain';
import { openDocument, resumeScan, scanLayers, scanModel, scanWithMoreSamples } from './scan';
import type { ScanFormats } from './scanFormats';
import { searchPlan } from './search';
import { documentTarget, targetOf, type Target } from './target';

/** What commands work with. */
export interface CommandTools {
  readonly engine: EngineHost;
  readonly comparisons: ComparisonPanels;
  readonly formats: ScanFormats;
  /** Folder of the results that scans and searches keep. */
  readonly cache: string;
}

/** Registers every command of the manifest. Failures that reach the top become a notification, never silence. */
export function registerCommands(
  provider: ModelEditorProvider,
  { engine, comparisons, formats, cache }: CommandTools,
): vscode.Disposable {
  const comparing = { engine, comparisons };
  const selection = new CompareSelection();
  /** @param run gets what the menu was opened on, and all that is selected there. */
  const register = (
    name: string,
    run: (argument: unknown, selected: unknown) => Promise<void>,
  ): vscode.Disposable =>
    vscode.commands.registerCommand(`roundoff.${name}`, async (argument: unknown, selected: unknown) => {
      try {
        await run(argument, selected);
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
      if (document && isLayersContext(argument)) await run(document, await document.menuRows.of(argument));
    };
  /** For what needs to know all layers. */
  const onReadLayers = (run: (document: ModelDocument, names: readonly string[]) => Promise<void>) =>
    onLayers(async (document, names) => {
      if (await isRead(document)) await run(document, names);
    });
  const readDocument = async ({ document: open, uri }: Target): Promise<ModelDocument | undefined> => {
    const document = open ?? (await openDocument(provider, uri));
    return document && (await isRead(document)) ? document : undefined;
  };
  const compareFiles = async (a: vscode.Uri, b: unknown): Promise<void> => {
    const target = b instanceof vscode.Uri ? await targetOf(provider, a, '') : undefined;
    if (target && b instanceof vscode.Uri) await compareTo(comparing, target, b);
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
        const document = await readDocument(target);
        if (document) await scanModel(engine, document, formats);
      }),
    ),
    register(
      'scanMore',
      onTarget('Scan With More Samples', async (target) => {
        if (!(await mayRun(target.uri))) return;
        const document = await readDocument(target);
        if (document) await scanWithMoreSamples(engine, document, formats);
      }),
    ),
    register(
      'search',
      onTarget('Search Hybrid Plan', async (target) => {
        if (!(await mayRun(target.uri))) return;
        const document = await readDocument(target);
        if (document) await searchPlan(engine, document, formats);
      }),
    ),
    register(
      'measureLatency',
      onTarget('Measure Latency of Schemes', async (target) => {
        if (!(await mayRun(target.uri))) return;
        const document = await readDocument(target);
        if (document) await measureLatency(engine, document, formats);
      }),
    ),
    register(
      'explain',
      onTarget('Explain Layer', async (target) => {
        const document = await openDocument(provider, target.uri);
        if (document) await explainLayer(document);
      }),
    ),
    register(
      'overview',
      onTarget('Show Overview', async (target) => {
        const document = await openDocument(provider, target.uri);
        document?.session.showOverview();
      }),
    ),
    register('clearCache', () => clearCachedResults(engine, cache)),
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
      'compensate',
      onTarget('Quantize with Compensation', async (target) => {
        const document = target.document ?? (await openDocument(provider, target.uri));
        if (document) await compensateAll(engine, document);
      }),
    ),
    register(
      'compare',
      onTarget('Compare', (target) => compareWith(comparing, target)),
    ),
    register('selectForCompare', async (argument) => {
      if (argument instanceof vscode.Uri) await selection.select(argument);
    }),
    register('compareWithSelected', async (argument) => {
      if (selection.selected) await compareFiles(selection.selected, argument);
    }),
    register('compareSelected', async (_argument, selected) => {
      const [a, b] = Array.isArray(selected) ? (selected as unknown[]) : [];
      if (a instanceof vscode.Uri) await compareFiles(a, b);
    }),
    register(
      'report',
      onTarget('Write Report', (target) => writeReport(engine, target)),
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
      'layers.compensate',
      onReadLayers((document, names) => compensate(engine, document, names)),
    ),
    register(
      'layers.keepFloat',
      onLayers(async (document, names) => giveFormat(document, names, { scheme: 'float' })),
    ),
    register(
      'layers.scan',
      onReadLayers((document, names) => scanLayers(engine, document, formats, names)),
    ),
    register(
      'layers.explain',
      onReadLayers(async (document, names) => explainRows(document, names)),
    ),
    register(
      'layers.copyName',
      onLayers(async (_document, names) => vscode.env.clipboard.writeText(names.join('\n'))),
    ),
  );
}

/** Waits until all layers are known. @returns whether the editor is still open then. */
async function isRead(document: ModelDocument): Promise<boolean> {
  await document.session.loaded();
  return !document.closed;
}

/** What works while a model is being read. */
const anytime: ReadonlySet<ViewCommand> = new Set([
  'showLog',
  'retry',
  'chooseData',
  'pauseScan',
  'cancelScan',
  'cancelSearch',
]);

/** Does what a button of a view stands for. */
export function runViewCommand(tools: CommandTools, command: ViewCommand, document: ModelDocument): void {
  void viewCommand(tools, command, document).catch((error: unknown) => showFailure(error));
}

async function viewCommand(
  { engine, comparisons, formats }: CommandTools,
  command: ViewCommand,
  document: ModelDocument,
): Promise<void> {
  const target = documentTarget(document);
  const { scanned, searched } = document.session.measurements;
  // Others would take the first layers of a large model for all of them.
  if (!anytime.has(command) && !(await isRead(document))) return;
  switch (command) {
    case 'scan':
      return scanModel(engine, document, formats);
    case 'pauseScan':
      return scanned.pause();
    case 'resumeScan':
      return resumeScan(engine, document);
    case 'measureLatency':
      return measureLatency(engine, document, formats);
    case 'cancelScan':
      return scanned.cancel();
    case 'search':
      return searchPlan(engine, document, formats);
    case 'cancelSearch':
      return searched.cancel();
    case 'write':
      return writeQuantized(engine, target, { askData: false });
    case 'chooseData':
      if (await mayRun(document.uri)) await chooseData(engine, target);
      return;
    case 'compare':
      return compareWith({ engine, comparisons }, target);
    case 'report':
      return writeReport(engine, target);
    case 'applyPreset':
      return applyPreset(engine, document);
    case 'compensate':
      return compensateAll(engine, document);
    case 'predict':
      return document.session.predict();
    case 'showLog':
      return engine.showLog();
    case 'retry':
      return document.loadModel();
  }
}

function isLayersContext(argument: unknown): argument is LayersContext {
  if (typeof argument !== 'object' || argument === null) return false;
  if (!('uri' in argument) || typeof argument.uri !== 'string') return false;
  return 'names' in argument && Array.isArray(argument.names) && 'menu' in argument;
}

import * as vscode from 'vscode';
import type { ScanResult } from '../../core/results';
import { formatName } from '../../core/scan/formats';
import type { DataDeal } from '../../shared/rpc';
import { VIEW_TYPE } from '../../shared/viewRpc';
import type { ModelEditorProvider } from '../editor/modelEditorProvider';
import type { ModelDocument } from '../editor/modelDocument';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { mayRun } from '../trust';
import { chooseData } from './chooseData';
import { describeScan } from './messages';
import type { ScanChoice, ScanFormats } from './scanFormats';
import { sampleMistake, sampleOffer } from './scanSamples';
import { documentTarget, modelRequest } from './target';

/** Measures the sensitivity of all layers, in formats that the user chooses. */
export async function scanModel(
  engine: EngineHost,
  document: ModelDocument,
  formats: ScanFormats,
): Promise<void> {
  const layers = [...document.session.quantizable];
  if (!(await isReadyToRun(document, layers))) return;
  const choice = await formats.ask(`Scan ${document.session.place.name}`);
  if (choice && (await hasData(engine, document))) await run(engine, document, choice, undefined);
}

/** Measures the sensitivity of some layers, in the formats of the last time. */
export async function scanLayers(
  engine: EngineHost,
  document: ModelDocument,
  formats: ScanFormats,
  names: readonly string[],
): Promise<void> {
  const layers = names.filter((name) => document.session.quantizable.has(name));
  if (!(await isReadyToRun(document, layers)) || !(await hasData(engine, document))) return;
  await run(engine, document, formats.remembered, layers);
}

/** Measures all layers with more samples than before, in the formats of the last time. What earlier samples gave is kept. */
export async function scanWithMoreSamples(
  engine: EngineHost,
  document: ModelDocument,
  formats: ScanFormats,
): Promise<void> {
  const { session } = document;
  if (!(await isReadyToRun(document, [...session.quantizable])) || !(await hasData(engine, document))) return;
  const before = session.snapshot().scan.measured?.samples ?? 0;
  const deal = await dealOf(engine, document);
  if (!deal) return;
  const { limit, suggested } = sampleOffer(before, deal);
  if (suggested === undefined) {
    void vscode.window.showInformationMessage(`All samples for scans were measured. ${limit}`);
    return;
  }
  const text = await vscode.window.showInputBox({
    title: `Scan ${session.place.name} With More Samples`,
    prompt:
      before > 0 ? `Samples of the scan slice; so far ${before} were measured` : 'Samples of the scan slice',
    value: String(suggested),
    ignoreFocusOut: true,
    validateInput: (typed) => sampleMistake(typed, before, deal),
  });
  if (text === undefined) return;
  session.setScanSamples(Number(text));
  await run(engine, document, formats.remembered, undefined);
}

/** How far the chosen data goes; undefined when it cannot be read, which the user was told. */
async function dealOf(engine: EngineHost, document: ModelDocument): Promise<DataDeal | undefined> {
  const calibration = document.session.dataRequest();
  if (!calibration) return undefined;
  const request = { ...modelRequest(documentTarget(document)), calibration };
  return withProgress(`Looking at the data of ${document.session.place.name}`, (signal) =>
    engine.call('describeDeal', request, { signal }),
  );
}

/** Goes on with a scan that was paused. */
export async function resumeScan(engine: EngineHost, document: ModelDocument): Promise<void> {
  if (!(await mayRun(document.uri))) return;
  const { measurements, place } = document.session;
  if (measurements.running === 'search') return tellRunning(document);
  const result = await withProgress(
    `Scanning ${place.name}`,
    (signal, onProgress) => measurements.scanned.resume({ signal, onProgress }),
    () => resumeScan(engine, document),
  );
  if (result) await tell(engine, document, result);
}

/** Whether a scan or a search of these layers can begin; tells the user why not. */
export async function isReadyToRun(document: ModelDocument, layers: readonly string[]): Promise<boolean> {
  const { session } = document;
  if (!(await mayRun(document.uri))) return false;
  if (session.measurements.running) {
    tellRunning(document);
    return false;
  }
  if (layers.length > 0) return true;
  void vscode.window.showInformationMessage('There is no layer that can be quantized among these.');
  return false;
}

function tellRunning({ session }: ModelDocument): void {
  const { measurements, place } = session;
  const what = `A ${measurements.running ?? 'scan'} of ${place.name} is already running.`;
  void vscode.window.showInformationMessage(what);
}

/** Asks for calibration data where there is none yet. */
export async function hasData(engine: EngineHost, document: ModelDocument): Promise<boolean> {
  return document.session.dataRequest() !== undefined || chooseData(engine, documentTarget(document));
}

/** @param names all layers that can be quantized when absent. */
async function run(
  engine: EngineHost,
  document: ModelDocument,
  choice: ScanChoice,
  names: readonly string[] | undefined,
): Promise<void> {
  const { measurements, place } = document.session;
  const result = await withProgress(
    `Scanning ${place.name}`,
    (signal, onProgress) =>
      measurements.scan(names, choice.schemes, { recover: choice.recover, signal, onProgress }),
    () => run(engine, document, choice, names),
  );
  if (result) await tell(engine, document, result);
}

async function tell(engine: EngineHost, { session }: ModelDocument, result: ScanResult): Promise<void> {
  const sentence = describeScan(result, session.plan.calibration?.data);
  engine.log(sentence);
  for (const note of result.notes) engine.log(`  ${note}`);
  if (result.notes.length > 0) void vscode.window.showWarningMessage(result.notes.join(' '));
  const failed = result.candidates.filter(({ error }) => error !== undefined);
  for (const each of failed) engine.log(`  ${each.layer} as ${formatName(each)}: ${each.error ?? ''}`);
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

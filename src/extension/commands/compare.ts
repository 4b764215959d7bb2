import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { mayRun } from '../trust';
import { chooseData } from './chooseData';
import { compareReport } from './compareReport';
import { askForModel, dataRequest, type Target } from './target';

/** Compares the target with another model on the target's data and opens the report as Markdown. */
export async function compareWith(engine: EngineHost, target: Target): Promise<void> {
  if (!(await mayRun(target.uri))) return;
  const other = await askForModel(`Compare ${target.name} With`);
  if (!other || !(await mayRun(other))) return;
  if (!dataRequest(target) && !(await chooseData(engine, target))) return;
  await compareTo(engine, target, other);
}

async function compareTo(engine: EngineHost, target: Target, other: vscode.Uri): Promise<void> {
  const calibration = dataRequest(target);
  if (!calibration) return;
  const { dimensions } = target.plan();
  const request = {
    a: target.uri.fsPath,
    b: other.fsPath,
    calibration,
    ...(dimensions ? { dimensions: { ...dimensions } } : {}),
  };
  const result = await withProgress(
    `Comparing ${target.name} with ${basename(other.fsPath)}`,
    (signal, onProgress) => engine.call('compare', request, { signal, onProgress }),
    () => compareTo(engine, target, other),
  );
  if (!result) return;
  const content = compareReport(result, calibration.data);
  const report = await vscode.workspace.openTextDocument({ language: 'markdown', content });
  await vscode.window.showTextDocument(report, { preview: true, viewColumn: vscode.ViewColumn.Beside });
}

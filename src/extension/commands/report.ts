import { rmdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { ReportRequest } from '../../shared/rpc';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { showMarkdown } from '../showMarkdown';
import { mayRun } from '../trust';
import { chooseData } from './chooseData';
import { describeReported } from './messages';
import { askReportFolder } from './reportFolder';
import { dataRequest, modelRequest, type Target } from './target';

/**
 * Writes a report of what the plan makes of the model: Markdown, charts, CSV and JSON in a folder. Of an open editor the plan that it
 * shows is reported, saved or not, with what a scan has measured.
 */
export async function writeReport(engine: EngineHost, target: Target): Promise<void> {
  if (!(await mayRun(target.uri))) return;
  if (!dataRequest(target) && !(await chooseData(engine, target))) return;
  const folder = await askReportFolder(target);
  if (folder) await writeInto(engine, target, folder);
}

async function writeInto(engine: EngineHost, target: Target, folder: vscode.Uri): Promise<void> {
  const calibration = dataRequest(target);
  if (!calibration) return;
  const isUnsaved = target.document?.dirty ?? false;
  const scan = scanOf(target);
  const cache = target.document?.session.place.cache;
  const request: ReportRequest = {
    ...modelRequest(target),
    plan: target.plan(),
    calibration,
    folder: folder.fsPath,
    ...(scan && { scan }),
    ...(cache !== undefined && { cache }),
  };
  const isNew = await isMissing(folder);
  const result = await withProgress(
    `Writing a report of ${target.name}`,
    (signal, onProgress) => engine.call('report', request, { signal, onProgress }),
    () => writeInto(engine, target, folder),
  );
  if (!result) {
    // The engine makes the folder before it measures anything.
    if (isNew) await rmdir(folder.fsPath).catch(() => undefined);
    return;
  }
  const sentence = describeReported(result, { isUnsaved, random: calibration.data === 'random' });
  engine.log(sentence);
  for (const note of result.report.notes) engine.log(`  ${note}`);
  const actions = result.report.notes.length > 0 ? ['Open', 'Show Log'] : ['Open'];
  const choice = await vscode.window.showInformationMessage(sentence, ...actions);
  if (choice === 'Open') {
    await showMarkdown(vscode.Uri.file(join(result.folder, basename(result.files[0] ?? 'report.md'))));
  }
  if (choice === 'Show Log') engine.showLog();
}

/** What the open editor has measured; undefined when it has not. */
function scanOf({ document }: Target): ReportRequest['scan'] {
  const scanned = document?.session.measurements.scanned;
  if (!scanned?.view.measured) return undefined;
  const { metric, samples } = scanned.view.measured;
  return { metric, samples, candidates: scanned.measured() };
}

async function isMissing(folder: vscode.Uri): Promise<boolean> {
  return stat(folder.fsPath).then(
    () => false,
    () => true,
  );
}

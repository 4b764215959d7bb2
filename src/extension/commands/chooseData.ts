import { basename, dirname, isAbsolute, relative, sep } from 'node:path';
import * as vscode from 'vscode';
import type { CalibrationRecipe } from '../../core/plan/types';
import type { DataSummary } from '../../core/results';
import type { DataRequest } from '../../shared/rpc';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { describeData } from './messages';
import { dataRequest, modelRequest, type Target } from './target';

interface DataItem extends vscode.QuickPickItem {
  /** Path or `random`; undefined: ask with a dialog. */
  readonly data?: string;
  readonly browse?: 'file' | 'folder';
  /** The plan's own, to be used again. */
  readonly recipe?: CalibrationRecipe;
}

/**
 * Lets the user choose calibration data, checks it against the model and tells what is in it, so that a wrong
 * preprocessing shows at once. The choice becomes part of the plan.
 * @returns whether the target now has data that fits.
 */
export async function chooseData(engine: EngineHost, target: Target): Promise<boolean> {
  const items = await dataItems(target);
  const picked = await vscode.window.showQuickPick(items, {
    title: `Calibration data for ${target.name}`,
    placeHolder: 'Samples of what the model will see; they are only read',
    matchOnDescription: true,
    // It often follows another question, after which the view may take the focus for a moment.
    ignoreFocusOut: true,
  });
  const data = picked && (picked.data ?? (await browse(picked.browse ?? 'file', target)));
  if (data === undefined) return false;
  const { samples, seed } = picked?.recipe ?? {};
  return useData(engine, target, picked?.recipe ? { data, samples, seed } : { data });
}

/** @param choice without `samples` and `seed` the data is dealt as by the command line. */
async function useData(engine: EngineHost, target: Target, choice: DataRequest): Promise<boolean> {
  const { data } = choice;
  const title = `Looking at ${data === 'random' ? 'random inputs' : basename(data)}`;
  const { outputs } = target.plan();
  const request = { ...modelRequest(target), calibration: choice, ...(outputs && { outputs }) };
  const summary = await withProgress(
    title,
    (signal, onProgress) => engine.call('describeData', request, { signal, onProgress }),
    async () => void (await useData(engine, target, choice)),
  );
  if (!summary) return false;
  const chosen = {
    data: planPath(data, target),
    samples: Math.max(1, summary.slices.calibrate),
    seed: summary.seed,
  };
  const { calibration } = target.plan();
  const same = JSON.stringify(calibration) === JSON.stringify(chosen);
  if (!same) target.setCalibration(chosen);
  target.document?.session.setData(summary);
  void showData(engine, summary, target);
  return true;
}

/** An open view shows it in its header; without one it takes a notification. */
async function showData(engine: EngineHost, summary: DataSummary, target: Target): Promise<void> {
  const { sentence, details } = describeData(summary);
  for (const line of details) engine.log(line);
  if (target.document) return;
  if (await vscode.window.showInformationMessage(sentence, 'Details')) engine.showLog();
}

/** Relative to the plan, so that both can move together; absolute only where there is no way from one to the other. */
function planPath(data: string, { uri }: Target): string {
  if (data === 'random') return data;
  const path = relative(dirname(uri.fsPath), data);
  return isAbsolute(path) ? data : path.split(sep).join('/') || '.';
}

async function dataItems(target: Target): Promise<DataItem[]> {
  const folder = vscode.Uri.joinPath(target.uri, '..');
  const recipe = target.plan().calibration;
  const current = recipe && dataRequest(target);
  const again: DataItem[] = current
    ? [{ label: `$(check) ${recipe.data}`, description: 'as in the plan', data: current.data, recipe }]
    : [];
  const beside = (await vscode.workspace.fs.readDirectory(folder))
    .filter(([name, type]) => looksLikeData(name, type) && name !== recipe?.data)
    .map(([name, type]): DataItem => {
      const icon = type & vscode.FileType.Directory ? 'folder' : 'file';
      const data = vscode.Uri.joinPath(folder, name).fsPath;
      return { label: `$(${icon}) ${name}`, description: 'beside the model', data };
    });
  return [
    ...again,
    ...beside,
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    { label: '$(file) Choose a File…', description: '.npz or .npy with the inputs by name', browse: 'file' },
    {
      label: '$(folder) Choose a Folder…',
      description: 'images, or ONNX test data (test_data_set_0…)',
      browse: 'folder',
    },
    {
      label: '$(question) Random Inputs',
      description: 'only to try things out: figures will not hold for real data',
      data: 'random',
    },
  ];
}

/** Array files, ONNX test data, and folders of images as data sets name them. */
function looksLikeData(name: string, type: vscode.FileType): boolean {
  if (type & vscode.FileType.Directory)
    return /^(test_data_set_\d+|calibration|test|val(idation)?|images)$/i.test(name);
  return /\.np[yz]$/i.test(name);
}

async function browse(kind: 'file' | 'folder', target: Target): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({
      title: 'Calibration Data',
      openLabel: 'Use as Calibration Data',
      defaultUri: vscode.Uri.joinPath(target.uri, '..'),
      canSelectFiles: kind === 'file',
      canSelectFolders: kind === 'folder',
      ...(kind === 'file' ? { filters: { 'NumPy arrays': ['npz', 'npy'] } } : {}),
    })) ?? [];
  return uri?.fsPath;
}

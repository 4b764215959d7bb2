import { basename, dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { InputError } from '../../core/errors';
import { isReportFile } from '../../shared/report/reportFiles';
import { planUriFor } from '../editor/planStore';
import { questionForFolder } from './messages';
import type { Target } from './target';

interface FolderItem extends vscode.QuickPickItem {
  /** undefined: ask with a dialog. */
  readonly folder?: vscode.Uri;
}

/**
 * Where a report goes: beside the plan unless the user chooses another folder. Asks before it writes among other files.
 * @returns undefined when the user gave up.
 */
export async function askReportFolder(target: Target): Promise<vscode.Uri | undefined> {
  const beside = besidePlan(target.uri);
  const exists = (await namesIn(beside)) !== undefined;
  const items: FolderItem[] = [
    {
      label: `$(folder) ${basename(beside.fsPath)}`,
      description: exists ? 'beside the plan; replaces the report in it' : 'beside the plan; a new folder',
      folder: beside,
    },
    { label: '$(folder-opened) Choose a Folder…', description: 'an existing one' },
  ];
  const picked = await vscode.window.showQuickPick(items, {
    title: `Report of ${target.name}`,
    placeHolder: 'Folder for Markdown, charts, CSV and JSON',
    ignoreFocusOut: true,
  });
  const folder = picked && (picked.folder ?? (await browse(target)));
  if (!folder) return undefined;
  if (folder.scheme !== 'file') {
    throw new InputError('Reports are written to the local file system: choose a local folder.');
  }
  return (await mayWriteInto(folder)) ? folder : undefined;
}

/** `dir/model.onnx` → `dir/model.report`, as on the command line. */
function besidePlan(model: vscode.Uri): vscode.Uri {
  const plan = planUriFor(model);
  return vscode.Uri.file(
    join(dirname(plan.fsPath), `${basename(plan.fsPath).replace(/\.quant\.json$/, '')}.report`),
  );
}

async function browse({ uri }: Target): Promise<vscode.Uri | undefined> {
  const [folder] =
    (await vscode.window.showOpenDialog({
      title: 'Folder of the Report',
      openLabel: 'Write Report Here',
      defaultUri: vscode.Uri.joinPath(uri, '..'),
      canSelectFiles: false,
      canSelectFolders: true,
    })) ?? [];
  return folder;
}

async function mayWriteInto(folder: vscode.Uri): Promise<boolean> {
  const others = ((await namesIn(folder)) ?? []).filter((name) => !isReportFile(name));
  if (others.length === 0) return true;
  const { question, detail } = questionForFolder(basename(folder.fsPath), others);
  const options = { modal: true, detail };
  return (await vscode.window.showWarningMessage(question, options, 'Write Here')) !== undefined;
}

/** @returns undefined when there is no such folder. */
async function namesIn(folder: vscode.Uri): Promise<string[] | undefined> {
  try {
    return (await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name);
  } catch (error) {
    if (error instanceof vscode.FileSystemError && error.code === 'FileNotFound') return undefined;
    throw error;
  }
}

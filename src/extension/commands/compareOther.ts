import { posix } from 'node:path';
import * as vscode from 'vscode';
import type { Plan } from '../../core/plan/types';
import { askForModel, type Target } from './target';

/** What a model is compared with: another one, or what its plan makes of it. */
export type Other = vscode.Uri | 'plan';

interface OtherItem extends vscode.QuickPickItem {
  /** undefined: ask with a dialog. */
  readonly other?: Other;
}

/** Lets the user choose what a model is compared with. @returns undefined when the user gave up. */
export async function askOther(target: Target): Promise<Other | undefined> {
  const folder = vscode.Uri.joinPath(target.uri, '..');
  const own = posix.basename(target.uri.path);
  const beside = (await vscode.workspace.fs.readDirectory(folder))
    .filter(([name, type]) => /\.onnx$/i.test(name) && name !== own && !(type & vscode.FileType.Directory))
    .map(([name]): OtherItem => ({
      label: `$(file) ${name}`,
      description: 'beside the model',
      other: vscode.Uri.joinPath(folder, name),
    }));
  const state = target.document?.dirty ? 'as it is in the editor, not saved' : 'as saved';
  const plan: OtherItem[] = quantizes(target.plan())
    ? [
        {
          label: '$(symbol-numeric) The Plan',
          description: `what it makes of the model, ${state}`,
          other: 'plan',
        },
      ]
    : [];
  const title = `Compare ${target.name} With`;
  const picked = await vscode.window.showQuickPick<OtherItem>(
    [...plan, ...beside, { label: '$(folder-opened) Choose a Model…' }],
    { title, placeHolder: 'The other model', matchOnDescription: true, ignoreFocusOut: true },
  );
  return picked && (picked.other ?? askForModel(title));
}

function quantizes({ defaultScheme, layers }: Plan): boolean {
  return defaultScheme !== 'float' || Object.values(layers).some(({ scheme }) => scheme !== 'float');
}

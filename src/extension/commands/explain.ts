import * as vscode from 'vscode';
import { formatOf } from '../../core/plan/editPlan';
import { formatText } from '../../core/quant/layerFormat';
import type { ModelDocument } from '../editor/modelDocument';

/** Shows in the view why a layer hurts: the selected one, or one that the user chooses. */
export async function explainLayer({ session }: ModelDocument): Promise<void> {
  await session.loaded();
  const layer = session.selected ?? (await askLayer(session));
  if (layer !== undefined) session.reveal(layer, true);
}

/** Shows why the first layer among rows hurts. */
export function explainRows({ session }: ModelDocument, names: readonly string[]): void {
  const layer = names.find((name) => session.layers.some((row) => row.name === name));
  if (layer !== undefined) session.reveal(layer, true);
  else void vscode.window.showInformationMessage('None of the selected rows is a layer with a weight.');
}

async function askLayer({ layers, plan, place }: ModelDocument['session']): Promise<string | undefined> {
  if (layers.length === 0) {
    void vscode.window.showInformationMessage(`${place.name} has no layer with a weight.`);
    return undefined;
  }
  const picked = await vscode.window.showQuickPick(
    layers.map(({ name, op, quantizable }) => ({
      label: name,
      description: `${op}, ${quantizable ? formatText(formatOf(plan, name)) : 'float'}`,
    })),
    { title: 'Explain Layer', placeHolder: 'Layer', matchOnDescription: true, ignoreFocusOut: true },
  );
  return picked?.label;
}

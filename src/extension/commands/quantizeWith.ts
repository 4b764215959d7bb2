import * as vscode from 'vscode';
import { schemeCatalog } from '../../core/quant/schemeCatalog';
import type { LayerScheme } from '../../core/quant/scheme';

/** Asks which scheme some layers get. Undefined when the user thinks better of it. */
export async function pickScheme(count: number): Promise<LayerScheme | undefined> {
  const picked = await vscode.window.showQuickPick(
    schemeCatalog.map(({ id, description }) => ({ label: id, description })),
    { title: count === 1 ? 'Quantize With' : `Quantize ${count} Nodes With`, placeHolder: 'Scheme' },
  );
  return schemeCatalog.find(({ id }) => id === picked?.label)?.id;
}

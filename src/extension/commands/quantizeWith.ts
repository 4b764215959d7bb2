import * as vscode from 'vscode';
import { optionForms, parseFormat, type LayerFormat } from '../../core/quant/layerFormat';
import { schemeForms } from '../../core/quant/scheme';
import { schemeCatalog } from '../../core/quant/schemeCatalog';

const OTHER = 'Other…';

/** Asks which scheme some layers get. Undefined when the user thinks better of it. */
export async function pickFormat(count: number): Promise<LayerFormat | undefined> {
  const title = count === 1 ? 'Quantize With' : `Quantize ${count} Nodes With`;
  const picked = await vscode.window.showQuickPick(
    [
      ...schemeCatalog.map(({ format, description }) => ({ label: format, description })),
      { label: OTHER, description: 'any scheme with options: bit width, granularity, range, bias' },
    ],
    { title, placeHolder: 'Scheme', matchOnDescription: true, ignoreFocusOut: true },
  );
  if (!picked) return undefined;
  const text = picked.label === OTHER ? await askFormat(title) : picked.label;
  const format = text === undefined ? undefined : parseFormat(text);
  return format && 'mistake' in format ? undefined : format;
}

function askFormat(title: string): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title,
    prompt: `Scheme[,option…]. Schemes: ${schemeForms}. Options: ${optionForms}.`,
    placeHolder: 'w4,block:32,mse',
    ignoreFocusOut: true,
    validateInput: (text) => {
      const format = parseFormat(text);
      return 'mistake' in format ? format.mistake : undefined;
    },
  });
}

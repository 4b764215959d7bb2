import * as vscode from 'vscode';
import { formatText, type LayerFormat } from '../../core/quant/layerFormat';
import type { ModelDocument } from '../editor/modelDocument';
import { setFormat } from '../editor/modelEditorProvider';
import { pickFormat } from './quantizeWith';

/** Gives rows a format as one edit, or says that there was nothing to change. */
export function giveFormat(document: ModelDocument, names: readonly string[], format: LayerFormat): void {
  if (setFormat(document, names, format) > 0) return;
  const what =
    format.scheme === 'float'
      ? 'is float already'
      : `has the scheme ${formatText(format)} already or cannot be quantized`;
  void vscode.window.showInformationMessage(`Nothing to change: all that is selected ${what}.`);
}

/** Asks for a format and gives it to rows. */
export async function chooseFormat(document: ModelDocument, names: readonly string[]): Promise<void> {
  const format = await pickFormat(names.length);
  if (format) giveFormat(document, names, format);
}

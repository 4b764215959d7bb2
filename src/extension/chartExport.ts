import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { posix } from 'node:path';
import * as vscode from 'vscode';
import { AtomicFile, writeTogether } from '../engine/files/atomicFile';
import { exportName, type ExportKind, type ExportMethods } from '../shared/exportRpc';

/** What a view sends is at most 1 MB; a bomb inside is refused. */
const MOST_BYTES = 64 * 2 ** 20;

const CHOICES: Readonly<Record<ExportKind, string>> = {
  svg: 'Save as SVG…',
  png: 'Save as PNG…',
  csv: 'Save Table as CSV…',
  copy: 'Copy Table as CSV',
};

const FILTERS: Readonly<Record<Exclude<ExportKind, 'copy'>, Record<string, string[]>>> = {
  svg: { SVG: ['svg'] },
  png: { PNG: ['png'] },
  csv: { 'Comma-separated values': ['csv'] },
};

/** Writes charts and tables of a view about `model` beside it, unless the user says otherwise. */
export function exportMethods(model: vscode.Uri): ExportMethods {
  return {
    chooseExport: async ({ title, kinds }) => {
      const labels = kinds.map((kind) => CHOICES[kind]);
      const label = await vscode.window.showQuickPick(labels, { title: `Export “${title}”` });
      return kinds.find((kind) => CHOICES[kind] === label) ?? null;
    },
    saveExport: async ({ title, kind, content }) => {
      const bytes = await unpacked(content);
      if (kind === 'copy') await vscode.env.clipboard.writeText(bytes.toString('utf8'));
      else await save(model, title, kind, bytes);
      return null;
    },
  };
}

async function unpacked(content: string): Promise<Buffer> {
  return promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip)(Buffer.from(content, 'base64'), {
    maxOutputLength: MOST_BYTES,
  });
}

async function save(
  model: vscode.Uri,
  title: string,
  kind: Exclude<ExportKind, 'copy'>,
  bytes: Uint8Array,
): Promise<void> {
  const stem = posix.basename(model.path).replace(/\.onnx$/i, '');
  const destination = await vscode.window.showSaveDialog({
    title: `Export “${title}”`,
    saveLabel: 'Export',
    defaultUri: vscode.Uri.joinPath(model, '..', `${stem}.${exportName(title)}.${kind}`),
    filters: FILTERS[kind],
  });
  if (!destination) return;
  if (destination.scheme === 'file') {
    const file = new AtomicFile(destination.fsPath);
    await writeTogether([file], () => file.write(bytes));
  } else {
    await vscode.workspace.fs.writeFile(destination, bytes);
  }
  void vscode.window.showInformationMessage(`Wrote ${posix.basename(destination.path)}.`);
}

import * as vscode from 'vscode';
import { InputError } from '../../core/errors';
import type { SourceFrame } from '../../core/inspectorResults';
import { fileName, findSourceFile, findSourceLine } from './sourceFiles';

/** Files of one name in a workspace; more are not looked at. */
const MOST_FILES = 1000;

/**
 * Opens the line of a stack trace. Paths come from the model, so only files that the workspace lists are ever opened.
 * @throws InputError when none of them is meant.
 */
export async function openSource(frame: SourceFrame): Promise<void> {
  const name = fileName(frame.file);
  // `?` stands for what would mean something else in a glob; what it finds besides does not match the path.
  const glob = `**/${name.replace(/[*?[\]{}!,]/g, '?')}`;
  const uris = name === '' ? [] : await vscode.workspace.findFiles(glob, undefined, MOST_FILES);
  const files = uris.map((uri) => ({
    uri,
    path: uri.path,
    relative: vscode.workspace.asRelativePath(uri, false),
  }));
  const file = findSourceFile(frame.file, files);
  if (!file) throw new InputError(`${frame.file} is not in the workspace: open the folder that it is in.`);
  const document = await vscode.workspace.openTextDocument(file.uri);
  const line = findSourceLine(frame, document.getText().split(/\r?\n/));
  const { range } = document.lineAt(line);
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(range.start, range.start) });
}

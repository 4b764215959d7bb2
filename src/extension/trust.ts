import * as vscode from 'vscode';
import { reasonNotToRun } from './lookOnly';

export function lookOnlyReason(uri: vscode.Uri | undefined): string | null {
  return reasonNotToRun(vscode.workspace.isTrusted, uri?.scheme);
}

/** Tells the user why nothing runs. @returns whether running is allowed. */
export async function mayRun(uri: vscode.Uri | undefined): Promise<boolean> {
  const reason = lookOnlyReason(uri);
  if (reason === null) return true;
  const manage = vscode.workspace.isTrusted ? [] : ['Manage Workspace Trust'];
  if (await vscode.window.showErrorMessage(reason, ...manage)) {
    await vscode.commands.executeCommand('workbench.trust.manage');
  }
  return false;
}

import * as vscode from 'vscode';

/** Why a model must not be run (scan, quantize, compare), in one sentence; null when it may. Looking is always allowed. */
export function lookOnlyReason(uri: vscode.Uri | undefined): string | null {
  if (!vscode.workspace.isTrusted) {
    return 'This workspace is in Restricted Mode: models can be looked at, but not run. Trust the workspace to scan, quantize or compare.';
  }
  if (uri && uri.scheme !== 'file') {
    return `Models on a ${uri.scheme} file system can be looked at, but not run. Copy the model to a local folder to scan, quantize or compare.`;
  }
  return null;
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

import * as vscode from 'vscode';

/** Shows a document in VS Code's Markdown preview, or as text where there is none: its extension can be disabled. */
export async function showMarkdown(uri: vscode.Uri): Promise<void> {
  try {
    await vscode.commands.executeCommand('markdown.showPreview', uri);
  } catch {
    await vscode.window.showTextDocument(uri);
  }
}

import * as vscode from 'vscode';

/** Shows a document in VS Code's Markdown preview, or as text where the preview is disabled. */
export async function showMarkdown(uri: vscode.Uri): Promise<void> {
  const commands = await vscode.commands.getCommands(true);
  if (commands.includes(PREVIEW)) await vscode.commands.executeCommand(PREVIEW, uri);
  else await vscode.window.showTextDocument(uri);
}

const PREVIEW = 'markdown.showPreview';

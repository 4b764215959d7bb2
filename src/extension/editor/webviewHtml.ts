import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** The only folder that a view may load from. */
export function webviewRoot(extension: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extension, 'dist', 'webview');
}

/**
 * The document of a view. Nothing of a model is in it: names arrive as messages and are set as text.
 * @param program which of the bundled views.
 */
export function webviewHtml(
  webview: vscode.Webview,
  extension: vscode.Uri,
  program: 'main' | 'comparison' = 'main',
): string {
  const asset = (name: string): string =>
    webview.asWebviewUri(vscode.Uri.joinPath(webviewRoot(extension), name)).toString();
  const nonce = randomBytes(16).toString('base64');
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    // Charts are drawn as PNG through an image, and samples are shown.
    'img-src data:',
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="UTF-8">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="stylesheet" href="${asset('codicon.css')}" id="vscode-codicon-stylesheet">
  <link rel="stylesheet" href="${asset(`${program}.css`)}">
  <title>Roundoff</title>
</head>
<body>
  <div id="root"></div>
  <script nonce="${nonce}" src="${asset(`${program}.js`)}"></script>
</body>
</html>`;
}

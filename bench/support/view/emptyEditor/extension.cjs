/** A custom editor that shows one word: no file is read, no message sent. */
const vscode = require('vscode');

const provider = {
  openCustomDocument: async (uri) => ({ uri, dispose: () => undefined }),
  resolveCustomEditor: async (_document, { webview }) => {
    webview.options = { enableScripts: true };
    webview.html = '<!DOCTYPE html><html><body><p id="empty">Empty</p></body></html>';
  },
};

exports.activate = (context) => {
  context.subscriptions.push(vscode.window.registerCustomEditorProvider('bench.empty', provider));
};

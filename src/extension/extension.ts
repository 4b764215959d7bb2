import * as vscode from 'vscode';
import { chooseFormat } from './commands/layerFormats';
import { registerCommands, runViewCommand } from './commands/register';
import { ScanFormats } from './commands/scanFormats';
import { ComparisonPanels } from './comparison/comparisonPanels';
import { ComparisonStore } from './comparison/comparisonStore';
import { Comparisons } from './comparisons';
import { LocalCopies } from './editor/localCopies';
import { VIEW_TYPE } from '../shared/viewRpc';
import { ModelEditorProvider } from './editor/modelEditorProvider';
import { EngineHost } from './engineHost';

export function activate(context: vscode.ExtensionContext): void {
  const engine = new EngineHost(context.extensionUri);
  const copies = new LocalCopies(vscode.Uri.joinPath(context.globalStorageUri, 'tmp').fsPath, {
    size: async (uri) => (await vscode.workspace.fs.stat(uri)).size,
    read: async (uri) => vscode.workspace.fs.readFile(uri),
  });
  const documents = new Comparisons();
  const kept = new ComparisonStore(vscode.Uri.joinPath(context.globalStorageUri, 'comparisons').fsPath);
  const tools = {
    engine,
    comparisons: new ComparisonPanels(context.extensionUri, engine, kept, documents),
    formats: new ScanFormats(context.workspaceState),
    cache: vscode.Uri.joinPath(context.globalStorageUri, 'results').fsPath,
  };
  const provider = new ModelEditorProvider(
    context.extensionUri,
    engine,
    copies,
    tools.cache,
    (command, document) => runViewCommand(tools, command, document),
    chooseFormat,
  );
  context.subscriptions.push(
    engine,
    documents.register(),
    tools.comparisons.register(),
    vscode.window.registerCustomEditorProvider(VIEW_TYPE, provider, {
      supportsMultipleEditorsPerDocument: true,
    }),
    registerCommands(provider, tools),
    // What was refused in Restricted Mode is allowed from now on.
    vscode.workspace.onDidGrantWorkspaceTrust(() => {
      for (const document of provider.documents) document.session.refresh();
    }),
  );
}

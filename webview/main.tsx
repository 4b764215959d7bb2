import { render } from 'preact';
import './elements';
import './styles/main.css';
import { App } from './App';
import { ExportContext, Exporter } from './export/exporter';
import { Host } from './host';
import { ModelStore } from './modelStore';
import { restoreViewState, storedViewState, type ViewState } from './viewState';

const vscode = acquireVsCodeApi();
const host = new Host({
  post: (message) => vscode.postMessage(message),
  listen: (receive) => {
    // Only the workbench can post to this frame: a webview has an origin of its own.
    window.addEventListener('message', (event: MessageEvent) => receive(event.data));
  },
});
const store = new ModelStore(host);
const root = document.getElementById('root');
if (root) {
  const saveState = (state: ViewState): unknown => vscode.setState(storedViewState(state));
  const exporter = new Exporter((method, request) => host.call(method, request));
  render(
    <ExportContext.Provider value={exporter}>
      <App host={host} store={store} initial={restoreViewState(vscode.getState())} save={saveState} />
    </ExportContext.Provider>,
    root,
  );
}
void store.start();

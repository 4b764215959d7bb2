import { render } from 'preact';
import '../elements';
import '../styles/main.css';
import '../styles/comparison.css';
import type { ComparisonMethods } from '../../src/shared/comparisonRpc';
import { CHART_STYLE } from '../../src/shared/charts/svg';
import { ExportContext, Exporter } from '../export/exporter';
import { Host, type Wire } from '../host';
import { ComparisonApp } from './ComparisonApp';
import { restoreState } from './state';

const vscode = acquireVsCodeApi();
const wire: Wire = {
  post: (message) => vscode.postMessage(message),
  listen: (receive) => {
    // Only the workbench can post to this frame: a webview has an origin of its own.
    window.addEventListener('message', (event: MessageEvent) => receive(event.data));
  },
};
const host = new Host<ComparisonMethods, never>(wire);
const sheet = new CSSStyleSheet();
sheet.replaceSync(CHART_STYLE);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
const root = document.getElementById('root');
if (root) {
  render(
    <ExportContext.Provider value={new Exporter((method, request) => host.call(method, request))}>
      <ComparisonApp
        host={host}
        initial={restoreState(vscode.getState())}
        save={(state) => vscode.setState(state)}
      />
    </ExportContext.Provider>,
    root,
  );
}

import * as vscode from 'vscode';
import { InputError } from '../../core/errors';
import { errorReplyOf } from '../../engine/engineErrors';
import { COMPARISON_VIEW, type ComparisonMethods } from '../../shared/comparisonRpc';
import { inMessageParts, MessageJoiner } from '../../shared/messageParts';
import { answer, isCall } from '../../shared/viewServer';
import { exportMethods } from '../chartExport';
import { compareReport } from '../commands/compareReport';
import type { Comparisons } from '../comparisons';
import { NewestCall } from '../editor/newestCall';
import { webviewHtml, webviewRoot } from '../editor/webviewHtml';
import type { SessionEngine } from '../sessionEngine';
import { lookOnlyReason } from '../trust';
import type { ComparisonStore, KeptComparison } from './comparisonStore';
import { outputView, snapshotOf } from './comparisonView';

/** Views of comparisons: panels that ask for what they show, and come back after a reload of the window. */
export class ComparisonPanels implements vscode.WebviewPanelSerializer {
  constructor(
    private readonly extension: vscode.Uri,
    private readonly engine: SessionEngine,
    private readonly store: ComparisonStore,
    private readonly documents: Comparisons,
  ) {}

  /** Opens a view beside nothing: where editors open. */
  async show(kept: KeptComparison): Promise<void> {
    const id = await this.store.put(kept);
    const panel = vscode.window.createWebviewPanel(COMPARISON_VIEW, kept.name, vscode.ViewColumn.Active);
    this.#fill(panel, id, kept);
  }

  /** @param state what the view has kept for itself. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const id =
      typeof state === 'object' && state !== null && 'id' in state && typeof state.id === 'string'
        ? state.id
        : '';
    this.#fill(panel, id, await this.store.get(id));
  }

  register(): vscode.Disposable {
    return vscode.window.registerWebviewPanelSerializer(COMPARISON_VIEW, this);
  }

  #fill(panel: vscode.WebviewPanel, id: string, kept: KeptComparison | undefined): void {
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [webviewRoot(this.extension)] };
    const descriptions = new NewestCall(this.engine, 'describeSample');
    const methods = this.#methodsFor(id, kept, descriptions);
    let closed = false;
    const joiner = new MessageJoiner();
    const receiving = webview.onDidReceiveMessage(async (part: unknown) => {
      const message = joiner.add(part);
      if (!isCall<ComparisonMethods>(message)) return;
      const reply = await answer(methods, message, errorReplyOf);
      if (closed) return;
      for (const part of inMessageParts(reply)) void webview.postMessage(part);
    });
    panel.onDidDispose(() => {
      closed = true;
      receiving.dispose();
      descriptions.cancel();
      this.store.forget(id);
    });
    webview.html = webviewHtml(webview, this.extension, 'comparison');
  }

  #methodsFor(
    id: string,
    kept: KeptComparison | undefined,
    descriptions: NewestCall<'describeSample'>,
  ): ComparisonMethods {
    const there = (): KeptComparison => {
      if (kept) return kept;
      throw new InputError('This comparison is no longer there. Compare the models again.');
    };
    const outputOf = (name: string) => there().comparison.result.outputs.find((each) => each.name === name);
    return {
      ...exportMethods(vscode.Uri.parse(kept?.uri ?? 'untitled:model.onnx')),
      ready: async () => (kept ? snapshotOf(id, kept.comparison) : null),
      output: async ({ name }) => {
        const output = outputOf(name);
        const view = output && outputView(output);
        if (!view) throw new InputError(`There is nothing more about the output ${name}.`);
        return view;
      },
      outcome: async ({ output, sample }) => {
        const found = outputOf(output)?.details?.samples.find((row) => row.sample === sample);
        if (!found) throw new InputError(`Sample ${sample} is not in this comparison.`);
        return found;
      },
      describeSample: async ({ sample }) => {
        const { model, calibration, uri } = there();
        const reason = lookOnlyReason(vscode.Uri.parse(uri));
        if (reason !== null) throw new InputError(reason);
        return descriptions.call({ ...model, calibration, sample });
      },
      openMarkdown: async () => {
        const { kind } = vscode.window.activeColorTheme;
        const dark = kind === vscode.ColorThemeKind.Dark || kind === vscode.ColorThemeKind.HighContrast;
        await this.documents.show(there().name, compareReport(there().comparison, { dark }));
        return null;
      },
    };
  }
}

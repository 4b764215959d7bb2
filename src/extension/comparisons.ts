import * as vscode from 'vscode';
import { showMarkdown } from './showMarkdown';

const SCHEME = 'roundoff-comparison';
/** Comparisons that can be looked at again: each is a text of at most some hundred kilobytes. */
const KEPT = 8;

/** Comparisons as read-only documents: nothing has to be saved or thrown away, and Save As writes one. */
export class Comparisons implements vscode.TextDocumentContentProvider {
  readonly #texts = new Map<string, string>();
  #made = 0;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return (
      this.#texts.get(uri.toString()) ??
      'This comparison was made some time ago and is no longer there. Compare the models again.\n'
    );
  }

  /** Shows a comparison in the Markdown preview. @param name of the document, without extension. */
  async show(name: string, markdown: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${name}.md`, query: String(++this.#made) });
    this.#texts.set(uri.toString(), markdown);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > KEPT && oldest !== undefined) this.#texts.delete(oldest);
    await showMarkdown(uri);
  }

  register(): vscode.Disposable {
    return vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  }
}

import * as vscode from 'vscode';
import { parseRowFormat, type RowFormat } from '../../core/quant/layerFormat';
import { InputError } from '../../core/errors';
import { inMessageParts, MessageJoiner } from '../../shared/messageParts';
import type { ToView, ViewCommand, ViewMethods } from '../../shared/viewRpc';
import { answer, isCall } from '../../shared/viewServer';
import { exportMethods } from '../chartExport';
import { HeldWishes, isWish } from './heldWishes';
import type { EngineHost } from '../engineHost';
import { errorReplyOf } from '../../engine/engineErrors';
import type { Inspections } from './inspections';
import { exportWeight } from './exportWeight';
import { openSource } from './openSource';
import { saveModelAs } from './saveAs';
import type { LocalCopies } from './localCopies';
import { ModelDocument } from './modelDocument';
import { dimensionEdit, fixedRangeEdit, schemeEdit } from './planEdit';
import { watchDocument } from './watch';
import { webviewHtml, webviewRoot } from './webviewHtml';

/** The custom editor for `*.onnx`: many views may show one document, and none of them is asked for anything on save. */
export class ModelEditorProvider implements vscode.CustomEditorProvider<ModelDocument> {
  readonly #changed = new vscode.EventEmitter<vscode.CustomDocumentEditEvent<ModelDocument>>();
  readonly onDidChangeCustomDocument = this.#changed.event;
  readonly #documents = new Map<string, ModelDocument>();
  #active: ModelDocument | undefined;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly engine: EngineHost,
    private readonly copies: LocalCopies,
    /** Folder that keeps results of scans and searches. */
    private readonly cache: string,
    /** Runs a palette command on behalf of a button in the view. */
    private readonly run: (command: ViewCommand, document: ModelDocument) => void,
    /** Lets the user choose a format for rows. */
    private readonly chooseFormat: (document: ModelDocument, names: readonly string[]) => Promise<void>,
  ) {}

  /** The document of the model editor that is or was last in front. */
  get active(): ModelDocument | undefined {
    return this.#active;
  }

  get documents(): Iterable<ModelDocument> {
    return this.#documents.values();
  }

  documentOf(uri: string): ModelDocument | undefined {
    return this.#documents.get(uri);
  }

  async openCustomDocument(
    uri: vscode.Uri,
    { backupId }: vscode.CustomDocumentOpenContext,
  ): Promise<ModelDocument> {
    const backup = backupId === undefined ? undefined : vscode.Uri.parse(backupId, true);
    const document = await ModelDocument.open(uri, backup, this.engine, this.copies, this.cache);
    const watching = watchDocument(document);
    this.#documents.set(uri.toString(), document);
    document.onDidEdit((edit) => {
      const { label } = edit;
      const undo = (): void => document.session.apply(edit, 'backward');
      const redo = (): void => document.session.apply(edit, 'forward');
      this.#changed.fire({ document, label, undo, redo });
    });
    document.onDidDispose(() => {
      watching.dispose();
      this.#documents.delete(uri.toString());
      if (this.#active === document) this.#active = undefined;
    });
    return document;
  }

  async resolveCustomEditor(document: ModelDocument, panel: vscode.WebviewPanel): Promise<void> {
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [webviewRoot(this.extension)] };
    const inspections = document.session.inspections();
    const methods = this.#methodsFor(document, inspections);
    let closed = false;
    // An answer may come after its view was closed, and posting to it then throws.
    const post = (message: ToView): void => {
      if (closed) return;
      for (const part of inMessageParts(message)) void webview.postMessage(part);
    };
    const joiner = new MessageJoiner();
    const wishes = new HeldWishes(post);
    const receiving = webview.onDidReceiveMessage(async (part: unknown) => {
      const message = joiner.add(part);
      if (!isCall<ViewMethods>(message)) return;
      post(await answer(methods, message, errorReplyOf));
      if (message.method === 'ready') wishes.open();
    });
    const stopEvents = document.session.onEvent((event) => {
      if (isWish(event)) wishes.post(event);
      else post(event);
    });
    const stopMenus = document.menuRows.addView(post);
    const noteState = (): void => {
      if (panel.active) this.#active = document;
      // A hidden view is gone, and says that it is ready when it is made again.
      if (!panel.visible) wishes.close();
    };
    const viewState = panel.onDidChangeViewState(noteState);
    noteState();
    panel.onDidDispose(() => {
      closed = true;
      inspections.cancel();
      receiving.dispose();
      viewState.dispose();
      stopEvents();
      stopMenus();
    });
    webview.html = webviewHtml(webview, this.extension);
  }

  #methodsFor(document: ModelDocument, inspections: Inspections): ViewMethods {
    const { session } = document;
    return {
      ...exportMethods(document.uri),
      ready: async () => session.snapshot(),
      rows: async ({ revision, start }) => session.rowsFrom(revision, start),
      errorSplit: (request) => inspections.errorSplit(request),
      quantizationOf: ({ layer }) => session.quantizationOf(layer),
      weightStatistics: (request) => inspections.weightStatistics(request),
      weightSlice: (request) => inspections.weightSlice(request),
      exportWeight: async (request) => {
        await exportWeight(document, this.engine, request);
        return null;
      },
      neighbours: (request) => inspections.neighbours(request),
      sourceOf: (request) => inspections.sourceOf(request),
      openSource: async (frame) => {
        await openSource(frame);
        return null;
      },
      candidatesOf: async ({ layer }) => session.measurements.candidatesOf(layer),
      latencyOf: async ({ layer }) => session.measurements.latency.of(layer),
      explain: ({ layer }) => session.measurements.explain(layer),
      applyPoint: async ({ id }) => {
        document.applyPoint(id);
        return null;
      },
      selected: async ({ layer }) => {
        session.selected = layer;
        return null;
      },
      setScheme: async ({ names, scheme }) => {
        const format = parseRowFormat(scheme);
        if ('mistake' in format) throw new InputError(format.mistake);
        setFormat(document, names, format);
        return null;
      },
      fixRange: async ({ value, range }) => {
        document.edit(fixedRangeEdit(session.plan, value, range));
        return null;
      },
      chooseFormat: async ({ names }) => {
        await this.chooseFormat(document, names);
        return null;
      },
      setDimension: async ({ name, size }) => {
        document.edit(dimensionEdit(session.plan, name, size));
        return null;
      },
      menuRows: async ({ menu, names }) => {
        document.menuRows.answer(menu, names);
        return null;
      },
      command: async ({ command }) => {
        this.run(command, document);
        return null;
      },
    };
  }

  saveCustomDocument(document: ModelDocument, cancellation: vscode.CancellationToken): Promise<void> {
    return document.save(cancellation);
  }

  saveCustomDocumentAs(
    document: ModelDocument,
    destination: vscode.Uri,
    cancellation: vscode.CancellationToken,
  ): Promise<void> {
    return saveModelAs(document, destination, this.engine, cancellation);
  }

  revertCustomDocument(document: ModelDocument): Promise<void> {
    return document.revert();
  }

  backupCustomDocument(
    document: ModelDocument,
    { destination }: vscode.CustomDocumentBackupContext,
  ): Promise<vscode.CustomDocumentBackup> {
    return document.backup(destination);
  }
}

/**
 * Makes the edit that gives rows a format. Layers that cannot be quantized stay as they are, and so do rows that
 * have the format already.
 * @returns how many rows changed.
 */
export function setFormat(document: ModelDocument, names: readonly string[], format: RowFormat): number {
  const { plan, hashes } = document.session;
  const affected = document.session.rowsForFormat(names, format);
  if (affected.length > 0) document.edit(schemeEdit(plan, affected, format, hashes));
  return affected.length;
}

import { dirname, isAbsolute, join, posix } from 'node:path';
import * as vscode from 'vscode';
import { RoundoffError } from '../../core/errors';
import { parsePlan, serializePlan } from '../../core/plan/planFile';
import type { Plan } from '../../core/plan/types';
import type { SessionEngine } from '../sessionEngine';
import { lookOnlyReason } from '../trust';
import type { LocalCopies } from './localCopies';
import { MenuRows } from './menuRows';
import { ModelSession } from './modelSession';
import { replaceEdit, type PlanEdit } from './planEdit';
import { planUriFor, readPlan, readText, writePlan } from './planStore';

/** An open model with its plan. Undo and redo are VS Code's: every edit is announced with both directions. */
export class ModelDocument implements vscode.CustomDocument {
  readonly planUri: vscode.Uri;
  readonly session: ModelSession;
  readonly menuRows = new MenuRows();
  readonly #edited = new vscode.EventEmitter<PlanEdit>();
  /** Fires when the plan was edited by the user. */
  readonly onDidEdit = this.#edited.event;
  readonly #disposed = new vscode.EventEmitter<void>();
  readonly onDidDispose = this.#disposed.event;
  /** Text of the plan file as last read or written here; undefined when there is none. */
  #savedText: string | undefined;
  /** The plan that an unedited document has. */
  #savedPlan: Plan | undefined;
  #closed = false;

  private constructor(
    readonly uri: vscode.Uri,
    engine: SessionEngine,
    private readonly copies: LocalCopies,
    cache: string,
  ) {
    this.planUri = planUriFor(uri);
    this.session = new ModelSession(engine, {
      uri: uri.toString(),
      name: posix.basename(uri.path),
      planFile: posix.basename(this.planUri.path),
      resolveData: (data) => (isAbsolute(data) ? data : join(dirname(uri.fsPath), data)),
      cache,
      lookOnly: () => lookOnlyReason(uri),
    });
  }

  /**
   * Opens the plan and starts loading the model.
   * @param backup unsaved plan of an earlier window. @param cache folder that keeps results of scans and searches.
   */
  static async open(
    uri: vscode.Uri,
    backup: vscode.Uri | undefined,
    engine: SessionEngine,
    copies: LocalCopies,
    cache: string,
  ): Promise<ModelDocument> {
    const document = new ModelDocument(uri, engine, copies, cache);
    const { plan, error, text } = await readPlan(document.planUri);
    document.#savedText = text;
    document.#savedPlan = plan;
    document.session.setPlan(backup ? await readBackup(backup) : plan, error);
    void document.loadModel();
    return document;
  }

  /** Whether the plan differs from the one on disk. */
  get dirty(): boolean {
    return (
      this.#savedPlan !== undefined && withoutHashes(this.#savedPlan) !== withoutHashes(this.session.plan)
    );
  }

  /** Whether its last view is gone. A question to the user may be answered later than that. */
  get closed(): boolean {
    return this.#closed;
  }

  get savedText(): string | undefined {
    return this.#savedText;
  }

  loadModel(): Promise<void> {
    return this.session.load(this.copies.localFile(this.uri));
  }

  /** Makes an edit by the user: applied, announced, undoable. */
  edit(edit: PlanEdit): void {
    this.session.apply(edit, 'forward');
    this.#edited.fire(edit);
  }

  /** Gives the plan the formats of a searched one, unless it has them. @throws InputError when that is no longer there. */
  applyPoint(id: number): void {
    const { measurements } = this.session;
    const edit = measurements.pointEdit(id);
    if (measurements.searched.view.found?.applied !== id) this.edit(edit);
  }

  async save(cancellation: vscode.CancellationToken): Promise<void> {
    if (this.session.planError !== null) {
      throw new RoundoffError(`${this.session.planError} The file was left as it is.`);
    }
    await this.session.hashWeights();
    if (cancellation.isCancellationRequested) throw new vscode.CancellationError();
    const plan = this.session.plan;
    this.#savedText = await writePlan(this.planUri, plan);
    this.#savedPlan = plan;
  }

  async backup(destination: vscode.Uri): Promise<vscode.CustomDocumentBackup> {
    const text = serializePlan(this.session.plan);
    await vscode.workspace.fs.writeFile(destination, new TextEncoder().encode(text));
    const remove = (): void => void vscode.workspace.fs.delete(destination).then(undefined, () => undefined);
    return { id: destination.toString(), delete: remove };
  }

  /** Back to what is on disk, both plan and model. */
  async revert(): Promise<void> {
    await this.takePlanFromDisk();
    await this.loadModel();
  }

  async takePlanFromDisk(): Promise<void> {
    const { plan, error, text } = await readPlan(this.planUri);
    this.#savedText = text;
    this.#savedPlan = plan;
    this.session.setPlan(plan, error);
  }

  /** Takes the plan on disk over unsaved changes, as an edit that can be undone. */
  async mergePlanFromDisk(): Promise<void> {
    const { plan, error, text } = await readPlan(this.planUri);
    if (error !== null) throw new RoundoffError(error);
    this.#savedText = text;
    this.#savedPlan = plan;
    this.edit(replaceEdit(this.session.plan, plan));
  }

  dispose(): void {
    this.#closed = true;
    this.session.dispose();
    void this.copies.release(this.uri).catch(() => undefined);
    this.#disposed.fire();
    this.#disposed.dispose();
    this.#edited.dispose();
  }
}

/** @throws RoundoffError rather than showing the saved plan as if it were the unsaved one. */
async function readBackup(backup: vscode.Uri): Promise<Plan> {
  const text = await readText(backup);
  if (text === undefined) throw new RoundoffError('The backup of the unsaved plan is gone.');
  return parsePlan(text, 'The backup of the plan');
}

/** Hashes are added behind the user's back and make no difference to what the plan says. */
function withoutHashes(plan: Plan): string {
  const layers = Object.entries(plan.layers).map(([name, { weightHash: _, ...entry }]) => [name, entry]);
  return JSON.stringify({ ...plan, layers });
}

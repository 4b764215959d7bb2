/** The view's copy of what the host says: the last snapshot, its rows, and every event applied to them. */
import type { Candidate } from '../src/core/results';
import type { PredictedRow, RowChunk, ViewEvent, ViewRow, ViewSnapshot } from '../src/shared/viewRpc';
import type { Host } from './host';

export type Reveal = Omit<Extract<ViewEvent, { event: 'reveal' }>, 'event'>;

export interface ModelContent {
  readonly snapshot: ViewSnapshot | null;
  /** Older rows stay on screen until all of the newer ones have come. */
  readonly rows: readonly ViewRow[];
  readonly rowsRevision: number;
  /** False: there are more rows, which still come; sums over rows would be wrong. */
  readonly isComplete: boolean;
  /** What went wrong between view and host; null normally. */
  readonly failure: string | null;
  /** The last wish of the host to show a layer; a new object each time. */
  readonly reveal: Reveal | null;
  /** How often the host has wished for the overview. */
  readonly overview: number;
}

export class ModelStore {
  #content: ModelContent = {
    snapshot: null,
    rows: [],
    rowsRevision: -1,
    isComplete: true,
    failure: null,
    reveal: null,
    overview: 0,
  };
  readonly #listeners = new Set<() => void>();
  /** Rows that are still coming: those that are here. */
  #pulled: { readonly revision: number; rows: ViewRow[] } | undefined;

  constructor(private readonly host: Host) {
    host.onEvent((event) => this.#apply(event));
  }

  get content(): ModelContent {
    return this.#content;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Announces the view and asks for everything. */
  async start(): Promise<void> {
    try {
      this.#takeSnapshot(await this.host.call('ready', {}));
    } catch (error) {
      this.#update({ failure: messageOf(error) });
    }
  }

  #apply(event: ViewEvent): void {
    const { snapshot } = this.#content;
    switch (event.event) {
      case 'snapshot':
        return this.#takeSnapshot(event.snapshot);
      case 'plan':
        return this.#update({ snapshot: snapshot && { ...snapshot, plan: event.plan } });
      case 'scan':
        return this.#update({ snapshot: snapshot && { ...snapshot, scan: event.scan } });
      case 'search':
        return this.#update({ snapshot: snapshot && { ...snapshot, search: event.search } });
      case 'latency':
        return this.#update({ snapshot: snapshot && { ...snapshot, latency: event.latency } });
      case 'prediction':
        return this.#update({ snapshot: snapshot && { ...snapshot, prediction: event.prediction } });
      case 'predicted':
        return this.#changeRows(event.revision, (rows) => withPredictions(rows, event.rows));
      case 'schemes':
        return this.#changeRows(event.revision, (rows) => withSchemes(rows, event.schemes));
      case 'candidates':
        return this.#changeRows(event.revision, (rows) => withCandidates(rows, event.candidates));
      case 'reveal':
        return this.#update({ reveal: { layer: event.layer, explain: event.explain } });
      case 'overview':
        return this.#update({ overview: this.#content.overview + 1 });
      // For the menu that was opened, not for the rows.
      case 'menuRows':
        return;
    }
  }

  /** Shows rows together with the snapshot that brings them, so that there is one paint where that is all. */
  #takeSnapshot(snapshot: ViewSnapshot): void {
    const { model, revision, first } = snapshot;
    if (model.state === 'failed') {
      this.#update({ snapshot, rows: [], rowsRevision: revision, isComplete: true });
      return;
    }
    const { rows, rowsRevision, isComplete } = this.#content;
    const isKnown = (isComplete && revision === rowsRevision) || revision === this.#pulled?.revision;
    if (!first || isKnown) return this.#update({ snapshot });
    const isAll = model.state === 'ready' && first.next === null;
    // Some rows would show less than all of an older revision do, or than those that a large model began with.
    const isBetter = isAll || rows.length === 0 || (!isComplete && model.state === 'loading');
    this.#update({
      snapshot,
      ...(isBetter && { rows: first.rows, rowsRevision: revision, isComplete: isAll }),
      ...(isAll && { failure: null }),
    });
    if (model.state === 'ready' && first.next !== null) void this.#pullRows(first, first.next);
  }

  /** Rows that have come and rows that still come are changed alike. */
  #changeRows(revision: number, change: (rows: readonly ViewRow[]) => ViewRow[]): void {
    if (this.#pulled?.revision === revision) this.#pulled.rows = change(this.#pulled.rows);
    if (this.#content.rowsRevision === revision) this.#update({ rows: change(this.#content.rows) });
  }

  /** Gets the rows behind the first ones, and shows all of them. */
  async #pullRows({ revision, rows }: RowChunk, next: number): Promise<void> {
    const pulled = { revision, rows: [...rows] };
    this.#pulled = pulled;
    try {
      for (let start: number | null = next; start !== null;) {
        const chunk: RowChunk = await this.host.call('rows', { revision, start });
        // A newer revision is being pulled instead.
        if (chunk.revision !== revision || this.#content.snapshot?.revision !== revision) return;
        pulled.rows.push(...chunk.rows);
        start = chunk.next;
      }
      this.#update({ rows: pulled.rows, rowsRevision: revision, isComplete: true, failure: null });
    } catch (error) {
      this.#update({ failure: messageOf(error) });
    } finally {
      if (this.#pulled === pulled) this.#pulled = undefined;
    }
  }

  #update(change: Partial<ModelContent>): void {
    this.#content = { ...this.#content, ...change };
    for (const listener of this.#listeners) listener();
  }
}

export function withSchemes(rows: readonly ViewRow[], schemes: readonly [string, string][]): ViewRow[] {
  const byName = new Map(schemes);
  return rows.map((row) => {
    const scheme = byName.get(row.name);
    return scheme === undefined ? row : { ...row, scheme };
  });
}

export function withCandidates(rows: readonly ViewRow[], candidates: readonly Candidate[]): ViewRow[] {
  const byName = new Map(candidates.map((candidate) => [candidate.layer, candidate]));
  return rows.map((row) => {
    const candidate = byName.get(row.name);
    return candidate === undefined ? row : { ...row, candidate };
  });
}

export function withPredictions(
  rows: readonly ViewRow[],
  predictions: readonly [string, PredictedRow | null][],
): ViewRow[] {
  const byName = new Map(predictions);
  return rows.map((row) => {
    const predicted = byName.get(row.name);
    return predicted === undefined ? row : { ...row, predicted };
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { errorReplyOf } from '../../engine/engineErrors';
import type { PredictResult } from '../../core/results';
import type { PredictedRow, PredictionView } from '../../shared/viewRpc';

/** Edits often come in a row: the engine is asked once they pause. */
const QUIET_MS = 250;
/** Where a prediction takes longer, the next one waits until the user asks for it. */
export const SLOW_MS = 5000;
const LISTED_NOTES = 100;

const NOTHING: PredictionView = { state: 'none', bytes: null, notes: [], notesCount: 0, error: null };

/** What the prediction is about, as the session has it when the engine is asked. */
export interface PredictionSource {
  /** Asks the engine about the present plan. */
  ask(): Promise<PredictResult>;
  /** True where that surely takes long, and nothing else gets an answer meanwhile: it waits until the user asks for it. */
  isLarge(): boolean;
  /** The scheme of every row under the present plan, by name. */
  schemes(): ReadonlyMap<string, string>;
  /** @param changed rows whose figure is new, or null where it is gone. */
  publish(view: PredictionView, changed: readonly [string, PredictedRow | null][]): void;
}

/**
 * The bytes that a plan would write, kept up to date with its edits. At most one call is under way: a result that an edit
 * has overtaken is dropped, and the newest plan is asked about next. It is never cancelled, since an engine that is busy
 * with a scan cannot answer a cancel in time and would be killed, the scan with it.
 */
export class SizePrediction {
  #view: PredictionView = NOTHING;
  #rows = new Map<string, PredictedRow>();
  #timer: NodeJS.Timeout | undefined;
  /** Grows with every change of plan or model: an older call's result is of no use. */
  #version = 0;
  #asking = false;
  #isSlow = false;

  constructor(
    private readonly source: PredictionSource,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get view(): PredictionView {
    return this.#view;
  }

  get rows(): ReadonlyMap<string, PredictedRow> {
    return this.#rows;
  }

  /** The model is being read anew: what is known is of another file. */
  reset(): void {
    this.#version++;
    clearTimeout(this.#timer);
    this.#isSlow = false;
    this.#publish(NOTHING, new Map());
  }

  /** The plan or the model's dimensions changed: foretells again, by itself where that is quick. */
  update(): void {
    this.#version++;
    clearTimeout(this.#timer);
    const isWaiting = this.#isSlow || this.source.isLarge();
    if (!isWaiting) this.#timer = setTimeout(() => void this.#run(), QUIET_MS);
    this.#publish({ ...this.#view, state: isWaiting ? 'waiting' : 'running', error: null });
  }

  /** Foretells now, because the user asked. */
  runNow(): void {
    this.#version++;
    clearTimeout(this.#timer);
    this.#publish({ ...this.#view, state: 'running', error: null });
    void this.#run();
  }

  /** Ends it for good. */
  dispose(): void {
    this.#version++;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    // The call under way asks again when it ends.
    if (this.#asking) return;
    this.#asking = true;
    const version = this.#version;
    const schemes = this.source.schemes();
    const started = this.now();
    try {
      const result = await this.source.ask();
      this.#isSlow = this.now() - started > SLOW_MS;
      if (version === this.#version) this.#take(result, schemes);
    } catch (error) {
      const failed = { state: 'failed', error: errorReplyOf(error).message } as const;
      if (version === this.#version) this.#publish({ ...NOTHING, ...failed }, new Map());
    } finally {
      this.#asking = false;
    }
    if (version !== this.#version && this.#view.state === 'running') this.#next();
  }

  /** After a call that was overtaken. */
  #next(): void {
    clearTimeout(this.#timer);
    if (this.#isSlow) this.#publish({ ...this.#view, state: 'waiting' });
    else this.#timer = setTimeout(() => void this.#run(), QUIET_MS);
  }

  #take({ bytes, bytesBefore, layers, notes }: PredictResult, schemes: ReadonlyMap<string, string>): void {
    const rows = layers.map(({ name, scheme, bytes: after }): [string, PredictedRow] => [
      name,
      { bytes: after, scheme, planned: schemes.get(name) ?? scheme },
    ]);
    const view: PredictionView = {
      state: 'current',
      bytes: { before: bytesBefore, after: bytes },
      notes: notes.slice(0, LISTED_NOTES),
      notesCount: notes.length,
      error: null,
    };
    this.#publish(view, new Map(rows));
  }

  #publish(view: PredictionView, rows: Map<string, PredictedRow> = this.#rows): void {
    const before = this.#rows;
    this.#view = view;
    this.#rows = rows;
    this.source.publish(view, before === rows ? [] : changedRows(before, rows));
  }
}

function changedRows(
  before: ReadonlyMap<string, PredictedRow>,
  after: ReadonlyMap<string, PredictedRow>,
): [string, PredictedRow | null][] {
  const gone = [...before.keys()]
    .filter((name) => !after.has(name))
    .map((name): [string, null] => [name, null]);
  const fresh = [...after].filter(([name, row]) => {
    const old = before.get(name);
    return old?.bytes !== row.bytes || old.scheme !== row.scheme || old.planned !== row.planned;
  });
  return [...gone, ...fresh];
}

/**
 * Everything behind one open model except the editor itself: summary, plan, scan figures, and what the views are told.
 * Free of vscode, so that it runs in unit tests.
 */
import { matchPlan, type PlanMismatch, stampHashes } from '../../core/plan/editPlan';
import { defaultPlan } from '../../core/plan/planFile';
import type { Plan } from '../../core/plan/types';
import type { RowFormat } from '../../core/quant/layerFormat';
import type { DataSummary, LayerRow, ModelSummary, QuantizationDetails } from '../../core/results';
import type { DataRequest, ModelRequest } from '../../shared/rpc';
import type { PlanView, RowChunk, ViewEvent, ViewSnapshot } from '../../shared/viewRpc';
import { errorReplyOf } from '../../engine/engineErrors';
import type { SessionEngine } from '../sessionEngine';
import { Inspections } from './inspections';
import { Measurements } from './measurements';
import { changedSchemes, joinRows, rowChunk, rowScheme, rowsForFormat, type ModelRow } from './modelRows';
import { hasOwnRows, modelViewOf, type ModelState } from './modelState';
import { inParts } from './parts';
import { applyEdit, sameMeasurement, type Direction, type PlanEdit } from './planEdit';
import { planToPredict, planViewOf } from './planView';
import { SizePrediction } from './sizePrediction';
import { WeightHashes } from './weightHashes';

/** Sizes of larger models are not foretold by themselves: 100,000 rows take half a minute. */
const MOST_PREDICTED_ROWS = 10_000;

export interface SessionPlace {
  /** The document's URI as text. */
  readonly uri: string;
  readonly name: string;
  /** Name of the plan file. */
  readonly planFile: string;
  /** Resolves the recipe's data path, which is relative to the plan file. */
  resolveData(data: string): string;
  /** Folder that keeps results of scans and searches; undefined: nowhere. */
  readonly cache: string | undefined;
  /** Why models must not be run here; null when they may. */
  lookOnly(): string | null;
}

export class ModelSession {
  #plan: Plan = defaultPlan;
  #planError: string | null = null;
  #model: ModelState = { state: 'loading', hasFirst: false };
  #rows: ModelRow[] = [];
  /** Grows with everything that makes the rows of the views stale. */
  #revision = 0;
  /** Grows whenever the model begins to be read: what an older reading tells no longer counts. */
  #reading = 0;
  #file: string | undefined;
  /** What was loaded last. */
  #source: string | Promise<string> | undefined;
  #data: DataSummary | null = null;
  #loading: Promise<void> = Promise.resolve();
  #selected: string | null = null;
  /** The scan and the search of this model. */
  readonly measurements: Measurements;
  readonly #hashes: WeightHashes;
  readonly #prediction = new SizePrediction({
    ask: () => {
      const names = new Set(this.#rows.map(({ row }) => row.name));
      return this.engine.call('predict', { ...this.request(), plan: planToPredict(this.#plan, names) });
    },
    isLarge: () => this.#rows.length > MOST_PREDICTED_ROWS,
    schemes: () => new Map(this.#rows.map((row) => [row.row.name, rowScheme(row, this.#plan)])),
    publish: (prediction, changed) => {
      for (const rows of inParts(changed)) {
        this.#emit({ event: 'predicted', revision: this.#revision, rows });
      }
      this.#emit({ event: 'prediction', prediction });
    },
  });
  readonly #listeners = new Set<(event: ViewEvent) => void>();

  constructor(
    private readonly engine: SessionEngine,
    readonly place: SessionPlace,
  ) {
    this.measurements = new Measurements({
      engine,
      cache: place.cache,
      revision: () => this.#revision,
      plan: () => this.#plan,
      summary: () => this.summary,
      request: () => this.request(),
      dataRequest: () => this.dataRequest(),
      mayRun: () => place.lookOnly() === null,
      emit: (event) => this.#emit(event),
    });
    this.#hashes = new WeightHashes(engine, () => {
      this.#plan = stampHashes(this.#plan, this.hashes);
      this.#emit({ event: 'plan', plan: this.#planView() });
    });
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** Why the plan file on disk could not be used; saving over it is refused meanwhile. */
  get planError(): string | null {
    return this.#planError;
  }

  get summary(): ModelSummary | undefined {
    return this.#model.state === 'ready' ? this.#model.summary : undefined;
  }

  /** Empty until the model was read. */
  get layers(): readonly LayerRow[] {
    return this.summary?.layers ?? [];
  }

  /** Names of the layers that can be quantized. */
  get quantizable(): ReadonlySet<string> {
    return new Set(this.summary?.layers.filter((layer) => layer.quantizable).map((layer) => layer.name));
  }

  /** Those of `names` that giving `format` to does anything (see `modelRows.ts`). */
  rowsForFormat(names: readonly string[], format: RowFormat): string[] {
    const { changed } = this.#mismatch();
    const wanted = new Set(names);
    const rows = this.#rows.filter(({ row }) => wanted.has(row.name));
    return rowsForFormat(rows, this.#plan, format, changed);
  }

  /** The layer that a view has selected, as far as it told; null: none. */
  get selected(): string | null {
    return this.layers.some(({ name }) => name === this.#selected) ? this.#selected : null;
  }

  set selected(name: string | null) {
    this.#selected = name;
  }

  /** Selects a layer in the views. @param explain shows why it hurts. */
  reveal(layer: string, explain: boolean): void {
    this.#emit({ event: 'reveal', layer, explain });
  }

  /** Opens the overview in the views. */
  showOverview(): void {
    this.#emit({ event: 'overview' });
  }

  /** @returns a function that ends the subscription. */
  onEvent(listener: (event: ViewEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * (Re)loads the model. Failures become the state of the session, never an exception.
   * @param file path of a local file that the engine reads; a promise while it is being fetched.
   */
  load(file: string | Promise<string>): Promise<void> {
    this.#source = file;
    this.#loading = this.#loadNow(file);
    return this.#loading;
  }

  /** Settles when the last load has, also one that begins meanwhile. */
  async loaded(): Promise<void> {
    for (let last; last !== this.#loading;) {
      last = this.#loading;
      await last;
    }
  }

  async #loadNow(file: string | Promise<string>): Promise<void> {
    const reading = ++this.#reading;
    this.#revision++;
    this.#model = { state: 'loading', hasFirst: false };
    this.#hashes.reset();
    this.measurements.forget();
    this.#prediction.reset();
    this.#emitSnapshot();
    try {
      this.#file = await file;
      // Views that show rows already keep them until they can have all of the new ones.
      if (this.#rows.length === 0) await this.#showFirst(reading);
      if (reading !== this.#reading) return;
      const summary = await this.engine.call('inspect', this.request());
      if (reading !== this.#reading) return;
      this.#rows = joinRows(summary);
      this.#model = { state: 'ready', summary };
    } catch (error) {
      if (reading !== this.#reading) return;
      this.#rows = [];
      this.#model = { state: 'failed', message: errorReplyOf(error).message };
    }
    this.#emitSnapshot();
    this.#updatePrediction();
    if (Object.keys(this.#plan.layers).length > 0) void this.hashWeights();
  }

  /** Shows the first layers of a large model, which takes seconds to inspect. */
  async #showFirst(reading: number): Promise<void> {
    const layers = await this.engine.call('firstLayers', this.request());
    if (reading !== this.#reading || layers.length === 0) return;
    this.#rows = joinRows({ layers, nodes: [] });
    this.#model = { state: 'loading', hasFirst: true };
    this.#emitSnapshot();
  }

  /** Inspects again after a change of the dimensions: figures change, layers stay. */
  async #reinspect(): Promise<void> {
    if (this.#model.state !== 'ready') {
      // What is asked of the engine now would come with the old sizes, and may have failed because of them.
      if (this.#source !== undefined) await this.load(this.#source);
      return;
    }
    const reading = ++this.#reading;
    try {
      const summary = await this.engine.call('inspect', this.request());
      if (reading !== this.#reading) return;
      this.#rows = joinRows(summary);
      this.#model = { state: 'ready', summary };
    } catch (error) {
      if (reading !== this.#reading) return;
      this.#rows = [];
      this.#model = { state: 'failed', message: errorReplyOf(error).message };
    }
    this.#revision++;
    this.#emitSnapshot();
  }

  /** The request that names this model, with the plan's dimensions. @throws Error before the file is known. */
  request(): ModelRequest {
    if (this.#file === undefined) throw new Error(`${this.place.name} is still being opened.`);
    const { dimensions } = this.#plan;
    return dimensions ? { file: this.#file, dimensions: { ...dimensions } } : { file: this.#file };
  }

  /** The plan's calibration data as the engine wants it; undefined when none is chosen. */
  dataRequest(): DataRequest | undefined {
    const recipe = this.#plan.calibration;
    if (!recipe) return undefined;
    const { data, samples, seed } = recipe;
    return { data: data === 'random' ? data : this.place.resolveData(data), samples, seed };
  }

  /** Takes a plan as the new state without an edit: on open, revert, and reload of a clean view. */
  setPlan(plan: Plan, error: string | null = null): void {
    this.#planError = error;
    this.#replacePlan(plan);
    if (Object.keys(plan.layers).length > 0) void this.hashWeights();
  }

  apply(edit: PlanEdit, direction: Direction): void {
    this.#replacePlan(applyEdit(this.#plan, edit, direction));
    void this.hashWeights();
  }

  #replacePlan(plan: Plan): void {
    const before = this.#plan;
    this.#plan = stampHashes(plan, this.hashes);
    if (!sameMeasurement(before, this.#plan)) this.#forgetFigures(before);
    const changed = changedSchemes(this.#rows, before, this.#plan);
    for (const schemes of inParts(changed)) {
      this.#emit({ event: 'schemes', revision: this.#revision, schemes });
    }
    this.measurements.planChanged(changed.map(([name]) => name));
    this.#emit({ event: 'plan', plan: this.#planView() });
    this.#updatePrediction();
    const dimensionsOf = (of: Plan): string => JSON.stringify(of.dimensions ?? {});
    if (dimensionsOf(before) !== dimensionsOf(this.#plan)) void this.#reinspect();
  }

  /** Figures measured with other data or ranges would be read as if they belonged to the plan now shown. */
  #forgetFigures(before: Plan): void {
    if (JSON.stringify(before.calibration) !== JSON.stringify(this.#plan.calibration)) this.#data = null;
    this.#showForgotten(this.measurements.forget());
  }

  /** Scans and searches measure with so many samples from now on; figures of fewer are dropped. */
  setScanSamples(samples: number): void {
    this.#showForgotten(this.measurements.setSamples(samples));
  }

  #showForgotten(anything: boolean): void {
    if (!anything) return;
    this.#revision++;
    this.#emitSnapshot();
  }

  /** Hashes the weights once per load, so that entries name the weight they were made for. Never rejects. */
  async hashWeights(): Promise<void> {
    if (this.#model.state === 'ready') await this.#hashes.compute(() => this.request());
  }

  /** Weight hash by layer name, as far as known now. */
  get hashes(): ReadonlyMap<string, string> {
    return this.#hashes.byLayer;
  }

  /** What is known of the chosen data; null: it was not looked at. */
  get data(): DataSummary | null {
    return this.#data;
  }

  setData(data: DataSummary): void {
    this.#data = data;
    this.#emit({ event: 'plan', plan: this.#planView() });
  }

  #updatePrediction(): void {
    if (this.#model.state === 'ready') this.#prediction.update();
  }

  /** Foretells the bytes of the plan at once, also where that takes long. */
  predict(): void {
    if (this.#model.state === 'ready') this.#prediction.runNow();
  }

  quantizationOf(layer: string): Promise<QuantizationDetails> {
    return this.engine.call('quantizationOf', { ...this.request(), layer });
  }

  /** What one view asks about single layers. */
  inspections(): Inspections {
    return new Inspections(
      this.engine,
      () => this.request(),
      () => this.#plan,
      () => (this.place.lookOnly() === null ? this.dataRequest() : undefined),
    );
  }

  /** @param revision the one that the view knows; an older one gets an empty chunk, and the snapshot is on its way. */
  rowsFrom(revision: number, start: number): RowChunk {
    if (revision !== this.#revision) return { revision: this.#revision, rows: [], next: null };
    const figures = { candidates: this.measurements.scanned.candidates, predicted: this.#prediction.rows };
    return rowChunk(this.#rows, start, revision, this.#plan, figures);
  }

  snapshot(): ViewSnapshot {
    return {
      uri: this.place.uri,
      name: this.place.name,
      revision: this.#revision,
      model: modelViewOf(this.#model, this.#rows.length),
      first: hasOwnRows(this.#model) ? this.rowsFrom(this.#revision, 0) : null,
      plan: this.#planView(),
      scan: this.measurements.scanned.view,
      search: this.measurements.searched.view,
      latency: this.measurements.latency.view,
      prediction: this.#prediction.view,
      lookOnly: this.place.lookOnly(),
    };
  }

  /** Ends what still runs for this model. */
  dispose(): void {
    this.measurements.cancel();
    this.#prediction.dispose();
  }

  /** Tells every view the whole state again, such as after trust was granted. */
  refresh(): void {
    this.#emitSnapshot();
  }

  #planView(): PlanView {
    const { changed, missing } = this.#mismatch();
    const mismatch = { changed, missing: this.#model.state === 'ready' ? missing : [] };
    return planViewOf(this.#plan, mismatch, {
      file: this.place.planFile,
      error: this.#planError,
      data: this.#data,
    });
  }

  #mismatch(): PlanMismatch {
    const names = this.#rows.map(({ row }) => row.name);
    return matchPlan(this.#plan, names, Object.fromEntries(this.hashes));
  }

  #emitSnapshot(): void {
    this.#emit({ event: 'snapshot', snapshot: this.snapshot() });
  }

  #emit(event: ViewEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

import { InputError } from '../../core/errors';
import { formatOf } from '../../core/plan/editPlan';
import { withRecover } from '../../core/plan/recover';
import type { Plan, RecoverStep } from '../../core/plan/types';
import { formatText } from '../../core/quant/layerFormat';
import type { Candidate, ModelSummary, ScanResult } from '../../core/results';
import type { LayerExplanation } from '../../core/explainResults';
import type { SearchGoal, SearchResult } from '../../core/searchResults';
import { scanFormats } from '../../core/scan/formats';
import { searchMetric } from '../../core/search/goals';
import type { DataRequest, ModelRequest } from '../../shared/rpc';
import type { ViewEvent } from '../../shared/viewRpc';
import type { CallOptions, SessionEngine } from '../sessionEngine';
import { outputsOf } from './modelOutputs';
import { inParts } from './parts';
import { searchedEdit, type PlanEdit } from './planEdit';
import { LatencyFigures } from './latencyFigures';
import { ScanFigures } from './scanFigures';
import { SearchFigures } from './searchFigures';

/** The model that is measured, and who hears of it. */
export interface MeasuredPlace {
  readonly engine: SessionEngine;
  /** Folder that keeps results; undefined: nowhere. */
  readonly cache: string | undefined;
  /** Of the rows: figures of an older one are of another model or plan. */
  revision(): number;
  plan(): Plan;
  /** undefined until the model was read. */
  summary(): ModelSummary | undefined;
  request(): ModelRequest;
  /** undefined when no data is chosen. */
  dataRequest(): DataRequest | undefined;
  /** Whether models may be run here. */
  mayRun(): boolean;
  emit(event: ViewEvent): void;
}

export interface RecoveringOptions extends CallOptions {
  readonly recover?: readonly RecoverStep[];
}

/** What was measured of one model: sensitivities by a scan, plans by a search, both of which can go on for long. */
export class Measurements {
  readonly scanned: ScanFigures;
  readonly searched: SearchFigures;
  readonly latency: LatencyFigures;
  /** Of the scan slice; what the engine takes by itself when undefined. */
  #samples: number | undefined;
  /** Of the plan as it was last, as JSON. */
  #recipe: string | undefined;

  constructor(private readonly place: MeasuredPlace) {
    const { engine } = place;
    const shared = {
      engine,
      revision: () => place.revision(),
      plannedFormat: (layer: string) => formatText(formatOf(place.plan(), layer)),
      plannedRecipe: () => place.plan().recover,
    };
    this.scanned = new ScanFigures({
      ...shared,
      showScan: (scan) => place.emit({ event: 'scan', scan }),
      showCandidates: (candidates) => {
        for (const part of inParts(candidates)) {
          place.emit({ event: 'candidates', revision: place.revision(), candidates: part });
        }
      },
    });
    this.searched = new SearchFigures({
      ...shared,
      showSearch: (search) => place.emit({ event: 'search', search }),
    });
    this.latency = new LatencyFigures({
      ...shared,
      showLatency: (latency) => place.emit({ event: 'latency', latency }),
    });
  }

  /** What a scan or search that runs now is called; undefined when none does. One that is paused does not. */
  get running(): 'scan' | 'search' | 'measurement of the latency' | undefined {
    if (this.scanned.running) return 'scan';
    if (this.latency.view.isRunning) return 'measurement of the latency';
    return this.searched.running ? 'search' : undefined;
  }

  /**
   * Measures the sensitivity of layers, as far as it has not been measured; figures reach the views as they arrive and stay when it
   * is cancelled.
   * @param names all quantizable layers when absent. @param schemes those that a scan tries by itself when absent.
   * @param options.recover steps that choose the codes of candidates, each layer on its own; absent: they are the nearest.
   * @throws whatever the engine says, after the views were told; CancelledError when it was paused.
   */
  async scan(
    names: readonly string[] | undefined,
    schemes: readonly string[] | undefined,
    { recover, ...options }: RecoveringOptions,
  ): Promise<ScanResult> {
    const request = {
      ...this.#runRequest('A scan', recover),
      ...(names && { layers: [...names] }),
      schemes: textsOf(schemes),
    };
    return this.scanned.run({ request, layers: names ?? this.#quantizable() }, options);
  }

  /**
   * Searches the best plan for a goal, with what a scan has measured; plans reach the views as they come.
   * @param schemes to choose from besides float; those that a scan tries by itself when absent.
   * @param options.recover as for a scan; the plans found have them too.
   * @throws whatever the engine says, after the views were told.
   */
  async search(
    goal: SearchGoal,
    schemes: readonly string[] | undefined,
    { recover, ...options }: RecoveringOptions,
  ): Promise<SearchResult> {
    const run = this.#runRequest('A search', recover);
    const summary = this.place.summary();
    if (!summary) throw new InputError('The model has not been read.');
    const metric = searchMetric(goal, outputsOf(summary, run.plan));
    const origin = { revision: this.place.revision(), random: run.calibration.data === 'random' };
    const request = { ...run, goal, schemes: textsOf(schemes), known: this.scanned.measured() };
    const float = { bytes: summary.bytes, bops: null, latencyMs: null };
    return this.searched.run(
      request,
      { metric, float },
      {
        ...options,
        onProgress: (progress) => {
          this.scanned.take(progress, origin);
          if (progress.latencies && origin.revision === this.place.revision()) {
            this.latency.take(progress.latencies, origin.random);
          }
          // There is a front once all candidates were measured.
          if (progress.points) this.scanned.complete(origin);
          options.onProgress?.(progress);
        },
      },
    );
  }

  /**
   * Times every layer in each scheme; the views are told when there are figures.
   * @param schemes those that a scan tries by itself when absent. @throws whatever the engine says.
   */
  async measureLatency(schemes: readonly string[] | undefined, options: CallOptions): Promise<void> {
    const request = { ...this.#runRequest('Measuring latency'), schemes: textsOf(schemes) };
    await this.latency.measure(request, options);
  }

  /** The edit that gives the searched layers the formats of a plan. @throws InputError when there is no such plan. */
  pointEdit(id: number): PlanEdit {
    return searchedEdit(this.place.plan(), this.searched.point(id), this.searched.recipe);
  }

  /** Why a layer hurts in its planned format, or as w8a8 when it is float. Where models may not be run, by its weight alone. */
  explain(layer: string): Promise<LayerExplanation> {
    const plan = this.place.plan();
    const { scheme, ...options } = formatOf(plan, layer);
    const calibration = this.place.mayRun() ? this.place.dataRequest() : undefined;
    const { measured } = this.scanned.view;
    return this.place.engine.call('explain', {
      ...this.place.request(),
      plan,
      layer,
      scheme: scheme === 'float' ? 'w8a8' : formatText({ ...options, scheme }),
      ...(calibration && { calibration }),
      ...(measured && { measured: { metric: measured.metric, candidates: this.#nearest() } }),
    });
  }

  /**
   * Measures with so many samples of the scan slice from now on, and drops figures of fewer: what the cache has of them is not
   * measured again.
   * @returns whether there was anything.
   */
  setSamples(samples: number): boolean {
    if (samples === this.#samples) return false;
    this.#samples = samples;
    return this.forget();
  }

  /** Every measured candidate of a layer, by format. */
  candidatesOf(layer: string): Candidate[] {
    return this.scanned.measured(layer);
  }

  /** Drops what belongs to another model, data or ranges. @returns whether there was anything. */
  forget(): boolean {
    if (this.scanned.isIdle && this.searched.isIdle && this.latency.isIdle) return false;
    this.scanned.forget();
    this.searched.forget();
    this.latency.forget();
    return true;
  }

  /** @param layers whose format has changed. */
  planChanged(layers: readonly string[]): void {
    const recipe = JSON.stringify(this.place.plan().recover);
    const isOther = recipe !== this.#recipe;
    this.#recipe = recipe;
    this.scanned.showAgain(isOther ? this.#quantizable() : layers);
    if (isOther || layers.length > 0) this.searched.planChanged();
  }

  /** Ends what still runs. */
  cancel(): void {
    this.scanned.cancel();
    this.searched.cancel();
    this.latency.cancel();
  }

  #quantizable(): string[] {
    const layers = this.place.summary()?.layers ?? [];
    return layers.filter(({ quantizable }) => quantizable).map(({ name }) => name);
  }

  /** What was measured of codes that are the nearest, which is what explanations are about. */
  #nearest(): Candidate[] {
    return this.scanned.measured().filter(({ recover }) => recover === undefined);
  }

  #runRequest(what: string, recover: readonly RecoverStep[] = []) {
    const calibration = this.place.dataRequest();
    if (!calibration) throw new InputError(`${what} runs the model: choose calibration data first.`);
    const { cache } = this.place;
    return {
      ...this.place.request(),
      plan: withRecover(this.place.plan(), recover, { sequential: false }),
      calibration: { ...calibration, ...(this.#samples !== undefined && { scanSamples: this.#samples }) },
      ...(cache !== undefined && { cache }),
    };
  }
}

function textsOf(schemes: readonly string[] | undefined): string[] {
  return scanFormats(schemes).map(({ text }) => text);
}

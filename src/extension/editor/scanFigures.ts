import { CancelledError, InputError } from '../../core/errors';
import { recoverWord } from '../../core/plan/recover';
import type { RecoverRecipe } from '../../core/plan/types';
import type { Candidate, ScanResult } from '../../core/results';
import { candidateKey, candidateName, scanFormats } from '../../core/scan/formats';
import { errorReplyOf } from '../../engine/engineErrors';
import { scanResumably } from '../../engine/scanResumably';
import type { Progress, ScanRequest } from '../../shared/rpc';
import type { ScanProgress, ScanView } from '../../shared/viewRpc';
import type { CallOptions, SessionEngine } from '../sessionEngine';
import { CandidateTable } from './candidateTable';
import { ScanPace } from './scanPace';

/** What the figures are for and who hears of them. */
export interface ScanPlace {
  readonly engine: SessionEngine;
  /** Of the rows: figures of an older one are of another model or plan. */
  revision(): number;
  /** As `formatText` writes it. */
  plannedFormat(layer: string): string;
  /** Steps of the plan's recipe; undefined: it has none. */
  plannedRecipe(): RecoverRecipe | undefined;
  showScan(view: ScanView): void;
  showCandidates(candidates: readonly Candidate[]): void;
}

/** What a scan is to measure. */
export interface ScanTask {
  readonly request: Omit<ScanRequest, 'known' | 'schemes'> & { readonly schemes: readonly string[] };
  /** Those of the request, or all that it stands for. */
  readonly layers: readonly string[];
}

/** One run of the engine for a task. */
interface Run {
  readonly abort: AbortController;
  /** It is to go on later. */
  pausing: boolean;
}

/** Where figures come from: those of another revision are dropped. */
export interface FigureOrigin {
  readonly revision: number;
  readonly random: boolean;
}

/** The sensitivities of a model's layers, and the scan that measures them. */
export class ScanFigures {
  readonly #table = new CandidateTable();
  #view: ScanView = { running: null, measured: null, error: null };
  #run: Run | undefined;
  #paused: ScanTask | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(private readonly place: ScanPlace) {}

  get view(): ScanView {
    return this.#view;
  }

  /** The one to show of each layer. */
  get candidates(): ReadonlyMap<string, Candidate> {
    return new Map(this.#shown(this.#table.layers).map((candidate) => [candidate.layer, candidate]));
  }

  /** All that was measured, without guesses. @param layer of every layer when absent. */
  measured(layer?: string): Candidate[] {
    return this.#table.measured(layer);
  }

  /** True while the engine works for it, not while it is paused. */
  get running(): boolean {
    return this.#run !== undefined;
  }

  /** True when there is nothing to forget. */
  get isIdle(): boolean {
    return this.#table.isEmpty && this.#view.running === null;
  }

  #shown(layers: readonly string[]): Candidate[] {
    const isCompensated = this.place.plannedRecipe() !== undefined;
    return layers.flatMap(
      (layer) => this.#table.shown(layer, this.place.plannedFormat(layer), isCompensated) ?? [],
    );
  }

  /** Shows layers again whose planned format has changed. */
  showAgain(layers: readonly string[]): void {
    const shown = this.#shown(layers);
    if (shown.length > 0) this.place.showCandidates(shown);
  }

  /** Drops all figures, and ends the scan that would bring more. The views are to get a snapshot. */
  forget(): void {
    this.#table.clear();
    this.#view = { ...this.#view, measured: null, error: null };
    this.cancel();
  }

  /** Ends a scan that runs or is paused. What was measured stays. */
  cancel(): void {
    this.#paused = undefined;
    if (this.#run) {
      this.#run.pausing = false;
      this.#run.abort.abort();
    } else if (this.#view.running) {
      this.#show({ running: null });
    }
  }

  /** Ends what runs, to go on later with what is left. */
  pause(): void {
    if (!this.#run) return;
    this.#run.pausing = true;
    this.#run.abort.abort();
    this.#showPaused();
  }

  /**
   * Goes on with what a pause has left.
   * @returns undefined when nothing is paused.
   * @throws as `run`.
   */
  async resume(options: CallOptions): Promise<ScanResult | undefined> {
    // It may not have stopped yet.
    await this.#ended;
    return this.#paused && this.run(this.#paused, options);
  }

  /**
   * Measures what has not been measured yet; figures are shown as they arrive and stay when it is cancelled.
   * @throws CancelledError when paused, or cancelled before the first figure; else whatever the engine says, after that was shown.
   */
  run(task: ScanTask, options: CallOptions): Promise<ScanResult> {
    const running = this.#runNow(task, options);
    this.#ended = running.catch(() => undefined);
    return running;
  }

  async #runNow(task: ScanTask, { signal, onProgress }: CallOptions): Promise<ScanResult> {
    if (this.#run) throw new InputError('A scan of this model is already running.');
    const run: Run = { abort: new AbortController(), pausing: false };
    const origin = {
      revision: this.place.revision(),
      random: task.request.calibration.data === 'random',
    };
    const stop = (): void => this.cancel();
    signal?.addEventListener('abort', stop);
    this.#paused = undefined;
    this.#run = run;
    const tell = this.#teller(task);
    this.#show({ running: tell({ done: 0, total: 0, message: 'Starting' }), error: null });
    try {
      if (signal?.aborted) throw new CancelledError();
      const request = { ...task.request, schemes: [...task.request.schemes], known: this.#table.measured() };
      const result = await scanResumably(this.place.engine, request, {
        signal: run.abort.signal,
        onProgress: (progress) => {
          this.take(progress, origin);
          const running = tell(progress);
          if (run.pausing) return;
          this.#show({ running });
          onProgress?.(running);
        },
      });
      const { metric, samples, partial } = result;
      this.take({ candidates: result.candidates, measured: { metric, samples } }, origin);
      if (!partial) this.complete(origin);
      else if (run.pausing) throw new CancelledError();
      return result;
    } catch (error) {
      const failure = errorReplyOf(error);
      if (failure.kind !== 'cancelled') this.#view = { ...this.#view, error: failure.message };
      else if (run.pausing) this.#paused = task;
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#run = undefined;
      if (this.#paused) this.#showPaused();
      else this.#show({ running: null });
    }
  }

  /** Takes over figures that a scan or a search reports. What is there when it ends early must be labelled too. */
  take(progress: Pick<Progress, 'candidates' | 'provisional' | 'measured'>, origin: FigureOrigin): void {
    const { candidates = [], provisional = [], measured } = progress;
    if (origin.revision !== this.place.revision()) return;
    if (measured) {
      const { random } = origin;
      this.#view = { ...this.#view, measured: { ...measured, slice: 'scan', partial: true, random } };
    }
    this.showAgain(this.#table.add([...candidates, ...provisional]));
  }

  /** Says of the figures taken over that no more are to come. */
  complete({ revision }: FigureOrigin): void {
    const { measured } = this.#view;
    if (revision !== this.place.revision() || !measured?.partial) return;
    this.#view = { ...this.#view, measured: { ...measured, partial: false } };
    // The end of a scan is shown anyway.
    if (!this.#run) this.#show({});
  }

  /** Makes of each progress of a task what the views show: candidates that are done, and how long the rest will take. */
  #teller({ request, layers }: ScanTask): (progress: Progress) => ScanProgress {
    const formats = scanFormats(request.schemes, { recover: recoverWord(request.plan) });
    const wanted = layers.flatMap((layer) => formats.map((format) => candidateName(layer, format)));
    const left = new Set(wanted.filter((name) => !this.#table.has(name)).map(candidateKey));
    let pace = new ScanPace();
    return ({ total, message, candidates = [], starting }) => {
      // Only a crash has nothing to count: the float model runs again, which is no measuring.
      if (total === 0) pace = new ScanPace();
      for (const candidate of candidates) {
        const key = candidateKey(candidate);
        left.delete(key);
        pace.ends(key);
      }
      if (starting) pace.starts(candidateKey(starting));
      const { perSecond } = pace;
      const secondsLeft = perSecond === null ? null : left.size / perSecond;
      return {
        done: wanted.length - left.size,
        total: wanted.length,
        message,
        perSecond,
        secondsLeft,
        paused: false,
      };
    };
  }

  #showPaused(): void {
    const { running } = this.#view;
    if (!running) return;
    this.#show({
      running: { ...running, message: 'Paused', perSecond: null, secondsLeft: null, paused: true },
    });
  }

  #show(part: Partial<ScanView>): void {
    this.#view = { ...this.#view, ...part };
    this.place.showScan(this.#view);
  }
}

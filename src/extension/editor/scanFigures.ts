import { errorReplyOf } from '../../engine/engineErrors';
import { scanResumably } from '../../engine/scanResumably';
import type { Candidate, ScanResult } from '../../core/results';
import type { Progress, ScanRequest } from '../../shared/rpc';
import type { ScanView } from '../../shared/viewRpc';
import type { SessionEngine } from '../sessionEngine';

/** What the figures are for and who hears of them. */
export interface ScanPlace {
  readonly engine: SessionEngine;
  /** Of the rows: figures of an older one are of another model or plan. */
  revision(): number;
  /** As `formatText` writes it. */
  plannedFormat(layer: string): string;
  showScan(view: ScanView): void;
  showCandidates(candidates: readonly Candidate[]): void;
}

/** The sensitivities of a model's layers, and the scan that measures them. */
export class ScanFigures {
  /** By layer, then by format. */
  #candidates = new Map<string, Map<string, Candidate>>();
  #view: ScanView = { running: null, measured: null, error: null };
  #abort: AbortController | undefined;

  constructor(private readonly place: ScanPlace) {}

  get view(): ScanView {
    return this.#view;
  }

  /** The one to show of each layer. */
  get candidates(): ReadonlyMap<string, Candidate> {
    return new Map(
      [...this.#candidates.keys()].flatMap((layer) => this.#shown(layer).map((one) => [layer, one])),
    );
  }

  /** All that was measured of a layer. */
  of(layer: string): Candidate[] {
    return [...(this.#candidates.get(layer)?.values() ?? [])];
  }

  /** The candidate of the layer's planned format, else of w8a8, else the first; none when nothing was measured. */
  #shown(layer: string): Candidate[] {
    const own = this.#candidates.get(layer);
    const shown =
      own && (own.get(this.place.plannedFormat(layer)) ?? own.get('w8a8') ?? [...own.values()][0]);
    return shown ? [shown] : [];
  }

  /** Shows layers again whose planned format has changed. */
  showAgain(layers: readonly string[]): void {
    const shown = layers.flatMap((layer) => this.#shown(layer));
    if (shown.length > 0) this.place.showCandidates(shown);
  }

  get running(): boolean {
    return this.#view.running !== null;
  }

  /** Drops all figures, tells nobody, and stops the scan that would bring more. */
  forget(): void {
    this.#candidates.clear();
    this.#view = { ...this.#view, measured: null, error: null };
    this.cancel();
  }

  cancel(): void {
    this.#abort?.abort();
  }

  /**
   * Measures; figures are shown as they arrive and stay when it is cancelled.
   * @throws whatever the engine says, after that was shown.
   */
  async run(
    request: ScanRequest,
    options: { signal: AbortSignal; onProgress?: (progress: Progress) => void },
  ): Promise<ScanResult> {
    const random = request.calibration.data === 'random';
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    options.signal.addEventListener('abort', stop);
    this.#abort = abort;
    const revision = this.place.revision();
    this.#show({
      ...this.#view,
      running: { done: 0, total: 0, message: 'Starting', perSecond: null, secondsLeft: null, paused: false },
      error: null,
    });
    try {
      const result = await scanResumably(this.place.engine, request, {
        signal: abort.signal,
        onProgress: (progress) => {
          const { done, total, message } = progress;
          this.#add(revision, progress.candidates ?? []);
          const figures = progress.measured;
          // What is there when it is cancelled or crashes must be labelled too, and stays so.
          if (figures && revision === this.place.revision()) {
            this.#view = { ...this.#view, measured: { ...figures, slice: 'scan', partial: true, random } };
          }
          this.#show({
            ...this.#view,
            running: { done, total, message, perSecond: null, secondsLeft: null, paused: false },
          });
          options.onProgress?.(progress);
        },
      });
      this.#add(revision, result.candidates);
      const { metric, slice, samples, partial } = result;
      const measured = { metric, slice, samples, partial, random };
      if (revision === this.place.revision()) this.#view = { ...this.#view, measured };
      return result;
    } catch (error) {
      const failure = errorReplyOf(error);
      if (failure.kind !== 'cancelled') this.#view = { ...this.#view, error: failure.message };
      throw error;
    } finally {
      options.signal.removeEventListener('abort', stop);
      if (this.#abort === abort) this.#abort = undefined;
      this.#show({ ...this.#view, running: null });
    }
  }

  #add(revision: number, candidates: readonly Candidate[]): void {
    if (revision !== this.place.revision() || candidates.length === 0) return;
    for (const candidate of candidates) {
      const own = this.#candidates.get(candidate.layer) ?? new Map<string, Candidate>();
      this.#candidates.set(candidate.layer, own.set(candidate.scheme, candidate));
    }
    this.showAgain([...new Set(candidates.map(({ layer }) => layer))]);
  }

  #show(view: ScanView): void {
    this.#view = view;
    this.place.showScan(view);
  }
}

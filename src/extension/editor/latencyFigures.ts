import { InputError } from '../../core/errors';
import type { LayerLatencies } from '../../core/latencyResults';
import type { LatencyRequest } from '../../shared/rpc';
import type { LatencyView, LayerLatencyView } from '../../shared/viewRpc';
import type { CallOptions, SessionEngine } from '../sessionEngine';

/** What times are measured for and who hears of it. */
export interface LatencyPlace {
  readonly engine: SessionEngine;
  /** Of the rows: times of an older one are of another model. */
  revision(): number;
  showLatency(view: LatencyView): void;
}

/** What the layers of one model take in each scheme: measured when the user asks for it, or by a search. */
export class LatencyFigures {
  #found: { readonly latencies: LayerLatencies; readonly random: boolean } | undefined;
  #view: LatencyView = { isRunning: false, generation: 0 };
  #abort: AbortController | undefined;

  constructor(private readonly place: LatencyPlace) {}

  get view(): LatencyView {
    return this.#view;
  }

  /** True when there is nothing to forget. */
  get isIdle(): boolean {
    return !this.#view.isRunning && !this.#found;
  }

  /** null: nothing was measured of it. */
  of(layer: string): LayerLatencyView | null {
    const { latencies, random } = this.#found ?? {};
    const found = latencies && Object.hasOwn(latencies.layers, layer) ? latencies.layers[layer] : undefined;
    return found && latencies ? { ...found, modelMs: latencies.modelMs, random: random ?? false } : null;
  }

  /** @throws InputError when it runs already, CancelledError, or whatever the engine says. */
  async measure(request: LatencyRequest, { signal, onProgress }: CallOptions): Promise<void> {
    if (this.#abort) throw new InputError('The latency of this model is already being measured.');
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    signal?.addEventListener('abort', stop);
    this.#abort = abort;
    const revision = this.place.revision();
    this.#show({ isRunning: true });
    try {
      const latencies = await this.place.engine.call('layerLatencies', request, {
        signal: abort.signal,
        ...(onProgress && { onProgress }),
      });
      if (revision === this.place.revision()) this.take(latencies, request.calibration.data === 'random');
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#abort = undefined;
      this.#show({ isRunning: false });
    }
  }

  /** Times that a search brought. @param random the input was made up. */
  take(latencies: LayerLatencies, random: boolean): void {
    this.#found = { latencies, random };
    this.#show({ generation: this.#view.generation + 1 });
  }

  /** Drops all times, and ends what would bring more. The views are to get a snapshot. */
  forget(): void {
    this.#found = undefined;
    this.#view = { ...this.#view, generation: this.#view.generation + 1 };
    this.cancel();
  }

  cancel(): void {
    this.#abort?.abort();
  }

  #show(part: Partial<LatencyView>): void {
    this.#view = { ...this.#view, ...part };
    this.place.showLatency(this.#view);
  }
}

import type { ModelRequest } from '../../shared/rpc';
import type { SessionEngine } from '../sessionEngine';

const NONE: ReadonlyMap<string, string> = new Map();

/** The hashes of a model's weights, computed once per load, so that plan entries name the weight that they were made for. */
export class WeightHashes {
  #hashes = NONE;
  #hashing: Promise<void> | undefined;
  /** Grows with every load of the file: hashes of an older one are of other weights. */
  #load = 0;

  constructor(
    private readonly engine: SessionEngine,
    private readonly known: () => void,
  ) {}

  /** By layer name, as far as known now. */
  get byLayer(): ReadonlyMap<string, string> {
    return this.#hashes;
  }

  /** The weights are others now. */
  reset(): void {
    this.#load++;
    this.#hashes = NONE;
    this.#hashing = undefined;
  }

  /** Never rejects: entries without a hash are valid, and the next call tries again. */
  compute(request: () => ModelRequest): Promise<void> {
    this.#hashing ??= this.#compute(request, this.#load);
    return this.#hashing;
  }

  async #compute(request: () => ModelRequest, load: number): Promise<void> {
    try {
      const { file } = request();
      const hashes = await this.engine.call('weightHashes', { file });
      if (load !== this.#load) return;
      this.#hashes = new Map(Object.entries(hashes));
      this.known();
    } catch {
      if (load === this.#load) this.#hashing = undefined;
    }
  }
}

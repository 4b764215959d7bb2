/** What layers take in each scheme on this machine: plain JSON, like all of results.ts. */

export interface LayerLatencies {
  /** Milliseconds of one run of the float model. */
  modelMs: number;
  /** By layer. */
  layers: Record<string, LayerLatency>;
}

export interface LayerLatency {
  /** Milliseconds of its kernels in the float model; null: none could be told to be its. */
  floatMs: number | null;
  /**
   * Scheme → milliseconds that a run takes longer (below 0: less) with the layer in it. Kernels are measured where all layers have
   * the scheme; half of the conversions that would stand around the layer among float ones are foretold and included.
   */
  extraMs: Record<string, number>;
}

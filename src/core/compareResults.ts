/** What comparing two models layer by layer returns: plain JSON, like all of results.ts. */

/** How far a value is from the same value in the reference. */
export interface ValueDifference {
  /** null: identical. */
  sqnrDb: number | null;
  /** Noise over signal. */
  nmse: number;
  cosine: number | null;
  maxAbs: number;
}

export interface LayerDifference {
  /** As the first model calls it. */
  layer: string;
  op: string;
  /** What is compared: nodes of the unit, the layer first, and the value that it gives to what reads it. */
  a: { nodes: string[]; value: string };
  /** With the nodes of the pairs on its inputs and output. */
  b: { nodes: string[]; value: string };
  /** Both models run from the inputs: with what all layers before it have lost. null: could not be compared. */
  accumulated: ValueDifference | null;
  /** The layer of b alone, fed with what a gives to it. */
  local: ValueDifference | null;
  /** Why one of them is null. */
  reason?: string;
}

export interface LayerComparison {
  a: string;
  /** A file, or the name of a plan. */
  b: string;
  slice: 'verify' | 'all';
  samples: number;
  /** Q/DQ pairs ran as float simulation, so that values inside the model can be seen. */
  simulated: true;
  /** In the order in which a computes them. */
  layers: LayerDifference[];
  unmatched: { a: { layer: string; reason: string }[]; b: { layer: string; reason: string }[] };
}

/** Two models at one output, beyond the figures of `CompareResult`. */
export interface OutputDetails {
  /** Samples (or tokens of them) whose best class changes, at most 500. */
  flips: { sample: number; position?: number; a: number; b: number; label: number | null }[];
  /** Of all score vectors. */
  flipCount: number;
  /** Score vectors that were looked at; 0: the output has no classes, or one per pixel. */
  vectors: number;
  /** The fullest cells of each model, at most 2000; empty without labels. */
  confusion: {
    labelled: number;
    a: { label: number; predicted: number; count: number }[];
    b: { label: number; predicted: number; count: number }[];
  };
  /** Values of a and b at every `stride`-th of all `elements`. */
  points: [number, number][];
  stride: number;
  elements: number;
}

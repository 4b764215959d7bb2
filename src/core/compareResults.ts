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

/** A class with its score as the model gives it. */
export interface ClassScore {
  class: number;
  score: number;
  /** Softmax of logits, or the score of an output of probabilities. */
  probability: number;
}

/** The best classes of both models at one score vector, best first. */
export interface BestClasses {
  a: ClassScore[];
  b: ClassScore[];
}

/** One sample as both models see it. */
export interface SampleOutcome {
  /** Position in the data set. */
  sample: number;
  /** Class; null: none, or one per position. */
  label: number | null;
  /** Of b against a at this output; null: identical. */
  sqnrDb: number | null;
  /** Score vectors (one, or one per token or pixel) and how many of them change their best class; 0: no classes. */
  vectors: number;
  changed: number;
  /** Of the first vector that changes, or the first of all; absent for maps and outputs without classes. */
  best?: BestClasses & { position?: number };
}

/** How often values of b are how far from those of a. */
export interface DifferenceHistogram {
  /** b − a; one more than counts. */
  edges: number[];
  /** Without those that are equal. */
  counts: number[];
  equal: number;
  values: number;
  mean: number;
  standardDeviation: number;
}

/** Score vectors of one label that are taken for another class, by each of two models. */
export interface Mistake {
  label: number;
  predicted: number;
  a: number;
  b: number;
}

/** Two models at one output, beyond the figures of `CompareResult`. */
export interface OutputDetails {
  /** Classes of a score vector; 0: the output has none. */
  classes: number;
  /** Of the classes that are named here, by index, when the data tells. */
  classNames: Record<string, string>;
  /** In the order of the slice; of many the first 2000, and all that are in `flips`. */
  samples: SampleOutcome[];
  /** Samples (or tokens of them) whose best class changes, at most 500. */
  flips: {
    sample: number;
    position?: number;
    a: number;
    b: number;
    label: number | null;
    best: BestClasses;
  }[];
  /** Of all score vectors. */
  flipCount: number;
  /** Score vectors that were looked at; 0: the output has no classes, or one per pixel. */
  vectors: number;
  /** Labels that are taken for other classes: how many kinds there are, and the most frequent 2000, by the model that makes them more often. */
  confusion: { labelled: number; kinds: number; mistakes: Mistake[] };
  /** null: nothing was finite. */
  differences: DifferenceHistogram | null;
  /** Values of a and b at one in about `stride` of all `elements`, at most 2048; the first ones are an even choice of all too. */
  points: [number, number][];
  stride: number;
  elements: number;
}

/** A sample of a data set, for people to look at. */
export interface SampleDescription {
  sample: number;
  /** Class; null: none, or one per position. */
  label: number | null;
  /** Of an image, within the data. */
  file: string | null;
  /** As the model is fed; extremes and mean are null where nothing is a finite number. */
  inputs: {
    name: string;
    dtype: string;
    shape: number[];
    min: number | null;
    max: number | null;
    mean: number | null;
  }[];
  /** A small rendering: of the image file, or of an input that looks like an image. */
  picture: {
    /** `data:image/png;base64,…` */
    url: string;
    width: number;
    height: number;
    /** `input`: its least value is black, its greatest white. */
    of: 'file' | 'input';
  } | null;
  /** Why there is none although one could be seen, in one sentence. */
  whyNoPicture?: string;
}

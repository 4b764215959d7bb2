/** What the inspector shows of one layer's weight: plain JSON, like all of results.ts. No reply is above 1 MB. */
import type { NumberRange } from './results';

/** The middle half and the tails of each channel, in columns. */
export interface ChannelBoxes {
  /** Axis of the stored tensor. */
  axis: number;
  channels: number;
  /** Neighbouring channels that a row stands for, 1 unless there are too many to show. Of several, the box holds all. */
  perRow: number;
  min: number[];
  /** 1st percentile. */
  low: number[];
  median: number[];
  /** 99th percentile. */
  high: number[];
  max: number[];
  /** The channels of greatest magnitude, the greatest first. */
  deciding: DecidingChannel[];
}

/** A channel that decides the range of the whole tensor. */
export interface DecidingChannel {
  channel: number;
  /** Greatest magnitude. */
  magnitude: number;
  /** That of the tensor without this channel and those before it in the list. */
  without: number;
}

/** Symmetric steps at `bits` bits: greatest magnitude / (2^(bits−1) − 1). */
export interface StepSizes {
  bits: number;
  perTensor: number;
  /** By row of the boxes: the largest step of its channels. */
  perChannel: number[];
  /** Rounding noise of one step for all over that of a step per channel, in dB; null: a tensor of zeros. */
  gainDb: number | null;
}

export interface WeightStatistics {
  layer: string;
  /** Value name of the stored tensor. */
  weight: string;
  /** Of the stored tensor. */
  shape: number[];
  /** Stored element type. */
  dtype: string;
  /** `dequantized`: what the stored codes stand for. */
  values: 'stored' | 'dequantized';
  elements: number;
  /**
   * `sampled`: histogram and percentiles are of every `stride`-th element. Extremes, mean, standard deviation, sparsity and
   * kurtosis are of all elements in any case.
   */
  method: 'exact' | 'sampled';
  stride: number;
  /** NaN or infinite; left out of all figures. */
  nonFinite: number;
  /** null, as the others: no element is finite. */
  min: number | null;
  max: number | null;
  mean: number | null;
  standardDeviation: number | null;
  /** Share of exact zeros. */
  sparsity: number | null;
  /** Fourth central moment over the squared variance: 3 for a normal distribution. null: all elements are equal. */
  kurtosis: number | null;
  /** `edges` has one more element than `counts`. */
  histogram: EvenHistogram;
  /** null: the operator has no channels of output. */
  channels: ChannelBoxes | null;
  /** null where `channels` is. */
  steps: StepSizes | null;
  /** Normalizations are folded in, as they are before quantizing; told with a format only. */
  isFolded?: boolean;
  /** The weight in the format that was asked for; absent: in none. */
  format?: FormatUse;
  /** The codes that the file holds; absent: not asked for. */
  stored?: StoredUse;
}

/** Bins of equal width: `edges` has one more element than `counts`. */
export interface EvenHistogram {
  edges: number[];
  counts: number[];
}

/** How often codes occur, and the table that they point into. */
export interface CodesInUse {
  /** null: there are none to count, as for numbers of half precision. */
  codes: {
    possible: number;
    used: number;
    /** The code that `counts` begins with. */
    first: number;
    counts: number[];
  } | null;
  /** null: no table. */
  codebook: {
    /** One per group of channels, at most 16; ascending unless a file has them in another order. */
    tables: number[][];
    /** Of all groups. */
    groups: number;
    /** What the values of a table are multiplied by, per channel; null: by nothing. */
    scales: NumberRange | null;
    /** Of a powers-of-two table, ascending. */
    exponents: number[] | null;
  } | null;
  notes: string[];
}

/** What a file that is quantized already holds for a weight. */
export interface StoredUse extends CodesInUse {
  /** As rows name the format: `int8`, `lut16`. */
  badge: string;
  elements: number;
}

/** Squared error of each channel of a weight in a format, in columns. */
export interface ChannelErrorColumns {
  /** Axis of the stored tensor. */
  axis: number;
  /** Of the weight. */
  channels: number;
  /** Neighbouring channels that a row stands for, 1 unless there are too many to show. */
  perRow: number;
  /** Of each row, its first channel: of an excerpt, rows are not neighbours. */
  first: number[];
  /** Sum of squares of the weight. */
  energy: number[];
  clipping: number[];
  rounding: number[];
}

/** How the values that a format gives differ from the weight: w − Q(w). */
export interface Differences {
  /** Around zero, as far as all but a few differences reach. */
  histogram: EvenHistogram;
  /** How many lie beyond its ends. */
  beyond: number;
  /** The greatest magnitude of all. */
  greatest: number;
}

/** What a format makes of a weight. */
export interface FormatUse extends CodesInUse {
  /** Scheme with options, as the command line takes it. */
  scheme: string;
  bits: number;
  /** `excerpt`: of whole channels, evenly spread. */
  method: 'exact' | 'excerpt';
  /** That were looked at. */
  elements: number;
  sqnrDb: number | null;
  uniqueBefore: number;
  uniqueAfter: number;
  /** null: the operator has no channels of output. */
  channelErrors: ChannelErrorColumns | null;
  differences: Differences;
}

/** A 2-D slice of a weight, for a heat map. */
export interface WeightSlice {
  layer: string;
  /** Value name of the stored tensor. */
  weight: string;
  values: WeightStatistics['values'];
  /** Of the stored tensor. */
  shape: number[];
  /** Those that run down and across. */
  axes: number[];
  /** Position on each of the other axes. */
  index: number[];
  /** Elements of the slice. */
  rows: number;
  columns: number;
  /** Elements that a cell stands for, fewer at the ends. */
  rowsPerCell: number;
  columnsPerCell: number;
  /** How elements become a cell; null: each has its own. */
  reduce: 'mean' | 'maxAbs' | null;
  /** Row by row; null: no element of the cell is finite. */
  cells: (number | null)[][];
  /** Of the elements. null: none is finite. */
  min: number | null;
  max: number | null;
}

/** A node near another one. */
export interface Neighbour {
  /** As rows are named. */
  name: string;
  op: string;
  /** Steps away: below 0 before it, above 0 behind it, 0 the node itself. */
  distance: number;
}

/** A value that one node computes and another reads. */
export interface NeighbourEdge {
  value: string;
  /** null: it comes from outside: an input of the model, of a branch or of a function. */
  from: string | null;
  /** null: it is an output. */
  to: string | null;
  /** null: not even the rank is known. */
  shape: (number | string | null)[] | null;
  /** null: unknown. */
  dtype: string | null;
}

/** What feeds a node and what reads it. */
export interface Neighbourhood {
  layer: string;
  /** By distance on each side, the nearest first. */
  nodes: Neighbour[];
  edges: NeighbourEdge[];
  /** Whether there was room for all. */
  isWhole: boolean;
}

/** A line of Python that ran when a node was exported. */
export interface SourceFrame {
  /** Path as the exporter wrote it: of the machine that it ran on. */
  file: string;
  /** From 1. */
  line: number;
  /** Name of the Python function. */
  function: string;
  /** Text of the line; null: it was not written down. */
  code: string | null;
}

/** Where a node comes from. */
export interface NodeSource {
  layer: string;
  /** Of the user's own code, the innermost call first; of libraries where there is none else. */
  frames: SourceFrame[];
  /** Frames that are left out. */
  others: number;
}

export interface ExportedWeight {
  /** Path of the written file. */
  output: string;
  layer: string;
  weight: string;
  shape: number[];
  /** As NumPy writes it: `<f4`. */
  dtype: string;
  bytes: number;
}

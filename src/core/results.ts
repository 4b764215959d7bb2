/**
 * What the verbs return: the JSON of `--json`, the replies of the engine, and what the view shows.
 * Plain JSON only. A number that can be infinite or unknown is `null` then, never NaN.
 */

import type { BestClasses, OutputDetails } from './compareResults';
import type { RecoverResult } from './recoverResults';

export interface ValueSummary {
  name: string;
  /** Element type, lower case as in onnx.proto. */
  dtype: string;
  /** null per unknown dimension, null as a whole for unknown rank. */
  shape: (number | string | null)[] | null;
}

export interface OutputSummary extends ValueSummary {
  kind: 'logits' | 'probabilities' | 'values';
  classAxis: number | null;
}

export interface WeightSummary {
  name: string;
  shape: number[];
  dtype: string;
  /** sha256: + 16 hex digits of the stored bytes; null until something asked for it. */
  hash: string | null;
}

/** Which parts of a weight have a scale of their own. Axes are those of the stored tensor. */
export type WeightGranularity =
  | { kind: 'per-tensor' }
  | { kind: 'per-channel'; axis: number; scales: number }
  /** One scale per input × output channel of a convolution. */
  | { kind: 'per-kernel'; scales: number }
  /** Groups of channels, each with a codebook of its own. */
  | { kind: 'per-group'; groups: number }
  | { kind: 'blocked'; axis: number; blockSize: number; scales: number };

/** How a weight that is not plain float32 is stored, as far as the graph tells without the payloads. */
export interface StoredFormat {
  /** One word: `int8`, `uint4`, `float16`; `lut16` for a codebook of 16 entries. */
  badge: string;
  /** What stands between the stored codes and the operator. */
  via: 'float' | 'dequantize' | 'codebook' | 'qlinear' | 'matmulnbits' | 'cast';
  /** null: it has no scale. */
  granularity: WeightGranularity | null;
  /** Entries of a table, and bits of a stored index. */
  codebook: { entries: number; bits: number } | null;
}

export interface LayerRow {
  /** Unique, stable; what plans and globs match. */
  name: string;
  /** Group path, outermost first. */
  path: string[];
  /** Position among all nodes of the model, so that layers and nodes can be shown in one order. */
  index?: number;
  op: string;
  weight: WeightSummary | null;
  parameters: number;
  bytes: number;
  macs: number | null;
  quantizable: boolean;
  reason: string | null;
  /** What a row before this one counts already (a weight used twice): sums subtract it. Absent: nothing. */
  shared?: { parameters: number; bytes: number };
  /** Absent: the weight is plain float32, or there is none. */
  stored?: StoredFormat;
  /** Element types of the integers that stand for the inputs and the output; absent where all are float. */
  activations?: { inputs: string[]; output: string | null };
  /** The row whose format this node expresses (Q/DQ, codebook nodes): the folded view hides it. Absent: it computes. */
  foldedInto?: string;
}

/** `count` numbers, such as the scales of a tensor. */
export interface NumberRange {
  count: number;
  min: number;
  max: number;
}

/** The integers that stand for an activation. */
export interface ActivationFormat {
  /** Value name of the integers. */
  value: string;
  dtype: string;
  /** The range is measured in each run. */
  dynamic: boolean;
  /** null, as the zero point: not a constant of the file. */
  scale: NumberRange | null;
  zeroPoint: NumberRange | null;
}

/** The formats of one row in numbers, which are read from the file when asked for. */
export interface QuantizationDetails {
  layer: string;
  /** null: no constant weight, or plain float32. */
  weight:
    | (StoredFormat & {
        /** Stored element type. */
        dtype: string;
        scale: NumberRange | null;
        zeroPoint: NumberRange | null;
        /** The table of a codebook, or those of all groups; at most the first 256 entries. */
        entries: number[] | null;
      })
    | null;
  /** Of the inputs that are not constant and have a format. */
  inputs: ActivationFormat[];
  output: ActivationFormat | null;
}

export interface Problem {
  severity: 'error' | 'warning' | 'info';
  message: string;
  node: string | null;
}

export interface ModelSummary {
  file: string;
  /** Model file and its external data. */
  bytes: number;
  irVersion: number;
  opsets: { domain: string; version: number }[];
  producer: string;
  inputs: ValueSummary[];
  outputs: OutputSummary[];
  parameters: number;
  /** Sum of what is known; null when nothing is. */
  macs: number | null;
  /** Layers whose MACs are unknown. */
  macsUnknown: number;
  /** Symbolic dimensions found and the values used for them. */
  dimensions: Record<string, number | null>;
  layers: LayerRow[];
  /** Nodes without a weight, as rows (scheme auto or float). */
  nodes: LayerRow[];
  problems: Problem[];
}

export interface DataSummary {
  /** Path as given, or `random`. */
  data: string;
  kind: 'npz' | 'npy' | 'images' | 'onnx-test-data' | 'random';
  samples: number;
  slices: { calibrate: number; scan: number; verify: number };
  seed: number;
  inputs: { name: string; dtype: string; shape: number[]; min: number | null; max: number | null }[];
  labels: 'class' | 'pixel' | null;
  /** Float predictions of a few samples, when an output has classes. */
  predictions: { sample: number; output: string; class: number; score: number; label: number | null }[];
  /** Float top-1 on the samples looked at, when there are class labels. */
  accuracy: { samples: number; top1: number } | null;
  /** What the user should know: labels that cannot be read, numbers that the type of an input does not hold. */
  notes: string[];
}

export interface QuantizedLayer {
  name: string;
  scheme: string;
  bits: number;
  signed: boolean;
  granularity: 'per-tensor' | 'per-channel' | 'per-kernel' | 'per-group' | 'blocked';
  /** Elements per scale when blocked, channels per table when per-group. */
  blockSize?: number;
  /** Values in a table of a codebook. */
  entries?: number;
  /** Powers of two in the table of a pow2 scheme, ascending. */
  exponents?: readonly number[];
  /** How the range of an integer weight was chosen: `max`, `mse`, `percentile:99.9`... */
  range?: string;
  /** Its scales were corrected so that rounding does not shrink the weight. */
  gain?: boolean;
  /** What chose the codes of the weight (`gptq`, `inq`, `descent`), where that is not rounding to the nearest. */
  rounding?: string;
  /** How the bias is stored: `float`, `int32`, `u4`, `lut8`... Absent: there is none. */
  bias?: string;
  weightSse: number | null;
  weightSqnrDb: number | null;
  /** Distinct values of the weight; null when nobody asked for them (see `countUnique`). */
  uniqueBefore: number | null;
  uniqueAfter: number | null;
  bytesBefore: number;
  bytesAfter: number;
}

/** What a plan would write, foretold without data. */
export interface PredictResult {
  /** Of the file (a larger one than 2 GiB is written in two). */
  bytes: number;
  /** Of the model and its external data. */
  bytesBefore: number;
  layers: (Pick<
    QuantizedLayer,
    'name' | 'scheme' | 'bits' | 'signed' | 'granularity' | 'blockSize' | 'entries' | 'bias' | 'bytesBefore'
  > & {
    /** Of weight and bias in the written file. */
    bytes: number;
  })[];
  /** What the user should know: layers that would not be written as planned, and why. */
  notes: string[];
}

export interface OutputError {
  name: string;
  /** null: identical, no noise. */
  sqnrDb: number | null;
}

export interface QuantizeResult {
  output: string;
  bytes: { before: number; after: number };
  layers: QuantizedLayer[];
  totals: { quantized: number; float: number; bytesBefore: number; bytesAfter: number };
  /** null when nothing was run: weight-only without data, or no runtime. */
  verification: { slice: 'verify'; samples: number; outputs: OutputError[] } | null;
  /** The data that the ranges came from, and how it was dealt; absent without data. */
  calibration?: { data: string; samples: number; seed: number };
  /** What the plan's recipe to recover accuracy came to; absent: it has none. */
  recovered?: RecoverResult;
  /** What the user should know: entries of the plan that no longer match, layers kept float and why, opset raised... */
  notes: string[];
  seconds: number;
}

export type RewritePass = 'fold-batch-norm' | 'remove-quantization' | 'float16';

export interface RewriteResult {
  output: string;
  pass: RewritePass;
  bytes: { before: number; after: number };
  /** Nodes that were folded, taken back to float, or compute in half precision now. */
  changed: number;
  /** What the user should know: nodes that stayed as they were and why, values that were clamped... */
  notes: string[];
  seconds: number;
}

export interface Candidate {
  layer: string;
  /** Scheme with options, as the command line takes it. */
  scheme: string;
  /** The only part of the format that was measured; absent: all of it. */
  part?: ScanPart;
  /** Steps that chose its codes and bias, each layer on its own (`gptq,bias`); absent: rounded to the nearest. */
  recover?: string;
  /** Change of the model's output, greater is worse; unit is the result's `metric`. null: failed. */
  sensitivity: number | null;
  /** Of the sensitivity, over the samples; null: fewer than two. This and what follows is absent where it failed. */
  standardError?: number | null;
  /** Share of top classes that stay the float model's; null: no output has classes. */
  agreement?: number | null;
  /** SQNR at the model's outputs, by their mean NMSE; null: identical. */
  sqnrDb?: number | null;
  /** Share of right top classes; null: the samples have no labels. */
  accuracy?: number | null;
  /** Samples it was measured on. */
  trials?: number;
  /** SQNR at the layer's own output, dB; null: no noise or failed. */
  localSqnrDb: number | null;
  /** Bytes of the layer in the written file. */
  bytes: number;
  /** A guess from the weight alone (its relative squared error), until the layer is measured. */
  provisional?: true;
  /**
   * With all layers in this format, how much the output improves when this one stays float, in the unit of the sensitivity.
   * Absent: not asked for.
   */
  restoring?: number | null;
  /** `restoring` and `sensitivity` disagree: what the layer costs depends on what else is quantized. */
  interaction?: true;
  /** Why it failed, in one sentence. */
  error?: string;
}

/**
 * What a sensitivity is:
 * - `kl`: KL divergence in nats for outputs with classes, and NMSE for the others, summed over the outputs;
 * - `nmse`: noise over signal, summed over the outputs;
 * - `sqnr`: noise over signal in dB, the mean over the outputs: minus the SQNR;
 * - `accuracy`: share of right top classes that is lost.
 */
export type ScanMetric = 'kl' | 'nmse' | 'sqnr' | 'accuracy';

/**
 * Parts of a format that quantizes activations, to be measured apart:
 * - `weights`: the weight and bias as stored in this format, read by a layer that computes in float;
 * - `activations`: the rounding of what the layer reads and gives, with its weight and bias in float.
 */
export type ScanPart = 'weights' | 'activations';

export interface ScanResult {
  metric: ScanMetric;
  slice: 'scan';
  samples: number;
  /** By layer in the order of the model, then by format as asked for. */
  candidates: Candidate[];
  /** Runs of one candidate on one sample that this scan made; the others were known. */
  trials: number;
  seconds: number;
  /** Until the first trial: ranges, codes, the float pass. */
  preparationSeconds: number;
  trialSeconds: number;
  floatPassSeconds: number;
  /** Of the float model's inputs, outputs and inner values that were kept for the trials, over all samples. */
  keptBytes: number;
  /** True when cancelled: what was measured until then. */
  partial: boolean;
  /** What the user should know: fewer samples than asked for. */
  notes: string[];
}

/** What a layer loses by the format that a preset gave it. */
export interface PresetFigure {
  layer: string;
  /** Scheme with options, as the command line takes it. */
  format: string;
  /** At the layer's output, or of the weight alone when no data told what it is multiplied with. */
  measured: 'output' | 'weight';
  /** null: no error. Of a layer that stays float: what the format would have cost. */
  sqnrDb: number | null;
  /** Of weight and bias in the written file, the bias as it is. */
  bytes: number;
}

export interface CompareResult {
  a: string;
  b: string;
  slice: 'verify' | 'all';
  samples: number;
  outputs: {
    name: string;
    sqnrDb: number | null;
    cosine: number | null;
    maxAbs: number;
    top1?: { agreement: number; a: number | null; b: number | null };
    top5?: { agreement: number; a: number | null; b: number | null };
    pixelAccuracy?: { agreement: number; a: number | null; b: number | null };
    /** Per class, when labels are per pixel. */
    dice?: { a: number[]; b: number[] };
    /** Asked for by --sample K --top N. */
    sample?: BestClasses & { index: number };
    /** Absent for outputs that are not numbers. */
    details?: OutputDetails;
  }[];
  /** Median of interleaved single runs. */
  latencyMs: { a: number; b: number };
  /** Resident memory of a process of its own that loads and runs the model; Node and the runtime are included. */
  peakMemoryBytes: { a: number; b: number };
  bytes: { a: number; b: number };
  /** What zlib's deflate leaves of the files. */
  deflatedBytes: { a: number; b: number };
  /** What the user should know: class names that cannot be read, numbers that the type of an input does not hold. */
  notes: string[];
}

/** What `explain` returns: plain JSON, like all of results.ts. */
import type { ScanMetric } from './results';

/**
 * Why a layer hurts:
 * - `clipping`, `rounding`: of its weight;
 * - `channelSpread`: channels with a scale in common differ much in range;
 * - `activationRange`: few values of an input or the output stretch the range;
 * - `interaction`: it costs more or less than alone when other layers are quantized too;
 * - `propagation`: its own error is small, and the layers behind make it large.
 */
export type CauseKind =
  'clipping' | 'rounding' | 'channelSpread' | 'activationRange' | 'interaction' | 'propagation';

export interface LayerCause {
  kind: CauseKind;
  /** Of the noise that weight, input and output make together, 0 to 1; null where no share can be told. */
  share: number | null;
  /** One sentence with the figures. */
  text: string;
}

/** A format that would do better, by the scan, or by the weight alone where it was not measured. */
export interface LayerRemedy {
  /** Scheme with options, as the command line takes it. */
  scheme: string;
  /** In the unit of the metric; null: not measured. */
  sensitivity: number | null;
  /** Of the weight. null: exact. */
  weightSqnrDb: number | null;
  /** Of the layer in the written file. */
  bytes: number;
  text: string;
}

export interface LayerExplanation {
  layer: string;
  /** The format that is explained. */
  scheme: string;
  /** By the scan; null: not measured. `rank` 1: the worst of `of` layers in this format. */
  measured: {
    metric: ScanMetric;
    sensitivity: number;
    standardError: number | null;
    rank: number;
    of: number;
  } | null;
  weight: {
    sqnrDb: number | null;
    /** Shares of the squared error. */
    clipping: number;
    rounding: number;
    /** Greatest magnitude of the widest channel over that of the median channel. */
    channelSpread: number;
    /** Channels of the output with most of the error, and their shares of it; at most five. */
    worstChannels: { channel: number; share: number }[];
  } | null;
  /** Of the values that the format quantizes; empty for weight-only formats and without calibration data. */
  activations: {
    value: string;
    role: 'input' | 'output';
    sqnrDb: number | null;
    clipping: number;
    rounding: number;
    /** Greatest magnitude over the 99.9th percentile. */
    tail: number;
  }[];
  /** The heaviest first. */
  causes: LayerCause[];
  /** The best first, then `float`, which always helps. */
  remedies: LayerRemedy[];
}

/** What ranges cost one value of a layer: plain JSON, like all of results.ts; some 20 kB. */

/** Which value of a layer. */
export type SplitValue = 'weight' | 'input' | 'output';

/** Clipping against rounding error of one tensor over range thresholds. */
export interface ErrorSplitCurve {
  layer: string;
  /** Value name of the weight or activation. */
  value: string;
  of: SplitValue;
  bits: number;
  /** Element type; null: no type has that many bits, or the values are those of a table. */
  type: string | null;
  /** The codebook scheme whose table the values become; null: integers. */
  table: string | null;
  /**
   * `exact`: of every element. `sampled`: of every `stride`-th and the extremes. `histogram`: of all elements in all samples,
   * which count as spread evenly over their bins.
   */
  method: 'exact' | 'sampled' | 'histogram';
  stride: number;
  /** Calibration samples; null: a weight. */
  samples: number | null;
  random: boolean;
  elements: number;
  /** A range is ±a; otherwise it is what of ±a lies within the extremes, and zero. */
  symmetric: boolean;
  extremes: { min: number; max: number };
  /** The weight as it is quantized is not the one that is stored: normalizations are folded into it. */
  isFolded: boolean;
  /** Why the plan cannot take a range for it; null: it can. */
  whyNotFixed: string | null;
  /** Range thresholds a, ascending, log-spaced; with those of the markers and the one of least error. Empty: all elements are zero. */
  thresholds: number[];
  /** Sum of squared errors at each threshold. */
  clipping: number[];
  rounding: number[];
  /**
   * SQNR of the weight in the plan's format with the range that it chooses by itself; null: it has other codes, there is no
   * error, or it is not known.
   */
  plannedDb: number | null;
  /**
   * The range that the plan fixes, which need not be one of the curve's, with its errors and codes; null: it fixes none of these
   * codes, or all elements are zero.
   */
  planned: { min: number; max: number; clipping: number; rounding: number; codes: number } | null;
  /** Of `possible` codes, how many occur. */
  codes: number[];
  possible: number;
  /** Where the rules put the range. */
  markers: { rule: string; threshold: number }[];
  /** Of magnitudes: edges has one more element than counts. */
  histogram: { edges: number[]; counts: number[] };
  /** Sum of squares of the tensor, so that SQNR can be told. */
  energy: number;
}

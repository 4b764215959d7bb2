import type { MatrixView } from '../calibrate/weightMatrix';

/**
 * Moments of what a layer multiplies its weight with. x̂ are input rows of the model whose earlier layers are quantized
 * already, x the same rows of the float model. Means over `rows` rows of each group of the view.
 */
export interface LayerMoments {
  readonly view: MatrixView;
  /** Rows that were averaged, per group. */
  readonly rows: number;
  /** E[x̂ x̂ᵀ]: [groups · depth · depth], symmetric. */
  readonly second: Float32Array | Float64Array;
  /** E[x̂]: [groups · depth]. */
  readonly mean: Float64Array;
  /** E[x]: [groups · depth]. */
  readonly floatMean: Float64Array;
  /** E[x x̂ᵀ]: [groups · depth · depth], row of x; absent: taken as `second` (the earlier layers' errors are not made up for). */
  readonly cross?: Float32Array | Float64Array;
}

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

/** Moments of all rows that several inputs of one weight have. @param parts of one view; `cross` of all or of none. */
export function joinMoments(parts: readonly LayerMoments[]): LayerMoments {
  const [first, ...others] = parts;
  if (!first) throw new Error('there are no moments to join');
  if (others.length === 0) return first;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const mean = <Values extends Float32Array | Float64Array>(
    valuesOf: (part: LayerMoments) => Values,
  ): Values => {
    const sums = valuesOf(first).slice() as Values;
    sums.fill(0);
    for (const part of parts) {
      const [values, weight] = [valuesOf(part), part.rows / rows];
      for (let at = 0; at < sums.length; at++)
        sums[at] = (sums[at] as number) + weight * (values[at] as number);
    }
    return sums;
  };
  return {
    view: first.view,
    rows,
    second: mean((part) => part.second),
    mean: mean((part) => part.mean),
    floatMean: mean((part) => part.floatMean),
    ...(first.cross && { cross: mean((part) => part.cross ?? part.second) }),
  };
}

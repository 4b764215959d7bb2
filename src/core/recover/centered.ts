import type { LayerMoments } from './moments';

/** Part of a mean square below which a variance is taken for rounding errors of float32. */
const LEAST_VARIANCE = 1e-6;

/**
 * Covariances in the place of second moments: for a layer whose bias will be corrected (`biasDelta`), so that an error in the
 * mean of its output costs nothing. The means stay, as the correction needs them. An element that is always the same has a
 * row and a column of zeros.
 */
export function centered(moments: LayerMoments): LayerMoments {
  const { view, second, mean, floatMean, cross } = moments;
  const { groups, depth } = view;
  const covariance = second.slice();
  const crossCovariance = cross?.slice();
  for (let row = 0; row < groups * depth; row++) {
    const from = Math.floor(row / depth) * depth;
    for (let k = 0; k < depth; k++) {
      const at = row * depth + k;
      const other = mean[from + k] as number;
      covariance[at] = (covariance[at] as number) - (mean[row] as number) * other;
      if (crossCovariance)
        crossCovariance[at] = (crossCovariance[at] as number) - (floatMean[row] as number) * other;
    }
  }
  for (let row = 0; row < groups * depth; row++) {
    const diagonal = row * depth + (row % depth);
    if ((covariance[diagonal] as number) > LEAST_VARIANCE * (second[diagonal] as number)) continue;
    const first = Math.floor(row / depth) * depth;
    for (let k = 0; k < depth; k++) {
      covariance[row * depth + k] = 0;
      covariance[(first + k) * depth + (row % depth)] = 0;
      if (crossCovariance) crossCovariance[(first + k) * depth + (row % depth)] = 0;
    }
  }
  return { ...moments, second: covariance, ...(crossCovariance && { cross: crossCovariance }) };
}

import type { LayerMoments } from './moments';

/** Part of a mean square below which a variance is taken for rounding errors of float32. */
const LEAST_VARIANCE = 1e-6;

/**
 * Covariances in the place of second moments, in the same arrays (those of 4,608 columns take 85 MB each): for a layer whose
 * bias will be corrected (`biasDelta`), so that an error in the mean of its output costs nothing. The means stay, as the
 * correction needs them. An element that is always the same has a row and a column of zeros.
 */
export function centerMoments({ view, second, mean, floatMean, cross }: LayerMoments): void {
  const { groups, depth } = view;
  const isConstant = Array.from({ length: groups * depth }, (_, row) => {
    const square = second[row * depth + (row % depth)] as number;
    return !(square - (mean[row] as number) ** 2 > LEAST_VARIANCE * square);
  });
  for (let row = 0; row < groups * depth; row++) {
    const from = row - (row % depth);
    for (let k = 0; k < depth; k++) {
      const at = row * depth + k;
      const other = mean[from + k] as number;
      const isDead = isConstant[from + k];
      second[at] = isDead || isConstant[row] ? 0 : (second[at] as number) - (mean[row] as number) * other;
      if (cross) cross[at] = isDead ? 0 : (cross[at] as number) - (floatMean[row] as number) * other;
    }
  }
}

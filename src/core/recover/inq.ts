import { asMatrices, forEachColumn } from '../calibrate/weightMatrix';
import { throwIfCancelled } from '../errors';
import type { Work } from '../ports';
import type { WeightGrid } from '../quant/weightGrid';
import { DAMPING } from './factor';
import { FreeWeights } from './freeWeights';
import { roundGreatest } from './greatest';
import type { LayerMoments } from './moments';
import { groupMatrix, type Multiply } from './multiply';

export interface InqOptions {
  /** Ascending to 1: the part of each column's weights that is rounded after each stage. By default 16 equal stages. */
  readonly stages?: readonly number[];
  /** Steps of conjugate gradients after each stage, at most; 20 by default. */
  readonly iterations?: number;
  /** λ as a part of the mean of the diagonal, as in `factorLayer`. */
  readonly damping?: number;
}

export const INQ_STAGES: readonly number[] = Array.from({ length: 16 }, (_, stage) => (stage + 1) / 16);
/** As the paper has them. */
export const INQ_PAPER_STAGES: readonly number[] = [0.5, 0.75, 0.875, 1];

/**
 * Incremental network quantization (Zhou et al. 2017, arXiv:1702.03044) without labels: of each column the greatest weights
 * are rounded to the grid and stay so; then those that are still free move to where the layer's output comes nearest to that
 * of the weights given (instead of training the network), and so on, until all are rounded.
 * @param weights in the order of the stored tensor: those wanted, such as of `floatTarget`.
 * @returns codes in the order of the stored tensor.
 */
export async function roundInq(
  weights: Float32Array,
  grid: WeightGrid,
  { view, second }: LayerMoments,
  multiply: Multiply,
  { stages = INQ_STAGES, iterations = 20, damping = DAMPING }: InqOptions = {},
  work?: Work,
): Promise<Int16Array> {
  const { groups, columns, depth } = view;
  const codes = new Int16Array(weights.length);
  const matrices = asMatrices(weights, view);
  const starts: number[] = [];
  forEachColumn(view, (start) => starts.push(start));
  for (let group = 0; group < groups; group++) {
    const wanted = matrices.subarray(group * columns * depth, (group + 1) * columns * depth);
    const free = new FreeWeights(wanted, groupMatrix(second, group, depth), damping, multiply);
    for (const part of stages) {
      throwIfCancelled(work?.signal);
      for (let column = 0; column < columns; column++) {
        const start = starts[group * columns + column] as number;
        roundGreatest(free, column, Math.ceil(part * depth), (element, value) => {
          const at = start + element * view.depthStep;
          const code = grid.codeOf(at, value);
          codes[at] = code;
          return grid.valueOf(at, code);
        });
      }
      if (part < 1) await free.solve(iterations, work);
    }
  }
  return codes;
}

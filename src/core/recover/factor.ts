import { RoundoffError } from '../errors';
import type { Work } from '../ports';
import { cholesky } from './cholesky';
import type { Compute } from './compute';
import type { LayerMoments } from './moments';
import { dampingOf, diagonalOf, groupMatrix } from './multiply';

/** What is added to the diagonal, as a part of its mean; and how often that is multiplied by ten where it is too little. */
export const DAMPING = 0.01;
const MOST_RAISES = 4;

/**
 * H + λ·I of one group as Fᵀ·F, with its rows and columns in the order in which weights are to be rounded.
 * (The upper triangle R = Fᵀ is what Babai's nearest plane needs of H: the error of a row Δ is ‖Δ·R‖². It is the inverse of
 * GPTQ's U = chol(H⁻¹)ᵀ, so that H need not be inverted.)
 */
export interface Factor {
  readonly depth: number;
  /** F: row-major [depth, depth]; elements above the diagonal mean nothing. */
  readonly values: Float64Array;
  /** order[i]: the element of the input row that stands at i. */
  readonly order: Int32Array;
  /** Elements (not positions) that are 0 in every row: 1. Their rows and columns of H are those of I. */
  readonly dead: Uint8Array;
  /** λ. */
  readonly damping: number;
  /** λ as a part of the mean of the diagonal: what was asked for, or ten, a hundred… times that. */
  readonly dampingPart: number;
}

export interface FactorOptions {
  /** λ as a part of the mean of the diagonal (without its zeros); 0.01 by default. */
  readonly damping?: number;
  /** Elements with the greatest second moment first; by default where a group has several columns. */
  readonly actOrder?: boolean;
}

/**
 * Factors the second moments of every group. λ grows tenfold, up to four times, while a matrix is not positive definite.
 * @throws RoundoffError when a matrix has no factor even so (its numbers are not finite).
 * @throws CancelledError
 */
export async function factorLayer(
  moments: LayerMoments,
  options: FactorOptions,
  compute: Compute,
  work?: Work,
): Promise<Factor[]> {
  const { groups } = moments.view;
  const factors: Factor[] = [];
  for (let group = 0; group < groups; group++) {
    factors.push(await factorGroup(moments, group, options, compute, work));
  }
  return factors;
}

async function factorGroup(
  moments: LayerMoments,
  group: number,
  { damping = DAMPING, actOrder = moments.view.columns > 1 }: FactorOptions,
  compute: Compute,
  work: Work | undefined,
): Promise<Factor> {
  const { depth } = moments.view;
  const second = groupMatrix(moments.second, group, depth);
  const mean = moments.mean.subarray(group * depth, (group + 1) * depth);
  const diagonal = diagonalOf(second);
  const dead = Uint8Array.from(diagonal, (energy, k) => Number(energy === 0 && mean[k] === 0));
  const order = Int32Array.from({ length: depth }, (_, k) => k);
  if (actOrder) order.sort((a, b) => (diagonal[b] ?? 0) - (diagonal[a] ?? 0) || a - b);
  const values = new Float64Array(depth * depth);
  for (let raise = 0; raise <= MOST_RAISES; raise++) {
    const dampingPart = damping * 10 ** raise;
    const lambda = dampingOf(diagonal, dampingPart);
    gatherReversed(second.values, diagonal, order, lambda, values);
    if (await cholesky(values, depth, compute, work)) {
      flip(values, depth);
      return { depth, values, order, dead, damping: lambda, dampingPart };
    }
  }
  throw new RoundoffError(
    'The second moments of a layer’s inputs have no Cholesky factor: they hold numbers that are not finite.',
  );
}

/**
 * The lower triangle of H + λ·I with positions in descending order. Cholesky's factor of it, with its positions turned
 * round again, is Fᵀ: upper triangular.
 */
function gatherReversed(
  second: Float32Array | Float64Array,
  diagonal: Float64Array,
  order: Int32Array,
  lambda: number,
  into: Float64Array,
): void {
  const depth = order.length;
  for (let row = 0; row < depth; row++) {
    const element = order[depth - 1 - row] as number;
    const from = element * depth;
    for (let column = 0; column < row; column++) {
      into[row * depth + column] = second[from + (order[depth - 1 - column] as number)] as number;
    }
    into[row * depth + row] = (diagonal[element] || 1) + lambda;
  }
}

/** Reflects a lower triangle about the other diagonal: (row, column) ↔ (last − column, last − row). */
function flip(values: Float64Array, size: number): void {
  const last = size - 1;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row && column < last - row; column++) {
      const at = row * size + column;
      const other = (last - column) * size + last - row;
      const kept = values[at] as number;
      values[at] = values[other] as number;
      values[other] = kept;
    }
  }
}

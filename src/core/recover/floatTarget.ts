import { asMatrices, forEachColumn } from '../calibrate/weightMatrix';
import type { Work } from '../ports';
import type { Compute } from './compute';
import type { Factor } from './factor';
import type { LayerMoments } from './moments';
import { groupMatrix, type Multiply } from './multiply';
import { solveSymmetric } from './solve';

/**
 * The weights w* that come nearest to the float layer's output when they read what quantized layers computed: the least
 * E[(w·x − w*·x̂)²] + λ·|w − w*|², that is w* = w + w·(C − H)·(H + λ·I)⁻¹ with C = E[x x̂ᵀ] and H = E[x̂ x̂ᵀ]. To these
 * weights, not to w, rounding and refitting are to come near: E[(w·x − ŵ·x̂)²] = (ŵ − w*)·H·(ŵ − w*)ᵀ + what no weights change.
 * @param factors of the same moments, by `factorLayer`.
 * @returns in the order of the stored tensor; `weights` themselves where the moments have no `cross`.
 */
export async function floatTarget(
  weights: Float32Array,
  moments: LayerMoments,
  factors: readonly Factor[],
  multiply: Multiply,
  compute: Compute,
  work?: Work,
): Promise<Float32Array> {
  const { view, second, cross } = moments;
  if (!cross) return weights;
  const { columns, depth } = view;
  const matrices = asMatrices(weights, view);
  const moves: Float64Array[] = [];
  for (const [group, factor] of factors.entries()) {
    const rows = matrices.subarray(group * columns * depth, (group + 1) * columns * depth);
    const difference = differenceOf(
      groupMatrix(cross, group, depth).values,
      groupMatrix(second, group, depth).values,
    );
    const products = await multiply(rows, { size: depth, values: difference });
    moves.push(await solved(products, columns, factor, compute, work));
  }
  const target = weights.slice();
  forEachColumn(view, (start, column, group) => {
    const move = moves[group];
    const { order } = factors[group] ?? {};
    if (!move || !order) throw new RangeError(`no factor for group ${group}`);
    const from = (column - group * columns) * depth;
    for (let i = 0; i < depth; i++) {
      const at = start + (order[i] as number) * view.depthStep;
      target[at] = (target[at] as number) + (move[from + i] as number);
    }
  });
  return target;
}

function differenceOf(a: Float32Array | Float64Array, b: Float32Array | Float64Array): Float32Array {
  // `Float32Array.from` would keep all values in a list first: 0.5 GB of 4,608 columns.
  const difference = new Float32Array(a.length);
  for (let at = 0; at < a.length; at++) difference[at] = (a[at] as number) - (b[at] as number);
  return difference;
}

/** rows · (H + λ·I)⁻¹, elements in the order of the factor. */
async function solved(
  rows: Float32Array,
  count: number,
  { depth, values, order }: Factor,
  compute: Compute,
  work: Work | undefined,
): Promise<Float64Array> {
  const ordered = new Float64Array(rows.length);
  for (let row = 0; row < count; row++) {
    const from = row * depth;
    for (let i = 0; i < depth; i++) ordered[from + i] = rows[from + (order[i] as number)] as number;
  }
  await solveSymmetric({ values: ordered, start: 0, step: depth }, count, values, depth, compute, work);
  return ordered;
}

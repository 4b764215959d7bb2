import { throwIfCancelled } from '../errors';
import type { Work } from '../ports';
import type { Compute } from './compute';
import { moved, type Panel, solveRows, transposed } from './products';

const BLOCK = 96;

/**
 * rows ← rows · (Fᵀ·F)⁻¹, in their place, with F lower triangular, row-major [size, size] (a `Factor`): each row x is
 * replaced by the solution y of Fᵀ·F·y = x. Backward with Fᵀ, then forward with F, by blocks of 96 columns.
 * @throws CancelledError
 */
export async function solveSymmetric(
  rows: Panel,
  count: number,
  factor: Float64Array,
  size: number,
  compute: Compute,
  work?: Work,
): Promise<void> {
  const triangle: Panel = { values: factor, start: 0, step: size };
  for (let to = size; to > 0;) {
    throwIfCancelled(work?.signal);
    const from = Math.floor((to - 1) / BLOCK) * BLOCK;
    const width = to - from;
    const flipped = transposed(moved(triangle, from, 0), width, to);
    const solved = moved(rows, 0, from);
    solveBackward(solved, moved(flipped, from, 0), count, width);
    if (from > 0) await compute.subtractProducts(rows, solved, flipped, count, from, width);
    to = from;
  }
  for (let from = 0; from < size; from += BLOCK) {
    throwIfCancelled(work?.signal);
    const width = Math.min(BLOCK, size - from);
    const own = moved(rows, 0, from);
    if (from > 0) await compute.subtractProducts(own, rows, moved(triangle, from, 0), count, width, from);
    solveRows(own, moved(triangle, from, from), count, width);
  }
}

/** Each row x is replaced by the solution y of U·y = x, with the upper triangle U [width, width]. */
function solveBackward(rows: Panel, { values, start, step }: Panel, count: number, width: number): void {
  for (let row = 0; row < count; row++) {
    const at = rows.start + row * rows.step;
    for (let column = width - 1; column >= 0; column--) {
      const diagonal = start + column * step + column;
      let rest = rows.values[at + column] as number;
      for (let k = 1; column + k < width; k++) {
        rest -= (rows.values[at + column + k] as number) * (values[diagonal + k] as number);
      }
      rows.values[at + column] = rest / (values[diagonal] as number);
    }
  }
}

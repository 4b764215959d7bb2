import { throwIfCancelled } from '../errors';
import type { Work } from '../ports';
import type { Compute } from './compute';
import { dot, moved, type Panel, solveRows } from './products';

/** Columns that are factored together. */
const BLOCK = 96;

/**
 * Cholesky's factor of a symmetric matrix, in its place: the lower triangle, row-major [size, size], of L with L·Lᵀ = matrix.
 * Elements above the diagonal are neither read nor kept. Left-looking by blocks of 96 columns: all but n² · 48 of the n³/6
 * products are those of `compute`.
 * @returns false when a pivot is not positive: the lower triangle is spoilt then.
 * @throws CancelledError
 */
export async function cholesky(
  matrix: Float64Array,
  size: number,
  compute: Compute,
  work?: Work,
): Promise<boolean> {
  for (let from = 0; from < size; from += BLOCK) {
    throwIfCancelled(work?.signal);
    const width = Math.min(BLOCK, size - from);
    const diagonal: Panel = { values: matrix, start: from * size + from, step: size };
    const left: Panel = { values: matrix, start: from * size, step: size };
    if (from > 0) await compute.subtractProducts(diagonal, left, left, size - from, width, from);
    if (!factorBlock(diagonal, width)) return false;
    solveRows(moved(diagonal, width, 0), diagonal, size - from - width, width);
  }
  return true;
}

function factorBlock({ values, start, step }: Panel, width: number): boolean {
  for (let row = 0; row < width; row++) {
    const at = start + row * step;
    for (let column = 0; column < row; column++) {
      const other = start + column * step;
      const rest = (values[at + column] as number) - dot(values, at, values, other, column);
      values[at + column] = rest / (values[other + column] as number);
    }
    const pivot = (values[at + row] as number) - dot(values, at, values, at, row);
    if (!(pivot > 0 && pivot < Infinity)) return false;
    values[at + row] = Math.sqrt(pivot);
  }
  return true;
}

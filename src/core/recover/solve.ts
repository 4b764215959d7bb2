import { throwIfCancelled } from '../errors';
import type { Work } from '../ports';
import type { Compute } from './compute';
import { moved, type Panel, solveRows, transposed } from './products';

/** Columns that are solved without dividing them. */
const BLOCK = 64;

/**
 * rows ← rows · (Fᵀ·F)⁻¹, in their place, with F lower triangular, row-major [size, size] (a `Factor`): each row x is
 * replaced by the solution y of Fᵀ·F·y = x. Backward with Fᵀ, then forward with F.
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
  await solveUpper(rows, triangle, count, size, compute, work);
  await solveLower(rows, triangle, count, size, compute, work);
}

/** rows ← rows · L⁻ᵀ with the lower triangle L [width, width]: each row x is replaced by the solution y of L·y = x. */
export async function solveLower(
  rows: Panel,
  triangle: Panel,
  count: number,
  width: number,
  compute: Compute,
  work?: Work,
): Promise<void> {
  if (width <= BLOCK) return solveRows(rows, triangle, count, width);
  throwIfCancelled(work?.signal);
  const half = BLOCK * Math.ceil(width / BLOCK / 2);
  const rest = moved(rows, 0, half);
  await solveLower(rows, triangle, count, half, compute, work);
  await compute.subtractProducts(rest, rows, moved(triangle, half, 0), count, width - half, half);
  await solveLower(rest, moved(triangle, half, half), count, width - half, compute, work);
}

/** rows ← rows · L⁻¹: each row x is replaced by the solution y of Lᵀ·y = x. */
async function solveUpper(
  rows: Panel,
  triangle: Panel,
  count: number,
  width: number,
  compute: Compute,
  work: Work | undefined,
): Promise<void> {
  if (width <= BLOCK) return solveBackward(rows, transposed(triangle, width, width), count, width);
  throwIfCancelled(work?.signal);
  const half = BLOCK * Math.ceil(width / BLOCK / 2);
  const rest = moved(rows, 0, half);
  await solveUpper(rest, moved(triangle, half, half), count, width - half, compute, work);
  const turned = transposed(moved(triangle, half, 0), width - half, half);
  await compute.subtractProducts(rows, rest, turned, count, half, width - half);
  await solveUpper(rows, triangle, count, half, compute, work);
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

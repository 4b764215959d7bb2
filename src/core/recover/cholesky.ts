import { throwIfCancelled } from '../errors';
import type { Work } from '../ports';
import type { Compute } from './compute';
import { dot, moved, type Panel } from './products';
import { solveLower } from './solve';

/** Columns that are factored without dividing them. */
const BLOCK = 64;
/** Columns of a symmetric difference that are computed together: what stands above the diagonal in them is for nothing. */
const STRIP = 768;

/**
 * Cholesky's factor of a symmetric matrix, in its place: the lower triangle, row-major [size, size], of L with L·Lᵀ = matrix.
 * Elements above the diagonal mean nothing, before or after. Each matrix is divided in halves: so nearly all is products of
 * matrices, most of them large.
 * @returns false when a pivot is not positive: the matrix is spoilt then.
 * @throws CancelledError
 */
export function cholesky(
  matrix: Float64Array,
  size: number,
  compute: Compute,
  work?: Work,
): Promise<boolean> {
  return factor({ values: matrix, start: 0, step: size }, size, compute, work);
}

async function factor(
  panel: Panel,
  size: number,
  compute: Compute,
  work: Work | undefined,
): Promise<boolean> {
  if (size <= BLOCK) return factorBlock(panel, size);
  throwIfCancelled(work?.signal);
  const half = BLOCK * Math.ceil(size / BLOCK / 2);
  if (!(await factor(panel, half, compute, work))) return false;
  const rest = size - half;
  const below = moved(panel, half, 0);
  await solveLower(below, panel, rest, half, compute, work);
  const corner = moved(panel, half, half);
  for (let from = 0; from < rest; from += STRIP) {
    const rows = moved(below, from, 0);
    const width = Math.min(STRIP, rest - from);
    await compute.subtractProducts(moved(corner, from, from), rows, rows, rest - from, width, half);
  }
  return factor(corner, rest, compute, work);
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

import { dot, moved, type Panel, solveRows, subtractProducts } from './products';

/** Columns that are factored together. */
const BLOCK = 96;

/**
 * Cholesky's factor of a symmetric matrix, in its place: the lower triangle, row-major [size, size], of L with L·Lᵀ = matrix.
 * Elements above the diagonal are neither read nor written. Left-looking by blocks of 96 columns: all but n² · 48 of the n³/6
 * products are those of `subtractProducts`.
 * @returns false when a pivot is not positive: the lower triangle is spoilt then.
 */
export function cholesky(matrix: Float64Array, size: number): boolean {
  for (let from = 0; from < size; from += BLOCK) {
    const width = Math.min(BLOCK, size - from);
    const diagonal: Panel = { values: matrix, start: from * size + from, step: size };
    // Also above the diagonal of the block, which the lower triangle needs no more: kept, to be put back.
    const above = takeAbove(diagonal, width);
    const left: Panel = { values: matrix, start: from * size, step: size };
    subtractProducts(diagonal, left, left, size - from, width, from);
    putAbove(diagonal, width, above);
    if (!factorBlock(diagonal, width)) return false;
    solveRows(moved(diagonal, width, 0), diagonal, size - from - width, width);
  }
  return true;
}

function takeAbove({ values, start, step }: Panel, width: number): Float64Array {
  const kept = new Float64Array(width * width);
  for (let row = 0; row < width; row++) {
    kept.set(
      values.subarray(start + row * step + row + 1, start + row * step + width),
      row * width + row + 1,
    );
  }
  return kept;
}

function putAbove({ values, start, step }: Panel, width: number, kept: Float64Array): void {
  for (let row = 0; row < width; row++) {
    values.set(kept.subarray(row * width + row + 1, (row + 1) * width), start + row * step + row + 1);
  }
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

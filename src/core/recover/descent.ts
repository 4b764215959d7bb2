import { asMatrices, forEachColumn } from '../calibrate/weightMatrix';
import { throwIfCancelled } from '../errors';
import type { Work } from '../ports';
import type { WeightGrid } from '../quant/weightGrid';
import { DAMPING } from './factor';
import type { LayerMoments } from './moments';
import { dampingOf, diagonalOf, groupMatrix, type Multiply, type SquareMatrix } from './multiply';

/** Columns between which a cancel is seen. */
const CHUNK = 256;
/** Part of d²·H_kk by which a change must lower the error: less may be rounding. */
const LEAST_GAIN = 1e-4;

export interface DescentOptions {
  /** Times that all elements of a column are tried, at most; 5 by default. */
  readonly sweeps?: number;
  /** λ as a part of the mean of the diagonal, as in `factorLayer`. */
  readonly damping?: number;
}

/**
 * Coordinate descent on Δ·(H + λ·I)·Δᵀ, Δ = ŵ − w: each element in turn goes to the next value above or below where that lowers
 * the error, until none does. The grid's codes must ascend or descend with their values.
 * @param weights in the order of the stored tensor: those wanted, such as of `floatTarget`.
 * @param codes to begin with, in the same order.
 * @returns codes with an error that is no greater.
 */
export async function descend(
  weights: Float32Array,
  codes: Int16Array,
  grid: WeightGrid,
  { view, second }: LayerMoments,
  multiply: Multiply,
  { sweeps = 5, damping = DAMPING }: DescentOptions = {},
  work?: Work,
): Promise<Int16Array> {
  const { groups, columns, depth, depthStep } = view;
  const chosen = codes.slice();
  const errors = asMatrices(
    weights.map((weight, at) => grid.valueOf(at, codes[at] as number) - weight),
    view,
  );
  const starts: number[] = [];
  forEachColumn(view, (start) => starts.push(start));
  for (let group = 0; group < groups; group++) {
    const matrix = groupMatrix(second, group, depth);
    const diagonal = diagonalOf(matrix);
    const lambda = dampingOf(diagonal, damping);
    for (let from = 0; from < columns; from += CHUNK) {
      throwIfCancelled(work?.signal);
      const first = group * columns + from;
      const last = group * columns + Math.min(columns, from + CHUNK);
      const rows = errors.subarray(first * depth, last * depth);
      const slopes = await multiply(rows, matrix);
      for (let column = first; column < last; column++) {
        const base = (column - first) * depth;
        const row: Row = {
          error: Float64Array.from(rows.subarray(base, base + depth)),
          slope: Float64Array.from(slopes.subarray(base, base + depth)),
          start: starts[column] as number,
          depthStep,
        };
        descendRow(row, chosen, grid, matrix, diagonal, lambda, sweeps);
      }
    }
  }
  return chosen;
}

interface Row {
  /** Δ, and Δ·H, which changes with it. */
  readonly error: Float64Array;
  readonly slope: Float64Array;
  /** Where its elements stand in the tensor. */
  readonly start: number;
  readonly depthStep: number;
}

function descendRow(
  { error, slope, start, depthStep }: Row,
  codes: Int16Array,
  grid: WeightGrid,
  { size, values }: SquareMatrix,
  diagonal: Float64Array,
  lambda: number,
  sweeps: number,
): void {
  for (let sweep = 0, isChanged = true; sweep < sweeps && isChanged; sweep++) {
    isChanged = false;
    for (let k = 0; k < size; k++) {
      const at = start + k * depthStep;
      const code = codes[at] as number;
      const curvature = (diagonal[k] as number) + lambda;
      const gradient = (slope[k] as number) + lambda * (error[k] as number);
      // Only a step against the gradient can lower the error.
      const end = grid.codeOf(at, gradient > 0 ? -Infinity : Infinity);
      if (code === end) continue;
      const next = end > code ? code + 1 : code - 1;
      const step = grid.valueOf(at, next) - grid.valueOf(at, code);
      if (!(step * (2 * gradient + step * curvature) < -LEAST_GAIN * step * step * curvature)) continue;
      codes[at] = next;
      error[k] = (error[k] as number) + step;
      const from = k * size;
      for (let j = 0; j < size; j++) slope[j] = (slope[j] as number) + step * (values[from + j] as number);
      isChanged = true;
    }
  }
}

import { throwIfCancelled } from '../errors';
import type { Work } from '../ports';
import { dampingOf, diagonalOf, type Multiply, type SquareMatrix } from './multiply';

/** A row is solved when its residual has fallen to this part of what it was: its square. */
const SOLVED = 1e-8;

/** Rows of weights [rows, size], some of which may still move: those that are fixed make errors, the others make up for them. */
export class FreeWeights {
  readonly size: number;
  readonly values: Float32Array;
  /** 1 for each weight that may move. */
  readonly isFree: Uint8Array;
  private readonly lambda: number;
  /** 1 / diagonal of H + λ·I. */
  private readonly inverse: Float64Array;

  /** @param wanted what the rows should be. @param damping λ as a part of the mean of H's diagonal. */
  constructor(
    private readonly wanted: Float32Array,
    private readonly second: SquareMatrix,
    damping: number,
    private readonly multiply: Multiply,
  ) {
    this.size = second.size;
    this.values = wanted.slice();
    this.isFree = new Uint8Array(wanted.length).fill(1);
    const diagonal = diagonalOf(second);
    this.lambda = dampingOf(diagonal, damping);
    this.inverse = diagonal.map((energy) => 1 / (energy + this.lambda || 1));
  }

  /**
   * Moves the free weights to the least Δ·(H + λ·I)·Δᵀ with Δ = values − wanted: conjugate gradients on the free elements of
   * all rows at once (each has steps of its own), with the diagonal as preconditioner. One product of matrices a step, of the
   * rows that are not solved yet.
   */
  async solve(steps: number, work?: Work): Promise<void> {
    const { values, wanted, size } = this;
    const count = values.length / size;
    const missing = new Float32Array(values.length);
    for (let at = 0; at < missing.length; at++) missing[at] = (wanted[at] as number) - (values[at] as number);
    const residual = await this.multiply(missing, this.second);
    const direction = new Float32Array(values.length);
    const energies = new Float64Array(count);
    for (let row = 0; row < count; row++) energies[row] = this.begin(row, missing, residual, direction);
    const limits = energies.map((energy) => energy * SOLVED);
    let open = Array.from(energies.keys());
    for (let step = 0; step < steps; step++) {
      throwIfCancelled(work?.signal);
      open = open.filter((row) => (energies[row] as number) > (limits[row] as number));
      if (open.length === 0) return;
      const product = await this.multiply(rowsOf(direction, open, size), this.second);
      for (const [at, row] of open.entries()) {
        energies[row] = this.step(row, energies[row] as number, residual, direction, product, at * size);
      }
    }
  }

  /** Residual and first direction of a row. @returns its energy. */
  private begin(row: number, missing: Float32Array, residual: Float32Array, direction: Float32Array): number {
    const { isFree, inverse, lambda, size } = this;
    let energy = 0;
    for (let k = 0, at = row * size; k < size; k++, at++) {
      const rest = isFree[at] ? (residual[at] as number) + lambda * (missing[at] as number) : 0;
      residual[at] = rest;
      direction[at] = rest * (inverse[k] as number);
      energy += rest * (direction[at] as number);
    }
    return energy;
  }

  /** One step of one row. @param product direction · H, of this row from `from` on. @returns its new energy; 0: it is solved. */
  private step(
    row: number,
    energy: number,
    residual: Float32Array,
    direction: Float32Array,
    product: Float32Array,
    from: number,
  ): number {
    const { values, isFree, inverse, lambda, size } = this;
    const base = row * size;
    let curvature = 0;
    for (let k = 0; k < size; k++) {
      const own = direction[base + k] as number;
      curvature += own * ((product[from + k] as number) + lambda * own);
    }
    if (!(curvature > 0)) return 0;
    const length = energy / curvature;
    let next = 0;
    for (let k = 0; k < size; k++) {
      const at = base + k;
      if (isFree[at] === 0) continue;
      const own = direction[at] as number;
      values[at] = (values[at] as number) + length * own;
      const rest = (residual[at] as number) - length * ((product[from + k] as number) + lambda * own);
      residual[at] = rest;
      next += rest * rest * (inverse[k] as number);
    }
    const turn = next / energy;
    for (let k = 0; k < size; k++) {
      const at = base + k;
      direction[at] = (residual[at] as number) * (inverse[k] as number) + turn * (direction[at] as number);
    }
    return next;
  }
}

/** Some rows, in a new array; all of them as they are. */
function rowsOf(values: Float32Array, rows: readonly number[], size: number): Float32Array {
  if (rows.length * size === values.length) return values;
  const some = new Float32Array(rows.length * size);
  for (const [at, row] of rows.entries()) some.set(values.subarray(row * size, (row + 1) * size), at * size);
  return some;
}

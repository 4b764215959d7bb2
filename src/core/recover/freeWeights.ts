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
   * all rows at once (each has steps of its own), with the diagonal as preconditioner. One product of matrices a step.
   */
  async solve(steps: number, work?: Work): Promise<void> {
    const { values, wanted, size, inverse } = this;
    const count = values.length / size;
    const residual = await this.times(wanted.map((value, at) => value - (values[at] as number)));
    const direction = residual.map((value, at) => value * (inverse[at % size] as number));
    const energies = rowDots(residual, direction, size);
    const limits = energies.map((energy) => energy * SOLVED);
    for (let step = 0; step < steps; step++) {
      throwIfCancelled(work?.signal);
      if (energies.every((energy, row) => !(energy > (limits[row] as number)))) return;
      const product = await this.times(direction);
      const curvatures = rowDots(direction, product, size);
      for (let row = 0; row < count; row++) {
        const energy = energies[row] as number;
        const curvature = curvatures[row] as number;
        if (!(energy > (limits[row] as number)) || !(curvature > 0)) continue;
        energies[row] = this.step(row, energy / curvature, energy, residual, direction, product);
      }
    }
  }

  /** One step of one row. @returns its new energy. */
  private step(
    row: number,
    length: number,
    energy: number,
    residual: Float32Array,
    direction: Float32Array,
    product: Float32Array,
  ): number {
    const { values, inverse, size } = this;
    const base = row * size;
    let next = 0;
    for (let k = 0; k < size; k++) {
      const at = base + k;
      values[at] = (values[at] as number) + length * (direction[at] as number);
      const rest = (residual[at] as number) - length * (product[at] as number);
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

  /** rows · (H + λ·I), 0 where weights are fixed. */
  private async times(rows: Float32Array): Promise<Float32Array> {
    const { isFree, lambda } = this;
    const product = await this.multiply(rows, this.second);
    return product.map((value, at) => (isFree[at] ? value + lambda * (rows[at] as number) : 0));
  }
}

function rowDots(a: Float32Array, b: Float32Array, size: number): Float64Array {
  const sums = new Float64Array(a.length / size);
  for (let row = 0, at = 0; row < sums.length; row++) {
    let sum = 0;
    for (let k = 0; k < size; k++, at++) sum += (a[at] as number) * (b[at] as number);
    sums[row] = sum;
  }
  return sums;
}

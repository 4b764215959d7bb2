import { cholesky } from './cholesky';
import { type Panel, subtractProducts } from './products';
import { solveSymmetric } from './solve';

/** What one factorization works on. */
export interface CholeskyJob {
  /** Row-major [size, size]; its lower triangle is replaced. */
  readonly matrix: Float64Array;
  readonly size: number;
}

/** target −= a · bᵀ: see `subtractProducts`. */
export interface ProductsJob {
  readonly target: Panel;
  readonly a: Panel;
  readonly b: Panel;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** rows ← rows · (Fᵀ·F)⁻¹: see `solveSymmetric`. */
export interface SolveJob {
  readonly rows: Panel;
  readonly count: number;
  readonly factor: Float64Array;
  readonly size: number;
}

/**
 * The arithmetic that a `Compute` may do elsewhere. Jobs work on arrays in their places, which its `take` gave, and return
 * little.
 */
export const computeJobs = {
  /** @returns false where the matrix is not positive definite. */
  cholesky: ({ matrix, size }: CholeskyJob): boolean => cholesky(matrix, size),
  products: ({ target, a, b, rows, columns, depth }: ProductsJob): void =>
    subtractProducts(target, a, b, rows, columns, depth),
  solve: ({ rows, count, factor, size }: SolveJob): void => solveSymmetric(rows, count, factor, size),
};

export type ComputeJobs = typeof computeJobs;
export type JobName = keyof ComputeJobs;
export type JobInput<J extends JobName> = Parameters<ComputeJobs[J]>[0];
export type JobOutput<J extends JobName> = ReturnType<ComputeJobs[J]>;

import { type Panel, subtractProducts } from './products';

/** target −= a · bᵀ, with `a` [rows, depth], `b` [columns, depth] and `target` [rows, columns], which overlaps neither. */
export type SubtractProducts = (
  target: Panel,
  a: Panel,
  b: Panel,
  rows: number,
  columns: number,
  depth: number,
) => Promise<void>;

/** What does most of the arithmetic of factorizations: the runtime, or the caller's own thread. */
export interface Compute {
  readonly subtractProducts: SubtractProducts;
}

/** In the caller's thread: for small matrices and tests. */
export const computeHere: Compute = {
  subtractProducts: async (...product) => subtractProducts(...product),
};

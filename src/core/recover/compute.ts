import { subtractProducts } from './products';

/** As `subtractProducts`: target −= a · bᵀ. */
export type SubtractProducts = (...product: Parameters<typeof subtractProducts>) => Promise<void>;

/** What does most of the arithmetic of factorizations: the runtime, or the caller's own thread. */
export interface Compute {
  readonly subtractProducts: SubtractProducts;
}

/** In the caller's thread: for small matrices and tests. */
export const computeHere: Compute = {
  subtractProducts: async (...product) => subtractProducts(...product),
};

import { subtractProducts, transposed } from './products';

/** A matrix that many rows are multiplied by; an implementation may remember it by its identity. */
export interface SquareMatrix {
  readonly size: number;
  /** Row-major [size, size]. */
  readonly values: Float32Array | Float64Array;
}

/** rows · matrix: [count, size], rows of as many elements. */
export type Multiply = (rows: Float32Array, matrix: SquareMatrix) => Promise<Float32Array>;

/** In the caller's thread: for small matrices and tests. */
export const multiplyHere: Multiply = async (rows, { size, values }) => {
  const count = rows.length / size;
  const sums = new Float64Array(rows.length);
  subtractProducts(
    { values: sums, start: 0, step: size },
    { values: Float64Array.from(rows), start: 0, step: size },
    transposed({ values, start: 0, step: size }, size, size),
    count,
    size,
    size,
  );
  return Float32Array.from(sums, (sum) => -sum);
};

/** Of one group: [groups, size, size]. */
export function groupMatrix(values: Float32Array | Float64Array, group: number, size: number): SquareMatrix {
  return { size, values: values.subarray(group * size * size, (group + 1) * size * size) };
}

export function diagonalOf({ size, values }: SquareMatrix): Float64Array {
  return Float64Array.from({ length: size }, (_, k) => values[k * size + k] ?? 0);
}

/** λ as a part of the mean of a diagonal without its zeros. */
export function dampingOf(diagonal: Float64Array, part: number): number {
  const live = diagonal.filter((energy) => energy > 0);
  return (part * live.reduce((sum, energy) => sum + energy, 0)) / Math.max(1, live.length);
}

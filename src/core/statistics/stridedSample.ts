/**
 * Least stride that leaves at most `most` elements and shares no factor with the sizes, so that all channels and positions
 * are met evenly.
 */
export function sampleStride(elements: number, most: number, dims: readonly number[]): number {
  let stride = Math.max(1, Math.ceil(elements / most));
  while (stride > 1 && dims.some((size) => greatestCommonDivisor(size, stride) > 1)) stride++;
  return stride;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Every `stride`-th element of a tensor that is read block by block, from the first on. */
export class StridedSample {
  readonly values: Float32Array;

  constructor(
    elements: number,
    private readonly stride: number,
  ) {
    this.values = new Float32Array(Math.ceil(elements / stride));
  }

  /** @param start position of the block's first element. */
  add(block: Float32Array, start: number): void {
    const { values, stride } = this;
    if (stride === 1) {
      values.set(block, start);
      return;
    }
    for (let at = Math.ceil(start / stride); at * stride < start + block.length; at++) {
      values[at] = block[at * stride - start] as number;
    }
  }
}

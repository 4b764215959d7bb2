import { encodeFloat16 } from '../../core/onnx/floats';
import type { RuntimeData } from '../../core/ports';
import type { StoredArray } from './arrayFile';

/** The largest number of float16; what is below half a step above it still rounds to it. */
const LARGEST = 65_504;
const ROUNDS_TO_LARGEST = 65_520;

/** float32 numbers as the bits of the nearest float16, ties to even; finite ones beyond its range become its ends. */
export class HalfArray implements StoredArray {
  readonly type = 'float16';
  readonly dims: readonly number[];
  /** Slices that were read and held numbers beyond the range. */
  private readonly clamped = new Set<number>();

  /** @param array of float32. */
  constructor(private readonly array: StoredArray) {
    this.dims = array.dims;
  }

  /** How many slices that were read so far held numbers beyond the range. */
  get clampedSlices(): number {
    return this.clamped.size;
  }

  async slices(start: number, count: number): Promise<RuntimeData> {
    const values = (await this.array.slices(start, count)) as Float32Array;
    let isClamped = false;
    const bits = Uint16Array.from(values, (value) => {
      if (Math.abs(value) < ROUNDS_TO_LARGEST || !Number.isFinite(value)) return encodeFloat16(value);
      isClamped = true;
      return encodeFloat16(Math.sign(value) * LARGEST);
    });
    if (isClamped) this.clamped.add(start);
    return bits;
  }
}

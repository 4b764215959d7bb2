/**
 * Scale and zero point, number for number as ONNX Runtime's Python tool computes them: the range is subtracted in float32,
 * scale and zero point come from float64. (Codes: integerWeight.ts.)
 */
import { InputError } from '../errors';
import { codeRange } from './integerTypes';
import type { IntegerTypeName, QuantParams, Range } from './scheme';

const SMALLEST_NORMAL_FLOAT32 = 2 ** -126;

export interface QuantParamsOptions {
  /** Zero at the middle code: the range becomes ±max(|min|, |max|). */
  readonly symmetric: boolean;
  readonly reduceRange?: boolean;
  /** Least width of the range; only its upper end moves. */
  readonly minimumRealRange?: number;
  /** Element type that the scale is stored in. */
  readonly scaleType?: 'float32' | 'float16';
  /**
   * As the tool does for blocks: the zero point follows from the scale as stored, not from the exact one, and symmetric zeros
   * have the zero point of all others.
   */
  readonly asBlock?: boolean;
}

/**
 * Scale and zero point for values in `range`, which is widened to contain 0.
 *
 * A float16 range is computed in float32 and only the scale is rounded to float16. (The tool computes in float16
 * and takes every scale below 6.1e-5 for zero, which turns small weights into zeros.)
 * @throws InputError for a range that is not finite, and for a scale that float16 cannot hold.
 */
export function computeQuantParams(
  range: Range,
  type: IntegerTypeName,
  { symmetric, reduceRange, minimumRealRange, scaleType, asBlock }: QuantParamsOptions,
): QuantParams {
  if (!Number.isFinite(range.min) || !Number.isFinite(range.max)) {
    throw new InputError(
      `A range of ${range.min} to ${range.max} cannot be quantized: the values contain NaN or infinity.`,
    );
  }
  let min = Math.fround(Math.min(range.min, 0));
  let max = Math.fround(Math.max(range.max, 0));
  if (minimumRealRange !== undefined) {
    max = Math.max(max, Math.fround(min + Math.fround(minimumRealRange)));
  }
  if (symmetric) {
    max = Math.max(-min, max);
    min = -max;
  }
  const [codeMin, codeMax] = codeRange(type, { symmetric, reduceRange });
  // min and max are finite, but their float32 difference may not be.
  const width = Math.fround(max - min);
  const scale = (Number.isFinite(width) ? width : max - min) / (codeMax - codeMin);
  const middle = roundHalfEven((codeMin + codeMax) / 2);
  if (scale < SMALLEST_NORMAL_FLOAT32) return { scale: 1, zeroPoint: symmetric && asBlock ? middle : 0 };
  const stored = storedScale(scale, scaleType);
  if (symmetric) return { scale: stored, zeroPoint: middle };
  return { scale: stored, zeroPoint: roundHalfEven(codeMin - min / (asBlock ? stored : scale)) };
}

/** The scale as the file holds it. @throws InputError when float16 cannot hold it. */
export function storedScale(scale: number, type: 'float32' | 'float16' = 'float32'): number {
  if (type === 'float32') return Math.fround(scale);
  const half = roundToFloat16(scale);
  if (half === 0 || !Number.isFinite(half)) {
    throw new InputError(
      `A scale of ${scale} is outside float16. Keep this tensor float or use a float32 model.`,
    );
  }
  return half;
}

/** The float16 nearest to `value`, half to even; infinity from 65520 up. */
export function roundToFloat16(value: number): number {
  const magnitude = Math.abs(value);
  if (!(magnitude < 65520)) return Number.isNaN(value) ? NaN : Math.sign(value) * Infinity;
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), -14);
  const step = 2 ** (exponent - 10);
  return magnitude === 0 ? value : roundHalfEven(value / step) * step;
}

// Adding and subtracting 1.5 * 2^52 leaves no room for a fraction: the sum is rounded half to even by the processor.
const ROUNDER = 1.5 * 2 ** 52;

/** `value` to the nearest integer, ties to even; exact for magnitudes below 2^51. Never returns -0. */
export function roundHalfEven(value: number): number {
  return value + ROUNDER - ROUNDER;
}

/** How a tensor divides into slices with parameters of their own: `outer` × `channels` × `inner` elements. */
export interface AxisLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** @param axis may be negative, as in ONNX. @throws RangeError when the tensor has no such axis. */
export function axisLayout(dims: readonly number[], axis: number): AxisLayout {
  const index = axis < 0 ? axis + dims.length : axis;
  const channels = dims[index];
  if (channels === undefined) throw new RangeError(`axis ${axis} of a tensor of rank ${dims.length}`);
  const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1);
  return { outer: product(dims.slice(0, index)), channels, inner: product(dims.slice(index + 1)) };
}

export function notFinite(value: number): InputError {
  return new InputError(`A tensor that contains ${value} cannot be quantized. Keep its layer float.`);
}

/**
 * Linear quantization, number for number as ONNX Runtime's Python tool and its kernels compute it:
 * the range is subtracted in float32, scale and zero point come from float64, values are divided in float32 and
 * rounded half to even.
 */
import { InputError } from '../errors';
import { codeRange, integerType, makeCodes, type Codes } from './integerTypes';
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
  { symmetric, reduceRange, minimumRealRange, scaleType = 'float32' }: QuantParamsOptions,
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
  if (scale < SMALLEST_NORMAL_FLOAT32) return { scale: 1, zeroPoint: 0 };
  const zeroPoint = roundHalfEven(symmetric ? (codeMin + codeMax) / 2 : codeMin - min / scale);
  return { scale: storedScale(scale, scaleType), zeroPoint };
}

function storedScale(scale: number, type: 'float32' | 'float16'): number {
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

/**
 * Codes of `values`: clip(round(value / scale) + zeroPoint) to the full range of `type`.
 * @throws InputError when a value is NaN. Infinities are clipped.
 */
export function quantizeLinear(
  values: Float32Array | readonly number[],
  params: QuantParams,
  type: IntegerTypeName,
): Codes {
  const codes = makeCodes(type, values.length);
  quantizeSpan(Float32Array.from(values), codes, 0, values.length, params, type);
  return codes;
}

/** The real values that `codes` stand for: (code - zeroPoint) * scale in float32. */
export function dequantizeLinear(codes: Codes | Int32Array, params: QuantParams): Float32Array {
  const values = new Float32Array(codes.length);
  dequantizeSpan(codes, values, 0, codes.length, params);
  return values;
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

/**
 * Least and greatest value of each channel (`{0, 0}` when a channel is empty).
 * @throws InputError when a value is NaN or infinite.
 */
export function channelRanges(values: Float32Array, { outer, channels, inner }: AxisLayout): Range[] {
  const min = new Float64Array(channels).fill(Infinity);
  const max = new Float64Array(channels).fill(-Infinity);
  let position = 0;
  for (let block = 0; block < outer; block++) {
    for (let channel = 0; channel < channels; channel++) {
      let low = min[channel] ?? Infinity;
      let high = max[channel] ?? -Infinity;
      for (const end = position + inner; position < end; position++) {
        const value = values[position] ?? 0;
        if (!(value - value === 0)) throw notFinite(value);
        if (value < low) low = value;
        if (value > high) high = value;
      }
      min[channel] = low;
      max[channel] = high;
    }
  }
  return Array.from(min, (low, channel) =>
    low === Infinity ? { min: 0, max: 0 } : { min: low, max: max[channel] ?? 0 },
  );
}

/** `quantizeLinear` with parameters per channel. @throws InputError when a value is NaN. */
export function quantizeLinearPerChannel(
  values: Float32Array,
  layout: AxisLayout,
  params: readonly QuantParams[],
  type: IntegerTypeName,
): Codes {
  const codes = makeCodes(type, values.length);
  forEachSlice(layout, params, (start, end, channelParams) => {
    quantizeSpan(values, codes, start, end, channelParams, type);
  });
  return codes;
}

/** `dequantizeLinear` with parameters per channel. */
export function dequantizeLinearPerChannel(
  codes: Codes | Int32Array,
  layout: AxisLayout,
  params: readonly QuantParams[],
): Float32Array {
  const values = new Float32Array(codes.length);
  forEachSlice(layout, params, (start, end, channelParams) => {
    dequantizeSpan(codes, values, start, end, channelParams);
  });
  return values;
}

function forEachSlice(
  { outer, channels, inner }: AxisLayout,
  params: readonly QuantParams[],
  visit: (start: number, end: number, params: QuantParams) => void,
): void {
  for (let block = 0; block < outer; block++) {
    for (let channel = 0; channel < channels; channel++) {
      const channelParams = params[channel];
      if (!channelParams) throw new RangeError(`${params.length} parameters for ${channels} channels`);
      const start = (block * channels + channel) * inner;
      visit(start, start + inner, channelParams);
    }
  }
}

function quantizeSpan(
  values: Float32Array,
  codes: Codes,
  start: number,
  end: number,
  { scale, zeroPoint }: QuantParams,
  type: IntegerTypeName,
): void {
  const { min, max } = integerType(type);
  for (let i = start; i < end; i++) {
    // Float32 division: rounding the double quotient once more gives the same result.
    const quotient = Math.fround((values[i] ?? 0) / scale);
    if (quotient !== quotient) throw notFinite(quotient);
    const code = quotient + ROUNDER - ROUNDER + zeroPoint;
    codes[i] = code < min ? min : code > max ? max : code;
  }
}

function dequantizeSpan(
  codes: Codes | Int32Array,
  values: Float32Array,
  start: number,
  end: number,
  { scale, zeroPoint }: QuantParams,
): void {
  for (let i = start; i < end; i++) values[i] = ((codes[i] ?? 0) - zeroPoint) * scale;
}

function notFinite(value: number): InputError {
  return new InputError(`A tensor that contains ${value} cannot be quantized. Keep its layer float.`);
}

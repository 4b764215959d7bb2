/** Integer weights: scale and zero point per slice, codes, and the values that they stand for. */
import { computeQuantParams, notFinite, roundHalfEven } from './affine';
import { codeRange, makeCodes, type Codes } from './integerTypes';
import type { WeightRangeRule } from './layerFormat';
import {
  forEachRun,
  gatherSlices,
  isBlocked,
  sliceCount,
  sliceRanges,
  type SliceLayout,
  type SliceRanges,
} from './layouts';
import type { IntegerTypeName, QuantParams, Range } from './scheme';
import { evenParams, percentileRange } from './weightRules';
import { leastErrorParams } from './weightSearch';

/** Parameters of the slices of a layout, in their order. A scale below 0 mirrors the codes (see `signed` below). */
export interface SliceParams {
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
  /** What lies beyond the codes of `reduceRange` is clipped to them; absent: to those of the type, as ONNX Runtime's tool does. */
  readonly reduced?: true;
}

/** A rule that looks at the weight alone. */
export type LocalWeightRule = Exclude<WeightRangeRule, 'auto'>;

export interface IntegerOptions {
  /** One zero point for all slices, in the middle. `narrow` and `signed` are symmetric whatever this says. */
  readonly symmetric: boolean;
  readonly reduceRange?: boolean;
  /** Default: `max`. */
  readonly rule?: LocalWeightRule;
  readonly scaleType?: 'float32' | 'float16';
}

/**
 * Scale and zero point of every slice.
 * - `max`: as ONNX Runtime's tool, also for blocks: symmetric int4 has scale 2a/15, where a is the greatest magnitude, so
 *   that a itself is clipped by half a step.
 * - `narrow`: as many codes below zero as above (−7…7): a/7. For int8 the same as `max`.
 * - `signed`: the greater extreme takes the code farthest from zero: it is divided by −8, so the scale is **negative** where
 *   the greater extreme is positive. Run with onnxruntime-node 1.30 at every optimization level, with and without zero points,
 *   negative scales give what positive ones give: folded or not, in MatMulNBits, QLinearConv, QLinearMatMul and QGemm.
 *   Other runtimes may refuse them.
 * - `mse`: least squared error of the slice among some 60 to 100 ranges (see weightSearch.ts); the scale is positive.
 * - `percentile:P`: P percent of the slice lie within, as ±t where symmetric, else with half of the rest cut on either side;
 *   interpolated between neighbours, so that 100 is `max`.
 * - `fixed:A`: ±A.
 * @param ranges of the slices, where they are known already.
 * @throws InputError when a value is not finite, or float16 cannot hold a scale.
 */
export function integerParams(
  values: Float32Array,
  layout: SliceLayout,
  type: IntegerTypeName,
  { symmetric, reduceRange, rule = 'max', scaleType }: IntegerOptions,
  ranges: SliceRanges = sliceRanges(values, layout),
): SliceParams {
  const count = sliceCount(layout);
  const scales = new Float32Array(count);
  const zeroPoints = new Int32Array(count);
  const needsValues = rule === 'mse' || rule.startsWith('percentile:');
  const gathered = needsValues ? gatherSlices(values, layout) : undefined;
  const isEven = symmetric || rule === 'narrow' || rule === 'signed';
  const options = { symmetric: isEven, reduceRange, scaleType, asBlock: isBlocked(layout) };
  const figure = Number(rule.split(':')[1]);
  for (let slice = 0; slice < count; slice++) {
    const extremes = { min: ranges.min[slice] as number, max: ranges.max[slice] as number };
    const own = gathered?.values.subarray(gathered.starts[slice], gathered.starts[slice + 1]);
    const fromRange = (range: Range): QuantParams => computeQuantParams(range, type, options);
    let params: QuantParams;
    if (rule === 'narrow' || rule === 'signed') params = evenParams(extremes, type, rule, options);
    else if (rule === 'mse' && own) params = leastErrorParams(own, extremes, type, options);
    else if (rule.startsWith('fixed:')) params = fromRange({ min: -figure, max: figure });
    else if (own) params = fromRange(percentileRange(own, figure / 100, isEven));
    else params = fromRange(extremes);
    scales[slice] = params.scale;
    zeroPoints[slice] = params.zeroPoint;
  }
  // The range of `max` is not clipped, but for the half step that the tool leaves.
  return { scales, zeroPoints, ...(reduceRange && rule !== 'max' && { reduced: true as const }) };
}

/**
 * The code of every value: clip(round(value / scale) + zeroPoint) to the range of `type`, divided in float32 and rounded
 * half to even. 4-bit codes stand one to an element.
 * @throws InputError when a value is NaN. Infinities are clipped.
 */
export function integerCodes(
  values: Float32Array,
  layout: SliceLayout,
  { scales, zeroPoints, reduced }: SliceParams,
  type: IntegerTypeName,
): Codes {
  const codes = makeCodes(type, values.length);
  const limits = limitsOf(type, reduced);
  forEachRun(layout, (start, end, slice, step) => {
    if (step === 0) {
      const scale = scales[slice] as number;
      encodeRun(values, codes, start, end, scale, zeroPoints[slice] as number, limits);
    } else {
      encodeRow(values, codes, start, end, scales.subarray(slice), zeroPoints.subarray(slice), limits);
    }
  });
  return codes;
}

/** (code − zeroPoint) · scale in float32, as the runtime computes it. */
export function integerValues(
  codes: Codes | Int32Array,
  layout: SliceLayout,
  { scales, zeroPoints }: SliceParams,
): Float32Array {
  const values = new Float32Array(codes.length);
  forEachRun(layout, (start, end, slice, step) => {
    if (step === 0) {
      decodeRun(codes, values, start, end, scales[slice] as number, zeroPoints[slice] as number);
    } else {
      decodeRow(codes, values, start, end, scales.subarray(slice), zeroPoints.subarray(slice));
    }
  });
  return values;
}

/**
 * `integerValues` of `integerCodes`, without the codes.
 * @param stored what the file holds, where that differs from what values are divided by (rescaled channels).
 * @throws InputError when a value is NaN.
 */
export function roundedValues(
  values: Float32Array,
  layout: SliceLayout,
  rounding: SliceParams,
  type: IntegerTypeName,
  stored: SliceParams = rounding,
): Float32Array {
  const back = new Float32Array(values.length);
  const limits = limitsOf(type, rounding.reduced);
  forEachRun(layout, (start, end, slice, step) => {
    roundRun(values, back, start, end, rounding, stored, slice, step, limits);
  });
  return back;
}

// The loops stand in functions of their own, with what they need as parameters: inside the callbacks they take twice as long.

interface Limits {
  readonly min: number;
  readonly max: number;
}

function limitsOf(type: IntegerTypeName, reduced = false): Limits {
  const [min, max] = codeRange(type, { symmetric: false, reduceRange: reduced });
  return { min, max };
}

function encodeRun(
  values: Float32Array,
  codes: Codes,
  start: number,
  end: number,
  scale: number,
  zeroPoint: number,
  { min, max }: Limits,
): void {
  for (let i = start; i < end; i++) {
    // Float32 division: rounding the double quotient once more gives the same result.
    const quotient = Math.fround((values[i] as number) / scale);
    if (quotient !== quotient) throw notFinite(quotient);
    const code = roundHalfEven(quotient) + zeroPoint;
    codes[i] = code < min ? min : code > max ? max : code;
  }
}

/** A run with parameters of its own for each element. */
function encodeRow(
  values: Float32Array,
  codes: Codes,
  start: number,
  end: number,
  scales: Float32Array,
  zeroPoints: Int32Array,
  { min, max }: Limits,
): void {
  for (let i = start, at = 0; i < end; i++, at++) {
    const quotient = Math.fround((values[i] as number) / (scales[at] as number));
    if (quotient !== quotient) throw notFinite(quotient);
    const code = roundHalfEven(quotient) + (zeroPoints[at] as number);
    codes[i] = code < min ? min : code > max ? max : code;
  }
}

function decodeRun(
  codes: Codes | Int32Array,
  values: Float32Array,
  start: number,
  end: number,
  scale: number,
  zeroPoint: number,
): void {
  for (let i = start; i < end; i++) values[i] = ((codes[i] as number) - zeroPoint) * scale;
}

function decodeRow(
  codes: Codes | Int32Array,
  values: Float32Array,
  start: number,
  end: number,
  scales: Float32Array,
  zeroPoints: Int32Array,
): void {
  for (let i = start, at = 0; i < end; i++, at++) {
    values[i] = ((codes[i] as number) - (zeroPoints[at] as number)) * (scales[at] as number);
  }
}

function roundRun(
  values: Float32Array,
  back: Float32Array,
  start: number,
  end: number,
  rounding: SliceParams,
  stored: SliceParams,
  slice: number,
  step: 0 | 1,
  { min, max }: Limits,
): void {
  const { scales, zeroPoints } = rounding;
  const factors = stored.scales;
  if (step === 0) {
    const scale = scales[slice] as number;
    const zeroPoint = zeroPoints[slice] as number;
    const factor = factors[slice] as number;
    for (let i = start; i < end; i++) {
      const quotient = Math.fround((values[i] as number) / scale);
      if (quotient !== quotient) throw notFinite(quotient);
      const code = roundHalfEven(quotient) + zeroPoint;
      back[i] = ((code < min ? min : code > max ? max : code) - zeroPoint) * factor;
    }
    return;
  }
  for (let i = start, at = slice; i < end; i++, at++) {
    const zeroPoint = zeroPoints[at] as number;
    const quotient = Math.fround((values[i] as number) / (scales[at] as number));
    if (quotient !== quotient) throw notFinite(quotient);
    const code = roundHalfEven(quotient) + zeroPoint;
    back[i] = ((code < min ? min : code > max ? max : code) - zeroPoint) * (factors[at] as number);
  }
}

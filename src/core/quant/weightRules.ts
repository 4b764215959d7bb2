/** How the range of a weight is chosen: parameters per slice by the rules of `WeightRangeRule`. */
import { computeQuantParams, storedScale } from './affine';
import { codeRange } from './integerTypes';
import type { SliceParams } from './integerWeight';
import type { WeightRangeRule } from './layerFormat';
import { gatherSlices, isBlocked, sliceCount, sliceRanges, type SliceLayout } from './layouts';
import type { IntegerTypeName, QuantParams, Range } from './scheme';
import { leastErrorParams } from './weightSearch';

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
 * - `mse`: least squared error of the slice among about 80 ranges (see weightSearch.ts); the scale is positive.
 * - `percentile:P`: P percent of the slice lie within, as ±t where symmetric, else with half of the rest cut on either side;
 *   interpolated between neighbours, so that 100 is `max`.
 * - `fixed:A`: ±A.
 * @throws InputError when a value is not finite, or float16 cannot hold a scale.
 */
export function integerParams(
  values: Float32Array,
  layout: SliceLayout,
  type: IntegerTypeName,
  { symmetric, reduceRange, rule = 'max', scaleType }: IntegerOptions,
): SliceParams {
  const count = sliceCount(layout);
  const scales = new Float32Array(count);
  const zeroPoints = new Int32Array(count);
  const ranges = sliceRanges(values, layout);
  const needsValues = rule === 'mse' || rule.startsWith('percentile:');
  const gathered = needsValues ? gatherSlices(values, layout) : undefined;
  const isEven = symmetric || rule === 'narrow' || rule === 'signed';
  // The tool derives the zero point of a block from its rounded scale, and others from the exact one.
  const options = { symmetric: isEven, reduceRange, scaleType, zeroPointOfStoredScale: isBlocked(layout) };
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
  return { scales, zeroPoints };
}

/** `narrow`: zero in the middle of as many codes on either side. `signed`: the greater extreme at the code farthest from zero. */
function evenParams(
  { min, max }: Range,
  type: IntegerTypeName,
  rule: 'narrow' | 'signed',
  { reduceRange, scaleType }: Pick<IntegerOptions, 'reduceRange' | 'scaleType'>,
): QuantParams {
  const { zeroPoint } = computeQuantParams({ min: -1, max: 1 }, type, { symmetric: true, reduceRange });
  const [low, high] = codeRange(type, { symmetric: false, reduceRange });
  const below = zeroPoint - low;
  const above = high - zeroPoint;
  const isNegative = -min >= max;
  const largest = Math.max(-min, max, 0);
  const magnitude = largest / (rule === 'narrow' ? Math.min(below, above) : Math.max(below, above));
  if (magnitude < 2 ** -126) return { scale: 1, zeroPoint: 0 };
  const isMirrored = rule === 'signed' && (below >= above ? !isNegative : isNegative);
  const scale = storedScale(magnitude, scaleType);
  return { scale: isMirrored ? -scale : scale, zeroPoint };
}

/** Half of what `part` leaves is cut on either side; `symmetric`: all of it from the magnitudes. */
function percentileRange(slice: Float32Array, part: number, symmetric: boolean): Range {
  if (symmetric) {
    const t = quantileOf(slice.map(Math.abs).sort(), part);
    return { min: -t, max: t };
  }
  const ascending = slice.slice().sort();
  return { min: quantileOf(ascending, (1 - part) / 2), max: quantileOf(ascending, (1 + part) / 2) };
}

/** Interpolated between neighbours; 0 for no values. */
function quantileOf(ascending: Float32Array, part: number): number {
  const position = part * (ascending.length - 1);
  const index = Math.floor(position);
  const below = ascending[index] ?? 0;
  return below + ((ascending[index + 1] ?? below) - below) * (position - index);
}

import { attrInt } from '../onnx/attributes';
import { bytesOf } from '../onnx/build';
import { ComputedPayload } from '../onnx/payload';
import { lendFloat32 } from '../onnx/lendFloat32';
import { readFloat32 } from '../onnx/tensor';
import type { Layer } from '../graph/types';
import type { Node, Tensor } from '../onnx/types';
import { axisLayout, roundHalfEven, type AxisLayout } from '../quant/affine';
import { integerValues, type IntegerOptions } from '../quant/integerWeight';
import { elementsOf } from '../quant/layouts';
import type { IntegerTypeName, QuantParams } from '../quant/scheme';
import {
  differenceFrom,
  sliceParams,
  weightError,
  weightFormat,
  type WeightError,
  type WeightFormat,
} from '../quant/weights';
import { codesOf, type ChosenCodes } from './chosenCodes';
import { collectable } from './lazyTensor';
import type { ReadValues } from './rewriteContext';

/** A constant as 8-bit codes, computed when written. */
export interface QuantizedConstant {
  readonly tensor: Tensor;
  /** The axis of the scales; undefined per tensor. */
  readonly axis: number | undefined;
  readonly format: WeightFormat;
  /** Absent: its codes are the nearest. */
  readonly chosen?: ChosenCodes;
}

/**
 * The axis along which a layer's weight has a scale per slice; undefined for one scale. It is the axis of the output
 * channels wherever the runtime's integer kernel can take it.
 */
export function weightAxis(node: Node, weightInput: number, rank: number): number | undefined {
  switch (node.opType) {
    case 'Conv':
      return 0;
    case 'ConvTranspose':
      // [in, out / group, ...]: with groups, axis 1 mixes channels of different groups; axis 0 never does.
      return attrInt(node, 'group', 1) === 1 ? 1 : 0;
    case 'Gemm':
      return weightInput === 1 ? (attrInt(node, 'transB', 0) === 0 ? 1 : 0) : undefined;
    case 'MatMul':
      // QLinearMatMul refuses scales per column for stacked matrices.
      return weightInput === 1 && rank === 2 ? 1 : undefined;
    default:
      return undefined;
  }
}

/** Output channels as the weight tells them: a left operand does not. */
export function outputChannels({ ref, weight }: Layer): number | undefined {
  if (!weight) return undefined;
  const { dims } = weight.tensor;
  if (ref.node.opType === 'ConvTranspose') return (dims[1] ?? 0) * attrInt(ref.node, 'group', 1);
  const axis = weightAxis(ref.node, weight.inputIndex, dims.length);
  return axis === undefined ? undefined : dims[axis];
}

type Formats = WeakMap<Tensor, Map<string, Promise<WeightFormat>>>;
const formats = new WeakMap<ReadValues, Formats>();

function knownFormats(tensor: Tensor, readValues: ReadValues): Map<string, Promise<WeightFormat>> {
  const ofReader: Formats =
    formats.get(readValues) ?? new WeakMap<Tensor, Map<string, Promise<WeightFormat>>>();
  formats.set(readValues, ofReader);
  const known = ofReader.get(tensor) ?? new Map<string, Promise<WeightFormat>>();
  ofReader.set(tensor, known);
  return known;
}

/**
 * Quantizes a constant float tensor with a scale per slice of `axis`, or one scale for all.
 * The format is remembered per tensor, so that trials read each weight once.
 */
export async function quantizeConstant(
  tensor: Tensor,
  type: IntegerTypeName,
  { axis, ...options }: IntegerOptions & { readonly axis: number | undefined },
  readValues: ReadValues = readFloat32,
): Promise<QuantizedConstant> {
  const known = knownFormats(tensor, readValues);
  const { symmetric, reduceRange = false, rule = 'max' } = options;
  const key = [type, axis ?? '', symmetric, reduceRange, rule].join(' ');
  let format = known.get(key);
  if (!format) {
    format = readValues(tensor).then((values) => weightFormat(values, layoutOf(tensor, axis), type, options));
    known.set(key, format);
  }
  return { tensor, axis, format: await format };
}

/** How a tensor divides along `axis`; undefined: it is one slice. */
export function layoutOf(tensor: Tensor, axis: number | undefined): AxisLayout {
  if (axis !== undefined) return axisLayout(tensor.dims, axis);
  return { outer: 1, channels: 1, inner: tensor.dims.reduce((count, size) => count * size, 1) };
}

/** The codes as they are written. */
export function codesPayload(quantized: QuantizedConstant): ComputedPayload {
  const { tensor, format } = quantized;
  const compute = collectable(() => lendFloat32(tensor, (values) => bytesOf(codesOf(values, quantized))));
  return new ComputedPayload(elementsOf(format.layout), compute);
}

export function measureConstant(
  quantized: QuantizedConstant,
  countUnique: boolean | undefined,
): Promise<WeightError> {
  const { tensor, format, chosen } = quantized;
  return lendFloat32(tensor, (values) => {
    if (!chosen) return weightError(values, format, countUnique);
    const back = integerValues(codesOf(values, quantized), format.layout, sliceParams(format));
    return differenceFrom(values, back, countUnique);
  });
}

/** A bias as int32 codes in steps of (input scale · weight scale). */
export interface QuantizedBias {
  readonly codes: Int32Array;
  readonly scales: Float32Array;
  /** The weight's format with which the codes hold: dead channels take their scale from the bias. */
  readonly weightFormat: WeightFormat;
}

/** Codes of a bias stay below this: the other half of int32 is for the products that are added to it. */
const LARGEST_BIAS_CODE = 2 ** 30;
/** Codes of 24 bits hold a bias as exactly as float32 does. */
const EXACT_BIAS_CODE = 2 ** 24;
/** Weights of a channel whose scale may follow its bias: see `fitChannels`. */
const LARGEST_FITTED_CHANNEL = 8192;

/**
 * Quantizes a bias for the integer kernel; `undefined` when it does not fit in steps of its channel.
 * @param bias one value per output channel.
 */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  format: WeightFormat,
): QuantizedBias | undefined {
  const perChannel = format.params.length > 1;
  const weightFormat = perChannel ? fitChannels(bias, inputScale, format) : format;
  const scales = Float32Array.from(weightFormat.params, ({ scale }) => inputScale * scale);
  const codes = new Int32Array(bias.length);
  for (let i = 0; i < bias.length; i++) {
    const scale = scales[perChannel ? i : 0] ?? 0;
    const code = roundHalfEven((bias[i] ?? 0) / scale);
    // Rounding the scale to float32 may put a fitted bias just above the limit.
    if (!(scale !== 0 && Math.abs(code) <= 1.001 * LARGEST_BIAS_CODE)) return undefined;
    codes[i] = code;
  }
  return { codes, scales, weightFormat };
}

/**
 * Gives channels whose bias their scale cannot hold one that can.
 * - A channel of zeros outputs only its bias: any scale does.
 * - A dead channel (weights tiny beside the bias, as folding a normalization leaves them) takes coarser weights: with n
 *   weights, their rounding moves the output by less than n · 255 / 2³¹ of the bias, a thousandth for n = 8192, where a
 *   step of an 8-bit output that reaches the bias is four. ONNX Runtime's tool does this whatever n is, and leaves no room
 *   for the products.
 */
function fitChannels(bias: Float32Array, inputScale: number, format: WeightFormat): WeightFormat {
  const { outer, inner } = format.layout;
  const mayFit = outer * inner <= LARGEST_FITTED_CHANNEL;
  const params = format.params.map((own, channel): QuantParams => {
    const magnitude = Math.abs(bias[channel] ?? 0) / inputScale;
    if (format.zeroSlices.has(channel)) return scaledTo(magnitude / EXACT_BIAS_CODE) ?? own;
    const isTooFine = magnitude > Math.abs(own.scale) * LARGEST_BIAS_CODE;
    return (isTooFine && mayFit && scaledTo(magnitude / LARGEST_BIAS_CODE)) || own;
  });
  return params.every((each, channel) => each === format.params[channel]) ? format : { ...format, params };
}

/** Symmetric parameters, where float32 can hold the scale. */
function scaledTo(wanted: number): QuantParams | undefined {
  const scale = Math.fround(wanted);
  return scale >= 2 ** -126 && Number.isFinite(scale) ? { scale, zeroPoint: 0 } : undefined;
}

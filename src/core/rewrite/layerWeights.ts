import { attrInt } from '../onnx/attributes';
import { bytesOf } from '../onnx/build';
import { ComputedPayload } from '../onnx/payload';
import { readFloat32 } from '../onnx/tensor';
import type { Node, Tensor } from '../onnx/types';
import { axisLayout, roundHalfEven, type AxisLayout } from '../quant/affine';
import type { IntegerTypeName, QuantParams } from '../quant/scheme';
import {
  quantizeWeight,
  weightError,
  weightFormat,
  type WeightError,
  type WeightFormat,
} from '../quant/weights';
import { collectable } from './lazyTensor';

/** A constant as 8-bit codes, computed when written. */
export interface QuantizedConstant {
  readonly tensor: Tensor;
  /** The axis of the scales; undefined per tensor. */
  readonly axis: number | undefined;
  readonly format: WeightFormat;
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

const formats = new WeakMap<Tensor, Map<string, Promise<WeightFormat>>>();

/**
 * Quantizes a constant float tensor: symmetric with a scale per slice of `axis`, or one scale for all.
 * The format is remembered per tensor, so that trials read each weight once.
 */
export async function quantizeConstant(
  tensor: Tensor,
  type: IntegerTypeName,
  { axis, symmetric }: { readonly axis: number | undefined; readonly symmetric: boolean },
): Promise<QuantizedConstant> {
  const known = formats.get(tensor) ?? new Map<string, Promise<WeightFormat>>();
  formats.set(tensor, known);
  const key = `${type} ${axis ?? ''} ${symmetric}`;
  let format = known.get(key);
  if (!format) {
    format = readFloat32(tensor).then((values) =>
      weightFormat(values, layoutOf(tensor, axis), type, symmetric),
    );
    known.set(key, format);
  }
  return { tensor, axis, format: await format };
}

function layoutOf(tensor: Tensor, axis: number | undefined): AxisLayout {
  if (axis !== undefined) return axisLayout(tensor.dims, axis);
  return { outer: 1, channels: 1, inner: tensor.dims.reduce((count, size) => count * size, 1) };
}

/** The codes as they are written. */
export function codesPayload({ tensor, format }: QuantizedConstant): ComputedPayload {
  const { outer, channels, inner } = format.layout;
  const compute = collectable(async () => bytesOf(quantizeWeight(await readFloat32(tensor), format)));
  return new ComputedPayload(outer * channels * inner, compute);
}

export async function measureConstant({ tensor, format }: QuantizedConstant): Promise<WeightError> {
  return weightError(await readFloat32(tensor), format);
}

/** A bias as int32 codes in steps of (input scale · weight scale). */
export interface QuantizedBias {
  readonly codes: Int32Array;
  readonly scales: Float32Array;
  /** The weight's format with which the codes hold: channels of zeros take their scale from the bias. */
  readonly weightFormat: WeightFormat;
}

/**
 * Quantizes a bias for the integer kernel; `undefined` when it does not fit int32 in steps of its channel.
 * (ONNX Runtime's tool raises the weight's scale then, which can leave the weight in ruins.)
 * @param bias one value per output channel.
 */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  format: WeightFormat,
): QuantizedBias | undefined {
  const perChannel = format.params.length > 1;
  const weightFormat = perChannel ? fitZeroChannels(bias, inputScale, format) : format;
  const scales = Float32Array.from(weightFormat.params, ({ scale }) => inputScale * scale);
  const codes = new Int32Array(bias.length);
  for (let i = 0; i < bias.length; i++) {
    const value = bias[i] ?? 0;
    const scale = scales[perChannel ? i : 0] ?? 0;
    const smallest = (1.0001 * 2 * Math.abs(value)) / (2 ** 32 - 1);
    if (!(scale > 0) || scale < smallest) return undefined;
    codes[i] = roundHalfEven(value / scale);
  }
  return { codes, scales, weightFormat };
}

/** A channel of zeros outputs only its bias: its scale is free, and is chosen to hold the bias to 24 bits. */
function fitZeroChannels(bias: Float32Array, inputScale: number, format: WeightFormat): WeightFormat {
  if (format.zeroSlices.size === 0) return format;
  const params = format.params.map((own, channel): QuantParams => {
    const scale = Math.fround(Math.abs(bias[channel] ?? 0) / (inputScale * 2 ** 24));
    return format.zeroSlices.has(channel) && scale >= 2 ** -126 ? { scale, zeroPoint: 0 } : own;
  });
  return { ...format, params };
}

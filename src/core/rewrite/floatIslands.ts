/**
 * Keeps layers float that the runtime would quantize by itself. When it loads a model, ONNX Runtime (1.30, WeightBiasQuantization)
 * turns the float weight of a Conv, ConvTranspose or Gemm into int8 with one scale, and its float bias into int32 without a
 * look at its size, wherever the input comes from a DequantizeLinear with one scale and the output goes, maybe through a Relu
 * or Clip, into a QuantizeLinear. Before that it moves a DequantizeLinear behind nodes that only move values. Of an integer
 * weight it converts the bias alone. A DequantizeLinear with a scale per channel, all the same, says the same and is left alone.
 */
import type { GraphIndex } from '../graph/graphIndex';
import type { Layer, LayerWeight, NodeRef } from '../graph/types';
import { attrInt } from '../onnx/attributes';
import { formatOf, isStatic } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { StaticType } from '../quant/scheme';
import { biasOf } from './bias';
import { isPassThrough } from './operators';
import { outputChannels, quantizeConstant, weightAxis } from './layerWeights';
import type { Placement } from './placement';
import type { RewriteContext } from './rewriteContext';

/** The axis of an operand that a layer sums over. */
export interface SummedAxis {
  readonly axis: number;
  readonly size: number;
}

/** A layer that is to compute in float between pairs. */
export interface FloatIsland {
  readonly layer: Layer;
  readonly weight: LayerWeight;
  /** The quantized tensor whose values it reads, maybe moved. */
  readonly source: string;
  /** Type of the codes of `source`. */
  readonly type: StaticType;
  /** Its weight becomes integers, which the runtime leaves as they are: only a large bias is in danger. */
  readonly hasCodes: boolean;
}

/** Layers that read a pair, are not to compute on integers, and whose output is quantized further on. */
export function floatIslands(index: GraphIndex, placement: Placement, plan: Plan): FloatIsland[] {
  const computing = new Set(placement.layers.map(({ layer }) => layer));
  return placement.allLayers.flatMap((layer) => {
    const { ref, op, name, weight } = layer;
    if (computing.has(layer) || ref.scope !== index.main) return [];
    if (!['Conv', 'ConvTranspose', 'Gemm'].includes(op) || weight?.inputIndex !== 1) return [];
    if (!['float', 'cast'].includes(weight.stored.via)) return [];
    const source = quantizedSource(index, placement, ref);
    const type = source === undefined ? undefined : placement.tensors.get(source)?.computedAs;
    if (source === undefined || !type || !leadsToPair(index, placement, ref)) return [];
    const { scheme } = formatOf(plan, name);
    const hasCodes = layer.quantizable && (isStatic(scheme) || scheme === 'w8' || scheme === 'w4');
    return [{ layer, weight, source, type, hasCodes }];
  });
}

/** Nodes whose results are not all codes of their input, or behind which the runtime moves no DequantizeLinear. */
const stopsCodes: ReadonlySet<string> = new Set(['Resize', 'Relu', 'Clip']);

/** The quantized tensor whose codes a layer reads, maybe moved by nodes that the plan keeps float. */
function quantizedSource(
  index: GraphIndex,
  placement: Placement,
  { node, scope }: NodeRef,
): string | undefined {
  for (let value = node.input[0] ?? ''; !placement.tensors.has(value);) {
    const producer = index.producer(scope, value);
    const isMoved = producer && isPassThrough(index, producer) && !stopsCodes.has(producer.node.opType);
    if (!isMoved || producer.scope !== scope) return undefined;
    value = producer.node.input[0] ?? '';
    if (placement.tensors.has(value)) return value;
  }
  return node.input[0];
}

/** Codes of a bias that are surely in the range of int32, whatever rule chose the scale of the weight. */
const SAFE_BIAS_CODE = 2 ** 23;

/**
 * True when the runtime could convert the float bias of a layer with an integer weight to int32 codes that do not fit.
 * @param inputScale of the layer's data.
 */
export async function biasMayOverflow(
  { index, readValues }: Pick<RewriteContext, 'index' | 'readValues'>,
  { layer, weight }: Pick<FloatIsland, 'layer' | 'weight'>,
  inputScale: number,
): Promise<boolean> {
  const bias = biasOf(index, layer.ref, outputChannels(layer));
  if (bias.kind !== 'constant') return false;
  const values = await readValues(bias.tensor);
  const axis = weightAxis(layer.ref.node, weight.inputIndex, weight.tensor.dims.length);
  // Behind nodes of its own, the weight's channels stand along another axis.
  const isPlain = weight.steps.length === 0;
  const options = { axis: isPlain ? axis : undefined, symmetric: true };
  const { format } = await quantizeConstant(weight.tensor, 'int8', options, readValues);
  const scales = format.params.map(({ scale }, slice) => (format.zeroSlices.has(slice) ? 0 : scale));
  const least = Math.min(...scales);
  const perChannel = scales.length === values.length;
  return values.some((value, channel) => {
    const step = inputScale * (perChannel ? (scales[channel] ?? 0) : least);
    return Math.abs(value) > SAFE_BIAS_CODE * step;
  });
}

/** True when an output is quantized, or will be once the runtime has moved QuantizeLinear before operators that pass values on. */
function leadsToPair(index: GraphIndex, placement: Placement, { node, scope }: NodeRef): boolean {
  const value = node.output[0] ?? '';
  if (placement.tensors.has(value)) return true;
  return index
    .consumers(scope, value)
    .some(
      (reader) =>
        reader.scope === scope && isPassThrough(index, reader) && leadsToPair(index, placement, reader),
    );
}

/** The axis of the data that a layer sums over; undefined for other operators. */
export function summedAxis({ node }: NodeRef, weight: LayerWeight): SummedAxis | undefined {
  const { shape, inputIndex } = weight;
  const [rows = 0, columns = 0] = shape;
  switch (node.opType) {
    case 'Conv':
      return { axis: 1, size: columns * attrInt(node, 'group', 1) };
    case 'ConvTranspose':
      return { axis: 1, size: rows };
    case 'Gemm': {
      const [transA, transB] = [attrInt(node, 'transA', 0) !== 0, attrInt(node, 'transB', 0) !== 0];
      if (inputIndex === 0) return { axis: transB ? 1 : 0, size: transA ? rows : columns };
      return { axis: transA ? 0 : 1, size: transB ? columns : rows };
    }
    default:
      return undefined;
  }
}

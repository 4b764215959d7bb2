/**
 * Keeps layers float that the runtime would quantize by itself. When it loads a model, ONNX Runtime (1.30, WeightBiasQuantization)
 * turns the float weight of a Conv, ConvTranspose or Gemm into int8 with one scale, and its float bias into int32 without a
 * look at its size, wherever the input comes from a DequantizeLinear with one scale and the output goes, maybe through a Relu
 * or Clip, into a QuantizeLinear. A DequantizeLinear with a scale per channel, all the same, says the same and is left alone.
 */
import type { GraphIndex } from '../graph/graphIndex';
import type { Layer, LayerWeight, NodeRef } from '../graph/types';
import { attrInt } from '../onnx/attributes';
import { formatOf, isStatic } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import { isPassThrough } from './operators';
import type { Placement } from './placement';

/** The axis of an operand that a layer sums over. */
export interface SummedAxis {
  readonly axis: number;
  readonly size: number;
}

/** Layers that read a pair, have float weights, and whose output is quantized further on. */
export function layersToProtect(index: GraphIndex, placement: Placement, plan: Plan): Layer[] {
  const computing = new Set(placement.layers.map(({ layer }) => layer));
  return placement.allLayers.filter((layer) => {
    const { ref, op, name, weight } = layer;
    if (computing.has(layer) || ref.scope !== index.main) return false;
    if (!['Conv', 'ConvTranspose', 'Gemm'].includes(op) || weight?.inputIndex !== 1) return false;
    // Integers before a DequantizeLinear are left as they are.
    const { scheme } = formatOf(plan, name);
    const isInteger = layer.quantizable && (isStatic(scheme) || scheme === 'w8' || scheme === 'w4');
    if (isInteger || !['float', 'cast'].includes(weight.stored.via)) return false;
    const reads = placement.tensors.get(ref.node.input[0] ?? '');
    return reads?.computedAs !== undefined && leadsToPair(index, placement, ref);
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

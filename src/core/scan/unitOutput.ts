import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import type { Layer, NodeRef } from '../graph/types';
import type { Model } from '../onnx/types';
import { onlyLayer } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { LayerFormat } from '../quant/layerFormat';
import type { Placement } from '../rewrite/placement';
import { mainNodeOf, valuesBehind } from '../graph/suffix';

/**
 * The value that a layer gives to the rest of the model: its own output, or that of the Relu or Clip that is quantized with
 * it as one unit. Undefined when the layer is not in the main graph.
 */
export function unitOutput(
  index: GraphIndex,
  { clips }: Pick<Placement, 'clips'>,
  layer: string,
): string | undefined {
  const ref = index.nodeNamed(layer);
  if (!ref || ref.scope !== index.main) return undefined;
  const unit = clips.get(ref) ?? ref;
  return unit.node.output[0] || undefined;
}

/** The part of a model that a trial of one layer replaces. */
export interface LayerUnit {
  /** Of the main graph. */
  readonly nodes: readonly NodeRef[];
  /** Values of the main graph that it gives to the rest of the model. */
  readonly gives: readonly string[];
  /** What changes when it does; undefined: anything may. */
  readonly behind: ReadonlySet<string> | undefined;
}

/**
 * A layer with the Relu or Clip that is quantized with it, or the node whose subgraph it is in. Of a layer in a function the
 * whole model is the unit.
 * @param outputs names of the model's outputs.
 */
export function unitOf(
  index: GraphIndex,
  { clips }: Pick<Placement, 'clips'>,
  { ref }: Pick<Layer, 'ref'>,
  outputs: readonly string[],
): LayerUnit {
  const { main } = index;
  const at = mainNodeOf(index, ref);
  if (!main || !at) return { nodes: [], gives: outputs, behind: undefined };
  const clip = clips.get(at);
  const nodes = new Set(clip ? [at, clip] : [at]);
  const gives = [...nodes].flatMap(({ node }) =>
    node.output.filter(
      (value) =>
        value !== '' &&
        (outputs.includes(value) || index.consumers(main, value).some((reader) => !nodes.has(reader))),
    ),
  );
  return { nodes: [...nodes], gives, behind: valuesBehind(index, [at]) };
}

/**
 * A plan in which only `layer` is quantized, with a pair on its output where all the layers together have one: a Gemm or MatMul
 * alone would have none, since nothing static reads it.
 * @param all where the format puts pairs when all the layers have it; absent: nowhere.
 * @param output of the layer's unit.
 */
export function trialPlan(
  plan: Plan,
  layer: string,
  format: LayerFormat,
  all: Pick<Placement, 'tensors'> | undefined,
  output: string | undefined,
): Plan {
  const alone = onlyLayer(plan, layer, format);
  if (output === undefined || !all?.tensors.get(output)?.computedAs) return alone;
  return { ...alone, tensors: { [output]: {}, ...alone.tensors } };
}

/** The value behind the Q/DQ pair that stands on `value`, or `value` itself where there is none. */
export function behindPair(model: Model, value: string): string {
  const index = indexGraph(model);
  const main = index.main;
  if (!main) return value;
  const quantize = index.consumers(main, value).find(({ node }) => node.opType === 'QuantizeLinear');
  const codes = quantize?.node.output[0];
  if (codes === undefined) return value;
  const dequantize = index.consumers(main, codes).find(({ node }) => node.opType === 'DequantizeLinear');
  return dequantize?.node.output[0] ?? value;
}

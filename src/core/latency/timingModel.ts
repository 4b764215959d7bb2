import { indexGraph } from '../graph/graphIndex';
import { derive } from '../onnx/origin';
import { ComputedPayload } from '../onnx/payload';
import type { Model, Tensor } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { rewriteDry } from '../rewrite/rewrite';

/**
 * A model that takes as long to run as the one that a plan writes, made without data and without reading a weight: what would be
 * computed (codes, scales, tables) is zero, and all activations have one range. No kernel takes longer for other numbers, but what
 * the model computes means nothing.
 * @throws InputError, CancelledError
 */
export async function timingModel(model: Model, plan: Plan, work: Work): Promise<Model> {
  const { model: dry } = await rewriteDry(model, plan, work);
  const { graph } = dry;
  if (!graph) return dry;
  return derive(dry, { graph: derive(graph, { initializer: graph.initializer.map(withoutContent) }) });
}

function withoutContent(tensor: Tensor): Tensor {
  const { rawData } = tensor;
  if (!(rawData instanceof ComputedPayload)) return tensor;
  const { byteLength } = rawData;
  return derive(tensor, { rawData: new ComputedPayload(byteLength, async () => new Uint8Array(byteLength)) });
}

/**
 * The model with the names that plans use on the nodes of its main graph: unique, so that a profile tells nodes apart, and kept by
 * a rewrite even where they were made from positions.
 */
export function withNodeNames(model: Model): Model {
  const { graph } = model;
  const index = indexGraph(model);
  if (!graph || !index.main) return model;
  const nodes = index
    .nodesOf(index.main)
    .map(({ node, name }) => (node.name === name ? node : derive(node, { name })));
  if (nodes.every((node, at) => node === graph.node[at])) return model;
  return derive(model, { graph: derive(graph, { node: nodes }) });
}

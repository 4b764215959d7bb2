import { indexGraph } from '../graph/graphIndex';
import { derive } from '../onnx/origin';
import { ComputedPayload } from '../onnx/payload';
import type { Model, Tensor } from '../onnx/types';

/**
 * The model with the names that plans use on the nodes of its main graph: unique, so that a profile tells nodes apart, and kept by
 * a rewrite even where they were made from positions.
 */
export function withNodeNames(model: Model): Model {
  const { graph } = model;
  const index = indexGraph(model);
  if (!graph || !index.main) return model;
  const node = index
    .nodesOf(index.main)
    .map((ref) => (ref.node.name === ref.name ? ref.node : derive(ref.node, { name: ref.name })));
  if (node.every((each, at) => each === graph.node[at])) return model;
  return derive(model, { graph: derive(graph, { node }) });
}

/** The model with what is computed for its file computed once, as it is opened more than once. */
export function withCodesKept(model: Model): Model {
  const { graph } = model;
  if (!graph) return model;
  return derive(model, { graph: derive(graph, { initializer: graph.initializer.map(kept) }) });
}

function kept(tensor: Tensor): Tensor {
  const { rawData } = tensor;
  if (!(rawData instanceof ComputedPayload)) return tensor;
  let bytes: Promise<Uint8Array> | undefined;
  const compute = (): Promise<Uint8Array> => (bytes ??= rawData.read());
  return derive(tensor, { rawData: new ComputedPayload(rawData.byteLength, compute) });
}

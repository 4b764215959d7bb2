import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import { normalDomain } from '../onnx/attributes';
import type { Model, Node } from '../onnx/types';
import { GraphChanges } from './graphChanges';
import { intsConstant } from './inlineConstants';

/**
 * Removes Identity and inference-time Dropout nodes, so that what they separate is seen as neighbours.
 * @param only among these nodes; all when absent.
 */
export function dropIdentities(model: Model, only?: ReadonlySet<Node>): Model {
  const index = indexGraph(model);
  const main = index.main;
  if (!main) return model;
  const changes = new GraphChanges(model);
  for (const ref of index.nodesOf(main)) {
    if (only && !only.has(ref.node)) continue;
    const [from = ''] = ref.node.input;
    const [to = ''] = ref.node.output;
    if (!doesNothing(index, ref) || from === '' || index.isOutput(main, to)) continue;
    changes.redirect(to, from);
    changes.replace(ref.node);
  }
  return changes.apply();
}

/** Reads Dropout as of opset 12, where training is an input. */
function doesNothing(index: GraphIndex, { node, scope }: NodeRef): boolean {
  if (normalDomain(node.domain) !== '') return false;
  if (node.opType === 'Identity') return true;
  if (node.opType !== 'Dropout') return false;
  const mask = node.output[1] ?? '';
  if (mask !== '' && (index.isOutput(scope, mask) || index.consumers(scope, mask).length > 0)) return false;
  const training = node.input[2] ?? '';
  return training === '' || (intsConstant(index, scope, training)?.every((flag) => flag === 0) ?? false);
}

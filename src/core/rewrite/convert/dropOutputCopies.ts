import { indexGraph } from '../../graph/graphIndex';
import type { Model } from '../../onnx/types';
import { GraphChanges } from '../graphChanges';

/**
 * Removes Identity nodes of the main graph that only give an output its name, where the node that computes the value
 * can give it that name.
 * @param names of the Identity nodes to look at.
 */
export function dropOutputCopies(model: Model, names: ReadonlySet<string>): Model {
  const index = indexGraph(model);
  const { main } = index;
  if (!main || names.size === 0) return model;
  const changes = new GraphChanges(model);
  for (const ref of index.nodesOf(main)) {
    if (ref.node.opType !== 'Identity' || !names.has(ref.node.name)) continue;
    const [from = ''] = ref.node.input;
    const [to = ''] = ref.node.output;
    const producer = index.producer(main, from);
    if (!producer || producer.node.opType === 'Constant' || index.isOutput(main, from)) continue;
    const current = changes.current(producer.node);
    if (!current.output.includes(from)) continue;
    changes.edit(producer.node, { output: current.output.map((name) => (name === from ? to : name)) });
    changes.redirect(from, to);
    changes.replace(ref.node);
  }
  return changes.apply();
}

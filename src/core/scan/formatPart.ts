/** Parts of a rewritten layer, to be measured apart. */
import { RoundoffError } from '../errors';
import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import type { Layer, NodeRef } from '../graph/types';
import { derive } from '../onnx/origin';
import type { Graph, Model, Node, Tensor } from '../onnx/types';
import type { ScanPart } from '../results';

/**
 * The model in which only one part of a layer's format is left: its constants (weight and bias) or the pairs on its activations.
 * @param index of the float model that was rewritten.
 * @param rewritten the model with only this layer quantized, weights and activations.
 * @throws RoundoffError when the layer has no such part apart from the other.
 */
export function onlyPart(part: ScanPart, index: GraphIndex, rewritten: Model, layer: Layer): Model {
  const { model, main } = index;
  const changed = indexGraph(rewritten);
  const after = changed.nodeNamed(layer.name);
  if (!main || !changed.main || !after || layer.ref.scope !== main || after.scope !== changed.main) {
    throw new RoundoffError(`${layer.name} is not in the main graph: its parts cannot be measured apart.`);
  }
  if (part === 'activations' && pairs(rewritten) === pairs(model)) {
    throw new RoundoffError(`The activations of ${layer.name} stay float in this format.`);
  }
  const [from, node] = part === 'weights' ? [changed, layer.ref] : [index, after];
  const source = part === 'weights' ? after.node : layer.ref.node;
  const positions = constantInputs(index, layer);
  const input = node.node.input.map((value, at) => (positions.has(at) ? (source.input[at] ?? '') : value));
  // Opset and IR version of the rewritten model are good for both; the float model has been prepared for them.
  const target = part === 'weights' ? derive(rewritten, { graph: model.graph }) : rewritten;
  return withConstants(
    target,
    node,
    input,
    neededFor(
      from,
      [...positions].flatMap((at) => input[at] ?? []),
    ),
  );
}

function pairs({ graph }: Model): number {
  return (graph?.node ?? []).filter(({ opType }) => opType === 'QuantizeLinear').length;
}

/** Positions of the operands that are constants in the float model: the weight and the bias. */
function constantInputs(index: GraphIndex, { ref, weights }: Layer): ReadonlySet<number> {
  const positions = new Set(weights.map(({ inputIndex }) => inputIndex));
  ref.node.input.forEach((value, at) => {
    if (value !== '' && index.constant(ref.scope, value)) positions.add(at);
  });
  return positions;
}

interface Needed {
  readonly nodes: readonly Node[];
  readonly tensors: readonly Tensor[];
}

/** What computes constant values in the main graph. */
function neededFor(index: GraphIndex, values: readonly string[]): Needed {
  const { main, model } = index;
  const stored = new Map((model.graph?.initializer ?? []).map((tensor) => [tensor.name, tensor]));
  const nodes = new Set<Node>();
  const tensors = new Set<Tensor>();
  const waiting = [...values];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    const tensor = stored.get(value);
    const producer = main && index.producer(main, value);
    if (tensor) tensors.add(tensor);
    else if (producer && !nodes.has(producer.node)) {
      nodes.add(producer.node);
      waiting.push(...producer.node.input);
    }
  }
  return { nodes: [...nodes].reverse(), tensors: [...tensors] };
}

function withConstants(
  model: Model,
  reader: NodeRef,
  input: readonly string[],
  { nodes, tensors }: Needed,
): Model {
  const { graph } = model;
  if (!graph) return model;
  // A stored bias has the name of the float one: what is added takes the place of what is there.
  const added = new Set([...nodes.flatMap(({ output }) => output), ...tensors.map(({ name }) => name)]);
  const kept = graph.node.filter(({ output }) => !output.some((value) => added.has(value)));
  const changed: Graph = derive(graph, {
    node: [...nodes, ...kept.map((each) => (each === reader.node ? derive(each, { input }) : each))],
    initializer: [...graph.initializer.filter(({ name }) => !added.has(name)), ...tensors],
  });
  return derive(model, { graph: changed });
}

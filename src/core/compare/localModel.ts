import { InputError } from '../errors';
import { makeValueInfo } from '../onnx/build';
import { derive } from '../onnx/origin';
import { DataType, type Model, type Node } from '../onnx/types';
import type { NodeRef } from '../graph/types';
import type { GraphSide } from './graphSide';
import type { LayerPair, ValuePair } from './layerPairs';

/** Layers of the second model, each fed with what the first model gives to it. */
export interface LocalModel {
  readonly model: Model;
  /** Input of `model` → what it takes the place of. */
  readonly fed: ReadonlyMap<string, ValuePair>;
  /** By the position of the pair: the output that it gives, and the nodes that compute it. */
  readonly outputs: readonly { readonly name: string; readonly nodes: readonly NodeRef[] }[];
}

/** The part of the second model that computes what a layer gives from what it is fed. */
export interface LocalPart {
  /** Nodes that compute with data, in order. */
  readonly nodes: readonly NodeRef[];
  /** Roots that are fed. */
  readonly feeds: readonly string[];
}

/**
 * What must run so that a layer alone gives its output: everything between it and the nearest values that the first model has
 * too. The pairs of input and output are part of it.
 * @throws InputError when a node with subgraphs is among it, whose captured values cannot be fed.
 */
export function localPart(
  side: GraphSide,
  { gives }: Pick<LayerPair, 'gives'>,
  cuts: ReadonlyMap<string, ValuePair>,
): LocalPart {
  const nodes = new Set<NodeRef>();
  const feeds = new Set<string>();
  const waiting = [gives.b];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (!side.isVariable(value)) continue;
    if (value !== gives.root && cuts.has(value)) {
      feeds.add(value);
      continue;
    }
    const ref = side.producer(value);
    if (!ref || nodes.has(ref)) continue;
    if (side.index.subgraphs(ref).length > 0) {
      throw new InputError(
        `Between the layer and its inputs is ${ref.name}, which has subgraphs of its own.`,
      );
    }
    nodes.add(ref);
    waiting.push(...ref.node.input);
  }
  return { nodes: side.nodes.filter((ref) => nodes.has(ref)), feeds: [...feeds] };
}

/**
 * One model of many layers that know nothing of each other: the nodes of each are copied under names of their own, so that a
 * value can be an output of one layer and an input, fed anew, of the next. Weights are shared.
 */
export function localModel(
  side: GraphSide,
  layers: readonly { readonly pair: LayerPair; readonly part: LocalPart }[],
  cuts: ReadonlyMap<string, ValuePair>,
): LocalModel {
  const { model } = side;
  const { graph } = model;
  if (!graph) throw new InputError('The model has no graph, so there is nothing to run.');
  const taken = new Set(side.nodes.flatMap(({ node }) => [...node.input, ...node.output]));
  const fresh = (wanted: string): string => {
    let name = wanted;
    for (let number = 1; taken.has(name); number++) name = `${wanted}_${number}`;
    taken.add(name);
    return name;
  };
  const fed = new Map<string, ValuePair>();
  const inputOf = new Map<string, string>();
  const copies: Node[] = [];
  const outputs = layers.map(({ pair, part }) => {
    const names = new Map<string, string>();
    for (const root of part.feeds) {
      const cut = cuts.get(root);
      if (!cut) continue;
      const name = inputOf.get(root) ?? fresh(`${root}_fed`);
      inputOf.set(root, name);
      fed.set(name, cut);
      names.set(root, name);
    }
    for (const { node } of part.nodes) {
      for (const value of node.output) if (value !== '') names.set(value, fresh(`${value}_alone`));
    }
    for (const { node, name } of part.nodes) {
      const renamed = (value: string): string => names.get(value) ?? value;
      copies.push(
        derive(node, {
          name: fresh(`${name}_alone`),
          input: node.input.map(renamed),
          output: node.output.map(renamed),
        }),
      );
    }
    return { name: names.get(pair.gives.b) ?? pair.gives.b, nodes: part.nodes };
  });
  const used = new Set(copies.flatMap(({ input }) => input));
  const constants = constantNodes(side, used);
  const read = new Set([...used, ...constants.flatMap(({ input }) => input)]);
  const fedInputs = [...fed].map(([name, { root }]) => makeValueInfo(name, typeOf(side, root)));
  const local = derive(graph, {
    node: [...constants, ...copies],
    input: [...graph.input.filter(({ name }) => read.has(name)), ...fedInputs],
    output: outputs.map(({ name }) => ({ name, docString: '', metadataProps: [] })),
    initializer: graph.initializer.filter(({ name }) => read.has(name)),
    valueInfo: [],
  });
  return { model: derive(model, { graph: local }), fed, outputs };
}

/** The nodes that compute constants from constants, as far as `used` needs them, in order. */
function constantNodes(side: GraphSide, used: ReadonlySet<string>): Node[] {
  const kept = new Set<NodeRef>();
  const waiting = [...used];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    const ref = side.isVariable(value) ? undefined : side.producer(value);
    if (!ref || kept.has(ref)) continue;
    kept.add(ref);
    waiting.push(...side.index.reads(ref));
  }
  return side.nodes.filter((ref) => kept.has(ref)).map(({ node }) => node);
}

/** Element type of a root; float32 where it is not known. */
export function typeOf(side: GraphSide, root: string): DataType {
  const type: DataType = side.main ? side.shapes.dtypeOf(side.main, root) : DataType.UNDEFINED;
  if (type !== DataType.UNDEFINED) return type;
  return codeDataTypes[side.codesOf(root)?.type ?? 'float'];
}

const codeDataTypes = {
  float: DataType.FLOAT,
  uint8: DataType.UINT8,
  int8: DataType.INT8,
  uint16: DataType.UINT16,
  int16: DataType.INT16,
} as const;

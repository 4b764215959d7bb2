import type { GraphIndex } from '../graph/graphIndex';
import { indexGraph } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import { makeValueInfo } from '../onnx/build';
import { derive } from '../onnx/origin';
import type { DataType, Model } from '../onnx/types';

/** Values of the main graph that change when `nodes` compute something else: all that lies behind them. */
export function valuesBehind(index: GraphIndex, nodes: readonly NodeRef[]): ReadonlySet<string> {
  const { main } = index;
  const behind = new Set<string>();
  const waiting = [...nodes];
  for (let ref = waiting.pop(); ref; ref = waiting.pop()) {
    for (const value of ref.node.output) {
      if (value === '' || behind.has(value) || !main) continue;
      behind.add(value);
      for (const reader of index.consumers(main, value)) waiting.push(holderIn(index, reader));
    }
  }
  return behind;
}

/** The node of the main graph that a node is, or that holds the subgraph it is in; undefined in functions. */
export function mainNodeOf(index: GraphIndex, ref: NodeRef): NodeRef | undefined {
  const at = holderIn(index, ref);
  return at.scope === index.main ? at : undefined;
}

function holderIn(index: GraphIndex, reader: NodeRef): NodeRef {
  let at = reader;
  while (at.scope !== index.main && at.scope.owner) at = at.scope.owner;
  return at;
}

/**
 * The values that must be known to compute what lies behind `nodes`: computed ones and inputs of the model that `nodes` or the
 * nodes behind them read, and that do not change themselves.
 */
export function borderOf(index: GraphIndex, nodes: readonly NodeRef[]): readonly string[] {
  const { main } = index;
  if (!main) return [];
  const behind = valuesBehind(index, nodes);
  const border = new Set<string>();
  for (const ref of index.nodesOf(main)) {
    if (!ref.node.output.some((value) => behind.has(value))) continue;
    for (const value of index.reads(ref)) {
      if (value !== '' && !behind.has(value) && !index.constant(main, value)) border.add(value);
    }
  }
  return [...border];
}

/** What is known of a value that is fed. */
export interface KnownValue {
  readonly type: DataType;
  /** The runtime finds better kernels when it knows it; absent: unknown. */
  readonly shape?: readonly (number | string | null)[];
}

export interface Suffix {
  readonly model: Model;
  /** The values to feed; inputs of the whole model are among them where they are still read. */
  readonly feeds: readonly string[];
}

/**
 * The part of a model that computes some of its outputs from values known already: nodes that only lead up to those are gone,
 * and the values are inputs. With no value known it is the model without what those outputs do not need.
 * @param outputs names of outputs of the model; none of them known.
 */
export function cutBefore(
  model: Model,
  outputs: ReadonlySet<string>,
  known: ReadonlyMap<string, KnownValue>,
): Suffix {
  const index = indexGraph(model);
  const { main } = index;
  const { graph } = model;
  if (!main || !graph) return { model, feeds: [] };
  const kept = new Set<NodeRef>();
  const fed = new Set<string>();
  const seen = new Set<string>();
  const output = graph.output.filter(({ name }) => outputs.has(name));
  const waiting = output.map(({ name }) => name);
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (value === '' || seen.has(value)) continue;
    seen.add(value);
    const producer = index.producer(main, value);
    if (index.isInput(main, value) || (producer && known.has(value))) fed.add(value);
    else if (producer) {
      kept.add(producer);
      waiting.push(...index.reads(producer));
    }
  }
  const wholeInputs = graph.input.filter(({ name }) => fed.has(name));
  const cut = [...fed].filter((value) => !wholeInputs.some(({ name }) => name === value));
  const input = [
    ...wholeInputs,
    ...cut.flatMap((value) => {
      const { type = 0, shape } = known.get(value) ?? {};
      return makeValueInfo(value, type, shape);
    }),
  ];
  const node = index.nodesOf(main).flatMap((ref) => (kept.has(ref) ? [ref.node] : []));
  const initializer = graph.initializer.filter(({ name }) => seen.has(name));
  const valueInfo = graph.valueInfo.filter(({ name }) => seen.has(name) && !fed.has(name));
  const suffix = derive(graph, { input, node, initializer, valueInfo, output });
  return { model: derive(model, { graph: suffix }), feeds: [...fed] };
}

import type { Layer, NodeRef } from '../graph/types';
import { familyOf, type GraphSide } from './graphSide';
import { matchValues, type Matches } from './matchValues';

/** A value of both models that means the same. */
export interface ValuePair {
  /** As what reads it sees it. */
  readonly a: string;
  /** Before any change of format. */
  readonly root: string;
  /** As what reads it sees it. */
  readonly b: string;
}

/** A layer with what the runtime fuses into it, in both models. */
export interface LayerPair {
  readonly layer: Layer;
  /** Nodes of a, the layer first: those that are quantized with it as one unit. */
  readonly nodesOfA: readonly NodeRef[];
  readonly nodeOfB: NodeRef;
  /** What the unit gives. */
  readonly gives: ValuePair;
}

export interface UnmatchedLayer {
  readonly layer: string;
  readonly reason: string;
}

export interface LayerPairs {
  /** In the order in which a computes them. */
  readonly pairs: readonly LayerPair[];
  readonly unmatched: { readonly a: readonly UnmatchedLayer[]; readonly b: readonly UnmatchedLayer[] };
  /** Root of b → the pair, for every value that a layer alone can be fed with: all but those inside a unit. */
  readonly cuts: ReadonlyMap<string, ValuePair>;
  /** Input of b → that of a. */
  readonly inputs: ReadonlyMap<string, string>;
}

/** Operators that belong to the layer before them when nothing else reads what it gives. */
const followers: ReadonlySet<string> = new Set(['BatchNormalization', 'Relu']);

/** The layers that two models have in common, what each gives, and the values between them. */
export function pairLayers(a: GraphSide, b: GraphSide): LayerPairs {
  const matches = matchValues(a, b);
  const last = lastValues(a, matches);
  const pairs: LayerPair[] = [];
  const lost: UnmatchedLayer[] = [];
  const inside = new Set<string>();
  for (const [ref, layer] of inOrder(a)) {
    const found = pairOf(a, b, matches, last, ref, layer);
    if ('reason' in found) lost.push({ layer: layer.name, reason: found.reason });
    else {
      pairs.push(found.pair);
      for (const root of found.inside) inside.add(root);
    }
  }
  const matched = new Set(pairs.map(({ nodeOfB }) => nodeOfB));
  const extra = [...b.layers].flatMap(([ref, { name }]) =>
    matched.has(ref) ? [] : [{ layer: name, reason: 'The first model has no layer that computes this.' }],
  );
  const cuts = new Map<string, ValuePair>();
  for (const [root, value] of last) {
    const given = a.seen(value);
    const canBeFed = a.isReadable(given) && b.isReadable(root);
    if (!inside.has(root) && canBeFed) cuts.set(root, { a: given, root, b: b.seen(root) });
  }
  const inputs = new Map(
    a.inputs.flatMap((name) => {
      const other = matches.values.get(name);
      return other === undefined ? [] : [[other, name] as const];
    }),
  );
  return { pairs, unmatched: { a: lost, b: extra }, cuts, inputs };
}

/** Layers in the order of computation; those of subgraphs and functions, which are not compared, at the end. */
function inOrder(a: GraphSide): [NodeRef, Layer][] {
  const order = new Map(a.nodes.map((ref, position) => [ref, position]));
  const at = (ref: NodeRef): number => order.get(ref) ?? Infinity;
  return [...a.layers].toSorted(([x], [y]) => (at(x) === at(y) ? 0 : at(x) - at(y)));
}

/** Root of b → the last value of a that it stands for: b has folded what comes before. */
function lastValues(a: GraphSide, { values }: Matches): ReadonlyMap<string, string> {
  const last = new Map<string, string>();
  for (const input of a.inputs) {
    const root = values.get(input);
    if (root !== undefined) last.set(root, input);
  }
  for (const { node } of a.nodes) {
    for (const value of node.output) {
      const root = values.get(value);
      if (root !== undefined) last.set(root, value);
    }
  }
  return last;
}

function pairOf(
  a: GraphSide,
  b: GraphSide,
  { nodes, absorbed, values }: Matches,
  last: ReadonlyMap<string, string>,
  ref: NodeRef,
  layer: Layer,
): { pair: LayerPair; inside: readonly string[] } | { reason: string } {
  if (ref.scope !== a.main) {
    return { reason: 'It is in a branch, loop or function, whose values are not compared.' };
  }
  const nodeOfB = nodes.get(ref);
  if (!nodeOfB) return { reason: 'The second model has no node that computes this.' };
  const nodesOfA = [ref];
  let value = a.result(ref);
  const inside: string[] = [];
  for (;;) {
    const [reader, ...others] = a.readers(value);
    const isPart = reader && (followers.has(familyOf(reader)) || absorbed.has(reader));
    if (!isPart || others.length > 0 || a.isOutput(value) || reader.scope !== a.main) break;
    const next = reader.node.output[0] ?? '';
    if (!values.has(next)) break;
    const root = values.get(value);
    if (root !== undefined && root !== values.get(next)) inside.push(root);
    nodesOfA.push(reader);
    value = next;
  }
  const root = values.get(value);
  if (root === undefined) return { reason: 'What it gives has no counterpart in the second model.' };
  const gives = { a: a.seen(last.get(root) ?? value), root, b: b.seen(root) };
  if (!a.isReadable(gives.a) || !b.isReadable(gives.b)) {
    return { reason: 'What it gives is kept as integers whose scale is not known.' };
  }
  return { pair: { layer, nodesOfA, nodeOfB, gives }, inside };
}

import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import type { NodeRef, Scope } from '../graph/types';
import type { Model } from '../onnx/types';
import type { ProfiledKernel } from '../ports';

/**
 * For every node of the main graph the layer that its time is counted to: its own; of what computes on constants the layer that
 * reads it first; of all others the last layer before it, or the first behind it where there is none.
 * @param layers names of the model's layers.
 * @returns by the node; nodes of a model without layers have none.
 */
export function ownersOf(index: GraphIndex, layers: ReadonlySet<string>): Map<NodeRef, string> {
  const owners = new Map<NodeRef, string>();
  const { main } = index;
  if (!main) return owners;
  const sorted = index.sortedNodes(main);
  const position = new Map(sorted.map((ref, at) => [ref, at]));
  /** The layer's node, for comparing which is later. */
  const source = new Map<NodeRef, NodeRef>();
  for (const ref of sorted) {
    const last = index
      .needs(ref)
      .flatMap((each) => source.get(each) ?? [])
      .reduce<NodeRef | undefined>((a, b) => (!a || at(position, b) > at(position, a) ? b : a), undefined);
    const own = layers.has(ref.name) ? ref : last;
    if (own) source.set(ref, own);
  }
  const readers = readersIn(index, main, sorted);
  for (const ref of sorted.toReversed()) {
    const before = source.get(ref);
    if (before) owners.set(ref, before.name);
    else {
      const [first] = (readers.get(ref) ?? []).toSorted((a, b) => at(position, a) - at(position, b));
      const next = first && owners.get(first);
      if (next !== undefined) owners.set(ref, next);
    }
  }
  return owners;
}

/**
 * The layer that each kernel of a profile is counted to. The runtime names kernels after a node of the file, after what it made of
 * one (`conv1_token_4`), or after the value they compute (`relu_nchwc`). What has none of these names, such as a copy in another
 * layout, goes with the kernel before it, as it stands beside it.
 * @param model that was profiled, its nodes named uniquely.
 */
export function kernelOwners(
  kernels: readonly ProfiledKernel[],
  model: Model,
  layers: ReadonlySet<string>,
): (string | undefined)[] {
  const index = indexGraph(model);
  const owners = ownersOf(index, layers);
  const { main } = index;
  const byName = (name: string): string | undefined => {
    const named = index.nodeNamed(name);
    const ref = named ?? (main && index.producer(main, name));
    return ref && owners.get(ref);
  };
  const found = kernels.map(({ name }) => {
    for (const candidate of candidateNames(name)) {
      const owner = byName(candidate);
      if (owner !== undefined) return owner;
    }
    return undefined;
  });
  let last = found.find((owner) => owner !== undefined);
  return found.map((owner) => (last = owner ?? last));
}

/** What a kernel's name may be made of, the most specific first. */
function candidateNames(name: string): string[] {
  const bare = name.replace(/_token_\d+$/, '');
  const plain = bare.replace(/_nchwc$/, '');
  // Fusions of several nodes: `matmul/MatMulAddFusion`, and `_transformed` of constants that moved.
  const fused = plain.replace(/\/\w*Fusion\w*\/?$/, '');
  return [...new Set([name, bare, plain, fused])];
}

function readersIn(index: GraphIndex, main: Scope, nodes: readonly NodeRef[]): Map<NodeRef, NodeRef[]> {
  const readers = new Map<NodeRef, NodeRef[]>();
  for (const ref of nodes) {
    for (const needed of index.needs(ref)) {
      if (needed.scope !== main) continue;
      const known = readers.get(needed);
      if (known) known.push(ref);
      else readers.set(needed, [ref]);
    }
  }
  return readers;
}

function at(position: ReadonlyMap<NodeRef, number>, ref: NodeRef): number {
  return position.get(ref) ?? 0;
}

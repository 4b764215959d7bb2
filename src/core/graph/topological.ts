import type { NodeRef } from './types';

export interface SortedNodes {
  readonly nodes: readonly NodeRef[];
  /** How many of them stand before the first cycle. */
  readonly acyclic: number;
}

/**
 * The nodes in an order in which each follows those it needs: file order when that is valid already, otherwise
 * Kahn's algorithm. Nodes on a cycle, and those behind one, come last in file order.
 * @param needs the nodes of the same scope that must come before.
 */
export function sortNodes(
  nodes: readonly NodeRef[],
  needs: (ref: NodeRef) => readonly NodeRef[],
): SortedNodes {
  const isOrdered = nodes.every((ref) => needs(ref).every((other) => other.index < ref.index));
  if (isOrdered) return { nodes, acyclic: nodes.length };

  const waiting = new Map<NodeRef, number>();
  const followers = new Map<NodeRef, NodeRef[]>();
  for (const ref of nodes) {
    const before = new Set(needs(ref));
    waiting.set(ref, before.size);
    for (const other of before) {
      const list = followers.get(other);
      if (list) list.push(ref);
      else followers.set(other, [ref]);
    }
  }
  const sorted = nodes.filter((ref) => waiting.get(ref) === 0);
  for (let position = 0; position < sorted.length; position++) {
    const ref = sorted[position];
    for (const follower of (ref && followers.get(ref)) ?? []) {
      const left = (waiting.get(follower) ?? 0) - 1;
      waiting.set(follower, left);
      if (left === 0) sorted.push(follower);
    }
  }
  const done = new Set(sorted);
  return { nodes: [...sorted, ...nodes.filter((ref) => !done.has(ref))], acyclic: sorted.length };
}

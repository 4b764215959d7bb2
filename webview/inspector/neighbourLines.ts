/** The graph around a layer as lines of a list that the keyboard walks. Pure. */
import type { Neighbour, NeighbourEdge, Neighbourhood } from '../../src/core/inspectorResults';
import { formatShape } from '../../src/shared/format';

/** Which way from the layer. */
export type Side = 'producers' | 'consumers';

export interface NeighbourLine {
  /** Unique in its list. */
  readonly key: string;
  /** Steps from the layer, from 1. */
  readonly level: number;
  /** null: an input or output of the model, of a branch or of a function. */
  readonly node: Neighbour | null;
  /** The value between this node and the one a level above. */
  readonly edge: NeighbourEdge;
  /** What lies behind it stands below another line. */
  readonly isRepeated: boolean;
}

/**
 * What feeds the layer, or what reads it: each node below the one it is next to. What lies behind a node is shown once, where
 * it is nearest to the layer, so that there are no more lines than edges.
 */
export function neighbourLines(around: Neighbourhood, side: Side): NeighbourLine[] {
  const nodes = new Map(around.nodes.map((node) => [node.name, node]));
  const [near, far] = side === 'producers' ? (['to', 'from'] as const) : (['from', 'to'] as const);
  const byNode = new Map<string | null, NeighbourEdge[]>();
  for (const edge of around.edges) {
    const known = byNode.get(edge[near]);
    if (known) known.push(edge);
    else byNode.set(edge[near], [edge]);
  }
  const lines: NeighbourLine[] = [];
  const shown = new Set<string>([around.layer]);
  const add = (name: string, level: number): void => {
    for (const edge of byNode.get(name) ?? []) {
      const other = edge[far];
      const node = other === null ? null : (nodes.get(other) ?? null);
      // There was no room for it.
      if (other !== null && !node) continue;
      const isRepeated = node !== null && (shown.has(node.name) || Math.abs(node.distance) < level);
      lines.push({ key: `${lines.length}`, level, node, edge, isRepeated });
      if (node === null || isRepeated) continue;
      shown.add(node.name);
      add(node.name, level + 1);
    }
  };
  add(around.layer, 1);
  return lines;
}

/** `relu1: 1×16×28×28 float`. */
export function edgeText({ value, shape, dtype }: NeighbourEdge): string {
  return `${value}: ${formatShape(shape)}${dtype === null ? '' : ` ${dtype}`}`;
}

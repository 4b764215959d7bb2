import { dtypeName } from '../onnx/dtype';
import type { Neighbour, NeighbourEdge, Neighbourhood } from '../inspectorResults';
import type { GraphIndex } from './graphIndex';
import type { Shapes } from './shapes';
import type { NodeRef } from './types';

export const MOST_DEPTH = 8;
/** Nodes and edges of each side at most: with long names, still well below a megabyte. */
const MOST_NODES = 150;
const MOST_EDGES = 400;

type Side = 'producers' | 'consumers';

/**
 * What feeds a node and what reads it, up to `depth` steps away, with the values between them. Constants are no edges.
 * Each node has its shortest distance.
 */
export function neighbours(index: GraphIndex, shapes: Shapes, center: NodeRef, depth: number): Neighbourhood {
  const distances = new Map<NodeRef, number>([[center, 0]]);
  const edges = new Map<string, NeighbourEdge>();
  let isWhole = true;
  // Ring by ring, so that what there is no room for is the farthest.
  const walk = (side: Side): void => {
    let [nodesLeft, edgesLeft] = [MOST_NODES, MOST_EDGES];
    let ring = [center];
    for (let step = 1; step <= Math.min(depth, MOST_DEPTH); step++) {
      const next: NodeRef[] = [];
      for (const ref of ring) {
        for (const { edge, other } of edgesOf(index, shapes, ref, side)) {
          const key = JSON.stringify([edge.from, edge.to, edge.value]);
          if (edges.has(key)) continue;
          const isNew = other !== undefined && !distances.has(other);
          if (edgesLeft === 0 || (isNew && nodesLeft === 0)) {
            isWhole = false;
            continue;
          }
          edges.set(key, edge);
          edgesLeft--;
          if (!isNew) continue;
          distances.set(other, side === 'producers' ? -step : step);
          nodesLeft--;
          next.push(other);
        }
      }
      ring = next;
    }
  };
  walk('producers');
  walk('consumers');
  return {
    layer: center.name,
    nodes: [...distances].map(([ref, distance]) => nodeOf(ref, distance)),
    edges: [...edges.values()],
    isWhole,
  };
}

function nodeOf({ name, node }: NodeRef, distance: number): Neighbour {
  return { name, op: node.opType, distance };
}

interface Step {
  readonly edge: NeighbourEdge;
  /** undefined: an input or output of the model, of a branch or of a function. */
  readonly other: NodeRef | undefined;
}

function edgesOf(index: GraphIndex, shapes: Shapes, ref: NodeRef, side: Side): Step[] {
  const { scope } = ref;
  const values = new Set(side === 'producers' ? index.reads(ref) : ref.node.output);
  return [...values].flatMap((value): Step[] => {
    if (value === '' || index.constant(scope, value)) return [];
    const shape = shapes.of(scope, value);
    const dtype = shapes.dtypeOf(scope, value);
    const facts = { value, shape: shape ? [...shape] : null, dtype: dtype === 0 ? null : dtypeName(dtype) };
    const steps =
      side === 'producers'
        ? [index.producer(scope, value)].map((other) => ({
            edge: { ...facts, from: other?.name ?? null, to: ref.name },
            other,
          }))
        : index.consumers(scope, value).map((other) => ({
            edge: { ...facts, from: ref.name, to: other.name },
            other,
          }));
    if (side === 'consumers' && index.isOutput(scope, value)) {
      return [...steps, { edge: { ...facts, from: ref.name, to: null }, other: undefined }];
    }
    return steps;
  });
}

import type { GraphIndex } from '../graph/graphIndex';
import { storedBytes } from '../graph/operandSizes';
import type { NodeRef } from '../graph/types';
import { bestBorders, type Border } from './borders';
import { variableValues } from '../graph/suffix';

/** A run of consecutive nodes of the main graph, sorted so that each stands behind those it needs. */
export interface Segment {
  /** Position of its first node. */
  readonly start: number;
  /** Computed values that it takes from nodes before it. */
  readonly reads: readonly string[];
  /** Values that it computes for nodes behind it, and outputs of the model. */
  readonly gives: readonly string[];
}

/** The main graph cut into segments. */
export interface Segments {
  readonly all: readonly Segment[];
  /** Position of each node of the main graph. */
  readonly positions: ReadonlyMap<NodeRef, number>;
  /** Computed values that the nodes before segment `at` leave to those behind, with outputs of the model. */
  readonly valuesBefore: (at: number) => readonly string[];
}

/** What decides where to cut. */
export interface SegmentPlan {
  readonly outputs: readonly string[];
  /** The last node of each layer's unit. */
  readonly unitEnds: readonly NodeRef[];
  /** Of all samples together; undefined: the value is not kept, so that no border may cross it. */
  readonly bytesOf: (value: string) => number | undefined;
  /** Formats of one layer, and runs of each. */
  readonly formats: number;
  readonly runs: number;
}

/** Cuts the main graph where trials of its layers take least time; only values that are kept cross a border. */
export function cutIntoSegments(index: GraphIndex, plan: SegmentPlan): Segments {
  const { main } = index;
  const nodes = main ? index.sortedNodes(main) : [];
  const positions = new Map(nodes.map((ref, at) => [ref, at]));
  const values = lifetimes(index, nodes);
  const ends = plan.unitEnds.map((ref) => (positions.get(ref) ?? 0) + 1);
  const borders = [...possibleBorders(nodes, values, plan)];
  const starts = [0, ...bestBorders(borders, { ...plan, ends, weightBytes: weightsBefore(index, nodes) })];

  const outputs = new Set(plan.outputs);
  const valuesBefore = (at: number): readonly string[] => {
    const border = starts[at] ?? nodes.length;
    const isLeft = ({ from, until }: Lifetime, value: string): boolean =>
      from < border && (until >= border || outputs.has(value));
    return [...values].flatMap(([value, life]) => (isLeft(life, value) ? [value] : []));
  };
  const all = starts.map((start, at): Segment => {
    const own = nodes.slice(start, starts[at + 1]);
    const reads = new Set(own.flatMap((ref) => index.reads(ref)));
    return {
      start,
      reads: [...reads].filter((value) => (values.get(value)?.from ?? start) < start),
      gives: valuesBefore(at + 1).filter((value) => (values.get(value)?.from ?? -1) >= start),
    };
  });
  return { all, positions, valuesBefore };
}

/** Positions of the node that computes a value, and of the last one that reads it; −1: none does. */
interface Lifetime {
  readonly from: number;
  readonly until: number;
}

/** Of computed values that depend on the inputs. */
function lifetimes(index: GraphIndex, nodes: readonly NodeRef[]): ReadonlyMap<string, Lifetime> {
  const variable = variableValues(index);
  const lastRead = new Map<string, number>();
  for (const [at, ref] of nodes.entries()) for (const value of index.reads(ref)) lastRead.set(value, at);
  const lives = new Map<string, Lifetime>();
  for (const [from, { node }] of nodes.entries()) {
    for (const value of node.output) {
      if (variable.has(value)) lives.set(value, { from, until: lastRead.get(value) ?? -1 });
    }
  }
  return lives;
}

/** Positions before which a border could stand, with what crosses it. */
function* possibleBorders(
  nodes: readonly NodeRef[],
  values: ReadonlyMap<string, Lifetime>,
  { bytesOf }: SegmentPlan,
): Generator<Border> {
  const ending = new Map<number, string[]>();
  let [bytes, notKept] = [0, 0];
  const count = (value: string, sign: 1 | -1): void => {
    const own = bytesOf(value);
    if (own === undefined) notKept += sign;
    else bytes += sign * own;
  };
  for (const [at, { node }] of nodes.entries()) {
    if (at > 0 && notKept === 0) yield { at, bytes };
    for (const value of node.output) {
      const { until = -1 } = values.get(value) ?? {};
      if (until <= at) continue;
      count(value, 1);
      ending.set(until, [...(ending.get(until) ?? []), value]);
    }
    for (const value of ending.get(at) ?? []) count(value, -1);
    ending.delete(at);
  }
}

/** Stored bytes of the constants that nodes before each position read. */
function weightsBefore(index: GraphIndex, nodes: readonly NodeRef[]): Float64Array {
  const before = new Float64Array(nodes.length + 1);
  for (const [at, ref] of nodes.entries()) {
    const constants = index.reads(ref).flatMap((value) => index.constant(ref.scope, value) ?? []);
    before[at + 1] = (before[at] ?? 0) + constants.reduce((sum, { tensor }) => sum + storedBytes(tensor), 0);
  }
  return before;
}

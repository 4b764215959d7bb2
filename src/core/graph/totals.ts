import type { Tensor } from '../onnx/types';
import type { GraphIndex } from './graphIndex';
import type { Layer, NodeRef, Scope } from './types';

export interface ModelTotals {
  /** Every constant once, however many nodes use it. */
  readonly parameters: number;
  /** Sum of what is known, for one run; undefined when nothing is. */
  readonly macs: number | undefined;
  /** Rows whose MACs are unknown. */
  readonly macsUnknown: number;
}

/** What a row shares with rows before it. */
export interface SharedPart {
  readonly parameters: number;
  readonly bytes: number;
}

/** Function calls nested deeper than this count as unknown work. */
const deepestCall = 200;

/**
 * Parts of rows that an earlier row has counted already: weights used by several layers. Subtracting them makes sums of
 * rows right.
 */
export function sharedParts(rows: readonly Layer[]): ReadonlyMap<Layer, SharedPart> {
  const seen = new Set<Tensor>();
  const shared = new Map<Layer, SharedPart>();
  for (const row of rows) {
    let parameters = 0;
    let bytes = 0;
    for (const [tensor, share] of row.constants) {
      if (seen.has(tensor)) {
        parameters += share.parameters;
        bytes += share.bytes;
      }
      seen.add(tensor);
    }
    if (parameters > 0 || bytes > 0) shared.set(row, { parameters, bytes });
  }
  return shared;
}

/**
 * Parameters and multiply-accumulates of a whole model from all its rows. Of the branches of an If the costlier one
 * counts; a function's body counts once per call. Work inside Loop and Scan bodies is unknown in the rows already.
 * @param shared the `sharedParts` of the rows.
 */
export function modelTotals(
  index: GraphIndex,
  rows: readonly Layer[],
  shared = sharedParts(rows),
): ModelTotals {
  let parameters = 0;
  const macs = new Map<NodeRef, number>();
  let macsUnknown = 0;
  for (const row of rows) {
    parameters += row.parameters - (shared.get(row)?.parameters ?? 0);
    if (row.macs === undefined) macsUnknown++;
    else macs.set(row.ref, row.macs);
  }
  const total = index.main ? macsOfScopes(index, macs)(index.main) : 0;
  const isAllUnknown = macsUnknown > 0 && total === 0 && ![...macs.values()].some((value) => value > 0);
  return { parameters, macs: isAllUnknown ? undefined : total, macsUnknown };
}

/**
 * How often the nodes of a scope count in the sums of `modelTotals`: a function's once per call, also of calls in functions. The
 * branches of an If count in part, so that together they make up the costliest: which of them runs is not known, and none is free.
 * @param rows whose MACs tell what branches cost.
 */
export function scopeRuns(index: GraphIndex, rows: readonly Layer[]): (scope: Scope) => number {
  const sumOf = macsOfScopes(index, new Map(rows.map(({ ref, macs = 0 }) => [ref, macs])));
  const partOf = (owner: NodeRef): number => {
    const branches = index.subgraphs(owner).map(sumOf);
    const sum = branches.reduce((before, each) => before + each, 0);
    return sum > 0 ? Math.max(...branches) / sum : 1;
  };
  const done = new Map<Scope, number>();
  const runsOf = (scope: Scope, depth: number): number => {
    const before = done.get(scope);
    if (before !== undefined || depth > deepestCall) return before ?? 0;
    done.set(scope, 0);
    let runs = scope === index.main ? 1 : 0;
    if (scope.owner) runs = runsOf(scope.owner.scope, depth + 1) * partOf(scope.owner);
    else for (const { scope: caller } of index.callers(scope)) runs += runsOf(caller, depth + 1);
    done.set(scope, runs);
    return runs;
  };
  return (scope) => runsOf(scope, 0);
}

/** MACs of one run of a scope with all that it holds and calls. */
function macsOfScopes(index: GraphIndex, macs: ReadonlyMap<NodeRef, number>): (scope: Scope) => number {
  const done = new Map<Scope, number>();
  const sumScope = (scope: Scope, depth: number): number => {
    const before = done.get(scope);
    if (before !== undefined || depth > deepestCall) return before ?? 0;
    done.set(scope, 0);
    let sum = 0;
    for (const ref of index.nodesOf(scope)) {
      let inner = 0;
      for (const subgraph of index.subgraphs(ref)) inner = Math.max(inner, sumScope(subgraph, depth + 1));
      const called = index.calledFunction(ref.node);
      sum += (macs.get(ref) ?? 0) + inner + (called ? sumScope(called, depth + 1) : 0);
    }
    done.set(scope, sum);
    return sum;
  };
  return (scope) => sumScope(scope, 0);
}

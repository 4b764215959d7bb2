import type { Problem } from '../results';
import type { GraphIndex } from './graphIndex';
import { listNames } from './names';
import type { NodeRef, Scope } from './types';

/** Nodes whose results reach no output, and initializers that nothing reads. */
export function findUnused(index: GraphIndex): Problem[] {
  const problems: Problem[] = [];
  for (const scope of index.scopes) {
    const dead = deadNodes(index, scope).filter(({ node }) => node.opType !== 'Constant');
    if (dead.length > 0) {
      const what = dead.length === 1 ? '1 node computes a result' : `${dead.length} nodes compute results`;
      problems.push({
        severity: 'info',
        message: `${what} that no output needs: ${listNames(dead.map(({ name }) => name))}.`,
        node: dead[0]?.name ?? null,
      });
    }
  }
  const unused = index.scopes.flatMap((scope) =>
    index
      .initializers(scope)
      .filter(({ name }) => index.consumers(scope, name).length === 0 && !index.isOutput(scope, name)),
  );
  if (unused.length > 0) {
    const what = unused.length === 1 ? '1 initializer is' : `${unused.length} initializers are`;
    const message = `${what} read by no node: ${listNames(unused.map(({ name }) => name))}.`;
    problems.push({ severity: 'info', message, node: null });
  }
  return problems;
}

function deadNodes(index: GraphIndex, scope: Scope): NodeRef[] {
  const live = new Set<NodeRef>();
  const waiting = index
    .nodesOf(scope)
    .filter(({ node }) => node.output.some((value) => index.isOutput(scope, value)));
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (live.has(next)) continue;
    live.add(next);
    for (const needed of index.needs(next)) waiting.push(needed);
  }
  return index.nodesOf(scope).filter((ref) => !live.has(ref));
}

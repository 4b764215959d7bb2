import { subgraphsOf } from '../onnx/attributes';
import { derive } from '../onnx/origin';
import type { Graph, ModelFunction, Node } from '../onnx/types';

type Container = Graph | ModelFunction;

/**
 * Leaves out what `before` read and `after` does not: initializers, nodes (and so what only they read), and the types
 * of values that are gone. What was unread before stays.
 */
export function dropUnused<C extends Container>(before: C, after: C): C;
export function dropUnused(before: Container, after: Container): Container {
  const wasRead = namesRead(before.node, before);
  let node = after.node;
  let isRead = namesRead(node, after);
  const isDropped = (name: string) => wasRead.has(name) && !isRead.has(name);
  const isDead = (output: readonly string[]) =>
    output.some(isDropped) && output.every((name) => name === '' || isDropped(name));
  for (let count = Infinity; node.length < count;) {
    count = node.length;
    node = node.filter(({ output }) => !isDead(output));
    if (node.length < count) isRead = namesRead(node, after);
  }
  const defined = new Set(node.flatMap(({ output }) => output));
  if ('opsetImport' in after) {
    for (const name of after.input) defined.add(name);
    return derive(after, { node, ...typesOf(after, defined) });
  }
  const initializer = after.initializer.filter(({ name }) => !isDropped(name));
  const initialized = 'initializer' in before ? new Set(before.initializer.map(({ name }) => name)) : defined;
  const input = after.input.filter(({ name }) => !initialized.has(name) || !isDropped(name));
  for (const { name } of [...initializer, ...input]) defined.add(name);
  return derive(after, {
    node,
    initializer,
    ...(input.length !== after.input.length && { input }),
    ...typesOf(after, defined),
  });
}

/** The types of the values that are still there, when some are not. */
function typesOf({ valueInfo }: Container, defined: ReadonlySet<string>): Partial<Pick<Graph, 'valueInfo'>> {
  const kept = valueInfo.filter(({ name }) => defined.has(name));
  return kept.length === valueInfo.length ? {} : { valueInfo: kept };
}

/** Names that nodes, those of subgraphs too, and the outputs of a container read. */
function namesRead(nodes: readonly Node[], { output }: Container, names = new Set<string>()): Set<string> {
  for (const node of nodes) {
    for (const input of node.input) names.add(input);
    for (const { graph } of subgraphsOf(node)) namesRead(graph.node, graph, names);
  }
  for (const value of output) names.add(typeof value === 'string' ? value : value.name);
  return names;
}

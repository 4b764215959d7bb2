import type { Node } from '../onnx/types';
import { findBlocks } from './blocks';
import type { GraphIndex } from './graphIndex';
import { nodeMetadata } from './nodeMetadata';
import { operatorKey } from './operands';
import type { NodeRef } from './types';

/** What exporters put as the module of nodes that belong to none. */
const noModule = '_empty_nn_module_stack_from_metadata_hook';

/**
 * Group path of every node: the groups around its scope, then those that its own metadata or name tells, else blocks.
 * @param refs those that are wanted, from the first of the model on without a gap.
 */
export function layerPaths(
  index: GraphIndex,
  refs: readonly NodeRef[] = index.nodes,
): ReadonlyMap<NodeRef, readonly string[]> {
  const paths = new Map<NodeRef, readonly string[]>();
  const own = ownGroups(index, refs);
  for (const ref of refs) {
    const groups = own.get(ref) ?? [];
    const { scope } = ref;
    if (scope.kind === 'graph') paths.set(ref, groups);
    else if (scope.owner) {
      const around = paths.get(scope.owner) ?? [];
      const branch = scope.id.slice(scope.owner.name.length + 1);
      paths.set(ref, [...around, scope.owner.name, branch, ...withoutPrefix(groups, around)]);
    } else paths.set(ref, [`function ${scope.id}`, ...groups]);
  }
  return paths;
}

/** Modules by metadata or name; when no node of the main graph has any, its repeated blocks. */
function ownGroups(index: GraphIndex, refs: readonly NodeRef[]): ReadonlyMap<NodeRef, readonly string[]> {
  const groups = new Map(refs.map((ref) => [ref, modulesOf(ref.node)]));
  const main = index.main ? index.nodesOf(index.main).filter(({ node }) => node.opType !== 'Constant') : [];
  if (main.every((ref) => (groups.get(ref) ?? modulesOf(ref.node)).length === 0)) {
    const blocks = findBlocks(main.map(({ node }) => operatorKey(node)));
    for (const [position, ref] of main.entries()) {
      const block = blocks[position] ?? 0;
      if (block > 0) groups.set(ref, [`block ${block}`]);
    }
  }
  return groups;
}

function withoutPrefix(path: readonly string[], prefix: readonly string[]): readonly string[] {
  return prefix.length <= path.length && prefix.every((group, level) => path[level] === group)
    ? path.slice(prefix.length)
    : path;
}

/** The modules around a node: from the exporter's name scopes, else its namespace, else the slashes of its name. */
export function modulesOf(node: Node): readonly string[] {
  const scopes = nodeMetadata(node, 'pkg.torch.onnx.name_scopes');
  const fromScopes = scopes === undefined ? undefined : parseReprList(scopes);
  if (fromScopes) return cleaned(fromScopes.slice(0, -1));
  const namespace = nodeMetadata(node, 'namespace');
  if (namespace) {
    return cleaned(
      namespace
        .split('/')
        .slice(0, -1)
        .map((part) => part.split(': ', 1)[0] ?? ''),
    );
  }
  // TensorFlow converters join the names of fused operators with `;`.
  const [name = ''] = node.name.split(';', 1);
  return name.includes('/') && !/[\s"{}]/.test(name) ? cleaned(name.split('/').slice(0, -1)) : [];
}

function cleaned(parts: readonly string[]): readonly string[] {
  return parts.filter((part) => part !== '' && part !== noModule);
}

/** Parses Python's repr of a list of strings, such as `['', 'layer1', "it's"]`; undefined when it is not one. */
export function parseReprList(text: string): string[] | undefined {
  const inner = /^\s*\[(.*)\]\s*$/s.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const items: string[] = [];
  const pattern = /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(?:,|$)/sy;
  while (pattern.lastIndex < inner.trimEnd().length) {
    const match = pattern.exec(inner);
    if (!match) return undefined;
    items.push((match[1] ?? match[2] ?? '').replace(/\\(.)/gs, '$1'));
  }
  return items;
}

import { normalDomain, subgraphsOf } from '../onnx/attributes';
import type { Graph, Model, ModelFunction } from '../onnx/types';
import { nameNodes } from './nodeNames';
import type { NodeRef, Scope } from './types';

export interface ScopeNodes {
  readonly scope: Scope;
  readonly nodes: readonly NodeRef[];
}

interface Found {
  readonly container: Graph | ModelFunction;
  /** The holding node and attribute, for subgraphs. */
  readonly within?: { readonly scope: number; readonly nodeIndex: number; readonly attribute: string };
}

/**
 * Every scope of a model with its nodes: the main graph, its subgraphs level by level, then each function with its
 * own. A queue and not recursion: depth is the file's choice.
 */
export function collectScopes(model: Model): ScopeNodes[] {
  const found: Found[] = [];
  const add = (container: Graph | ModelFunction, within?: Found['within']): void => {
    found.push({ container, within });
  };
  const drain = (from: number): void => {
    for (let position = from; position < found.length; position++) {
      for (const [index, node] of (found[position]?.container.node ?? []).entries()) {
        for (const { attribute, graph } of subgraphsOf(node)) {
          add(graph, { scope: position, nodeIndex: index, attribute });
        }
      }
    }
  };
  if (model.graph) add(model.graph);
  drain(0);
  for (const modelFunction of model.functions) {
    const start = found.length;
    add(modelFunction);
    drain(start);
  }
  return nameScopes(found);
}

function nameScopes(found: readonly Found[]): ScopeNodes[] {
  const names = nameNodes(found.map(({ container }) => container.node));
  const result: ScopeNodes[] = [];
  for (const [position, { container, within }] of found.entries()) {
    const holder = within && result[within.scope];
    const owner = within && holder?.nodes[within.nodeIndex];
    const scope: Scope =
      holder && owner
        ? {
            id: `${owner.name}/${within.attribute}`,
            kind: 'subgraph',
            parent: holder.scope,
            owner,
            container,
          }
        : 'opsetImport' in container
          ? { id: functionId(container), kind: 'function', container }
          : { id: '', kind: 'graph', container };
    result.push({
      scope,
      nodes: container.node.map((node, index) => ({
        node,
        scope,
        index,
        name: names[position]?.[index] ?? '',
      })),
    });
  }
  return result;
}

/** How a call names its function: `domain::name`, and `:overload` where there is one. */
export function functionId(call: { domain: string; name: string; overload: string }): string {
  return `${normalDomain(call.domain)}::${call.name}${call.overload === '' ? '' : `:${call.overload}`}`;
}

import type { Attribute, Graph, Node, Tensor } from './types';

/** Typed look-ups of node attributes. A missing attribute gives the fallback. */
export function attribute(node: Node, name: string): Attribute | undefined {
  return node.attribute.find((candidate) => candidate.name === name);
}

/** An INT attribute as a number. ONNX uses int64, but axes, groups and flags are small; use `attribute` for exact values. */
export function attrInt(node: Node, name: string, fallback: number): number {
  const found = attribute(node, name);
  return found ? Number(found.i) : fallback;
}

export function attrFloat(node: Node, name: string, fallback: number): number {
  return attribute(node, name)?.f ?? fallback;
}

export function attrInts(node: Node, name: string): number[] | undefined {
  return attribute(node, name)?.ints.map(Number);
}

export function attrString(node: Node, name: string, fallback: string): string {
  const found = attribute(node, name);
  return found ? new TextDecoder().decode(found.s) : fallback;
}

export function attrTensor(node: Node, name: string): Tensor | undefined {
  return attribute(node, name)?.t;
}

/** Every subgraph of a node with the name of its attribute, in file order. */
export function subgraphsOf(node: Node): { attribute: string; graph: Graph }[] {
  return node.attribute.flatMap(({ name, g, graphs }) => [
    ...(g ? [{ attribute: name, graph: g }] : []),
    ...graphs.map((graph, index) => ({ attribute: `${name}[${index}]`, graph })),
  ]);
}

/** The domain as the registry knows it: `ai.onnx` is the default domain, written ''. */
export function normalDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

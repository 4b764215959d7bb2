import type { Shape } from '../../graph/types';
import { attribute } from '../../onnx/attributes';
import { makeAttribute, type AttributeValue } from '../../onnx/build';
import { derive } from '../../onnx/origin';
import type { Node, Tensor } from '../../onnx/types';

/** What an adapter may ask about the node that it rewrites. */
export interface AdapterContext {
  /** Gives a constant to the new nodes: `tensor` without a name → the name of its value. */
  constant(tensor: Tensor): string;
  /** A name that nothing in the model has. */
  fresh(wanted: string): string;
  /** Elements of a small constant operand; undefined when it is absent or computed. */
  ints(position: number): number[] | undefined;
  floats(position: number): number[] | undefined;
  shape(position: number): Shape | undefined;
  /** True when something reads an output of the node. */
  isRead(position: number): boolean;
  /** Gives up: throws an error that names the node and says why. */
  refuse(why: string): never;
}

/** Rewrites one node from the opset version before to the one it is listed for; the outputs keep their names. */
export type Adapter = (node: Node, context: AdapterContext) => readonly Node[];

/** A node without some attributes. */
export function without(node: Node, ...names: readonly string[]): Node {
  return derive(node, { attribute: node.attribute.filter(({ name }) => !names.includes(name)) });
}

/** A node with an attribute added or replaced. */
export function withAttribute(node: Node, name: string, value: AttributeValue): Node {
  const rest = without(node, name);
  return derive(rest, { attribute: [...rest.attribute, makeAttribute(name, value)] });
}

/** A node with input `position` set; absent inputs before it are left empty. */
export function withInput(node: Node, position: number, value: string): Node {
  const input = [...node.input];
  while (input.length <= position) input.push('');
  input[position] = value;
  return derive(node, { input });
}

export function hasAttribute(node: Node, name: string): boolean {
  return attribute(node, name) !== undefined;
}

/** An adapter that only takes attributes away. */
export function dropping(...names: readonly string[]): Adapter {
  return (node) => [without(node, ...names)];
}

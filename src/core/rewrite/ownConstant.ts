import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import type { Tensor } from '../onnx/types';
import type { GraphChanges } from './graphChanges';

/**
 * Gives a node its own version of a constant operand. The value keeps its name when no other input reads it.
 * @param make the new tensor under the name it gets.
 */
export function replaceOperand(
  index: GraphIndex,
  changes: GraphChanges,
  ref: NodeRef,
  position: number,
  make: (name: string) => Tensor,
): void {
  const value = ref.node.input[position] ?? '';
  const readers = index.consumers(ref.scope, value);
  const uses = ref.node.input.filter((input) => input === value).length;
  const isAlone = readers.length === 1 && uses === 1 && !index.isOutput(ref.scope, value);
  const name = isAlone ? value : changes.fresh(`${value}_${ref.name}`);
  if (isAlone) {
    const producer = index.producer(ref.scope, value);
    if (producer) changes.replace(producer.node);
    else changes.removeInitializer(value);
  }
  changes.addInitializer(make(name));
  setInput(changes, ref, position, name);
}

/** Lets an input of a node read another value; inputs up to there are filled with absent ones. */
export function setInput(changes: GraphChanges, ref: NodeRef, position: number, name: string): void {
  const input = [...changes.current(ref.node).input];
  while (input.length <= position) input.push('');
  input[position] = name;
  changes.edit(ref.node, { input });
}

import type { GraphIndex } from '../graph/graphIndex';
import { keepsValue } from '../graph/quantizable';
import type { LayerWeight, NodeRef, Scope } from '../graph/types';
import { derive } from '../onnx/origin';
import type { GraphChanges } from './graphChanges';

/** Far more nodes than stand between any weight and its operator. */
const longestPath = 64;

/**
 * Repeats the nodes between stored weights and their operators (Transpose, Reshape, slices put in another order) behind
 * the new stored forms. Copies, because other operators may go on reading the nodes that are there; those that nothing
 * reads any more go when the changes are applied.
 */
export class OperandPaths {
  /** Node → stored form → names of the copy's outputs. */
  private readonly copies = new Map<NodeRef, Map<string, readonly string[]>>();

  constructor(
    private readonly index: GraphIndex,
    private readonly changes: GraphChanges,
  ) {}

  /**
   * @param reader the layer.
   * @param stored the value that takes the place of `weight.name`, seen from the scope that holds the weight.
   * @returns the value that takes the operand's place, in the reader's scope.
   */
  behind(reader: NodeRef, weight: LayerWeight, stored: string): string {
    const operand = reader.node.input[weight.inputIndex] ?? '';
    return this.replace(reader.scope, operand, weight, stored, longestPath);
  }

  /** `value` computed from the stored form; `value` itself when it does not depend on the weight. */
  private replace(scope: Scope, value: string, weight: LayerWeight, stored: string, left: number): string {
    if (value === '' || left === 0) return value;
    if (value === weight.name && this.index.definingScope(scope, value) === weight.scope) return stored;
    const producer = this.index.producer(scope, value);
    if (!producer || !isStep(producer, weight)) return value;
    const position = producer.node.output.indexOf(value);
    const known = this.copies.get(producer)?.get(stored)?.[position];
    if (known !== undefined) return known;
    const input = producer.node.input.map((each) =>
      this.replace(producer.scope, each, weight, stored, left - 1),
    );
    if (input.every((each, at) => each === producer.node.input[at])) return value;
    const output = keepsValue(producer) ? [input[0] ?? ''] : this.copy(producer, input);
    const copies = this.copies.get(producer) ?? new Map<string, readonly string[]>();
    this.copies.set(producer, copies.set(stored, output));
    return output[position] ?? value;
  }

  private copy({ node }: NodeRef, input: readonly string[]): readonly string[] {
    const output = node.output.map((name) => (name === '' ? '' : this.changes.fresh(name)));
    const name = node.name === '' ? '' : this.changes.fresh(node.name);
    this.changes.insertBefore(node, derive(node, { name, input, output }));
    return output;
  }
}

/** True for a node on the way; a Concat of slices stands there for its slices. */
function isStep(ref: NodeRef, { steps }: LayerWeight): boolean {
  return ref.node.opType === 'Slice' || steps.includes(ref);
}

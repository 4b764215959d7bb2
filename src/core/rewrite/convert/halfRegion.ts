import type { GraphIndex } from '../../graph/graphIndex';
import { weightedOperator } from '../../graph/operands';
import type { Shapes } from '../../graph/shapes';
import type { NodeRef, Scope } from '../../graph/types';
import { DataType } from '../../onnx/types';
import type { Notes } from '../notes';
import { canComputeInHalf } from './halfOperators';

/** The nodes of the main graph that compute in half precision. */
export class HalfRegion {
  /** In the order that they run. */
  readonly nodes = new Set<NodeRef>();
  /** float32 values that those nodes give as float16. */
  readonly values = new Set<string>();
  private readonly opset: number;

  /**
   * @param wanted names of the nodes; all that can when absent. Those without weights that read nothing but float16
   * activations join by themselves, so that there are Casts at the border only.
   * @param notes gets those of them that cannot.
   */
  constructor(
    private readonly index: GraphIndex,
    private readonly main: Scope,
    private readonly shapes: Shapes,
    wanted: ReadonlySet<string> | undefined,
    notes: Notes,
  ) {
    this.opset = index.opset(main, '');
    for (const ref of index.sortedNodes(main)) {
      if (index.constant(main, ref.node.output[0] ?? '')?.node === ref || this.isFinalCast(ref)) continue;
      const isNamed = wanted?.has(ref.name) ?? true;
      const reason = this.reasonAgainst(ref, wanted === undefined);
      if (reason !== undefined) {
        if (isNamed && this.hasFloats(ref)) notes.add(ref.name, reason);
        continue;
      }
      const reads = this.floatInputs(ref).filter((value) => !this.isConstant(value));
      const follows =
        reads.length > 0 && reads.every((value) => this.values.has(value)) && !this.isLayer(ref);
      // What gives no floats (a comparison, ArgMax) needs no Cast of its own.
      const outputs = ref.node.output.filter((value) => this.isFloat(value));
      if (outputs.length === 0 ? !follows : !isNamed && !follows) continue;
      this.nodes.add(ref);
      for (const value of outputs) this.values.add(value);
    }
  }

  /** A Cast from float16 to an output of the model: half precision ends there. */
  private isFinalCast({ node, scope }: NodeRef): boolean {
    const [from = ''] = node.input;
    const isHalf = this.shapes.dtypeOf(scope, from) === (DataType.FLOAT16 as number);
    return node.opType === 'Cast' && isHalf && this.index.isOutput(scope, node.output[0] ?? '');
  }

  isFloat(value: string): boolean {
    return value !== '' && this.shapes.dtypeOf(this.main, value) === (DataType.FLOAT as number);
  }

  /** float32, or float16 already. */
  isReal(value: string): boolean {
    return this.isFloat(value) || this.shapes.dtypeOf(this.main, value) === (DataType.FLOAT16 as number);
  }

  /** A constant that is float32 and stays what it is whoever runs the model. */
  isConstant(value: string): boolean {
    const constant = this.index.constant(this.main, value);
    return constant?.tensor.dataType === (DataType.FLOAT as number) && !constant.overridable;
  }

  floatInputs({ node }: NodeRef): string[] {
    return node.input.filter((value) => this.isFloat(value));
  }

  private hasFloats(ref: NodeRef): boolean {
    return this.floatInputs(ref).length > 0 || ref.node.output.some((value) => this.isFloat(value));
  }

  private isLayer({ node }: NodeRef): boolean {
    return (
      weightedOperator(node)?.weight.some((position) => this.isConstant(node.input[position] ?? '')) ?? false
    );
  }

  /** @param all true when every node is wanted, so that the quantized parts of a model should stay what they are. */
  private reasonAgainst(ref: NodeRef, all: boolean): string | undefined {
    const { node } = ref;
    if (this.index.calledFunction(node) || !canComputeInHalf(node, this.opset)) {
      return `Stays float32: ${node.opType} has no half-precision form that runs everywhere.`;
    }
    if ([...node.input, ...node.output].some((value) => value !== '' && this.isUnknown(value))) {
      return 'Stays float32: the type of what it reads or gives is not known.';
    }
    const isQuantized = node.input.some(
      (value) => this.index.producer(this.main, value)?.node.opType === 'DequantizeLinear',
    );
    return all && isQuantized ? 'Stays as it is: it is quantized.' : undefined;
  }

  private isUnknown(value: string): boolean {
    return this.shapes.dtypeOf(this.main, value) === 0;
  }
}

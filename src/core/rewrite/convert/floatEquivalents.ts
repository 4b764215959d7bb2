import { InputError } from '../../errors';
import type { GraphIndex } from '../../graph/graphIndex';
import type { NodeRef, Scope } from '../../graph/types';
import { normalDomain } from '../../onnx/attributes';
import { floatTensor, makeNode, type NodeSpec } from '../../onnx/build';
import { inlineFloats, inlineInts } from '../../onnx/tensor';
import { DataType, type Node, type Tensor } from '../../onnx/types';
import type { GraphChanges } from '../graphChanges';
import type { Notes } from '../notes';
import { type Codes, dequantized } from './dequantized';
import { isNeverNegative, keepsSign, valueInputs } from './quantizedOperators';

/** A quantized value and the float value that stands for it now. */
export interface FloatValue {
  readonly name: string;
  /** Names of the parameters that it was quantized with; undefined when they are computed at run time. */
  readonly scale?: string;
  readonly zeroPoint?: string;
}

/** Least and greatest code of each integer type. */
const codeRanges: ReadonlyMap<number, readonly [number, number]> = new Map([
  [DataType.UINT8, [0, 255]],
  [DataType.INT8, [-128, 127]],
  [DataType.UINT16, [0, 65535]],
  [DataType.INT16, [-32768, 32767]],
  [DataType.UINT4, [0, 15]],
  [DataType.INT4, [-8, 7]],
]);

/** Keeps track of the float values that take the place of quantized ones, in all scopes of a model. */
export class FloatEquivalents {
  private readonly values = new Map<Scope, Map<string, FloatValue>>();
  private readonly constants = new Map<string, string>();
  /** Names of the float constants that were added. */
  readonly added = new Set<string>();
  /** Values of which a lower bound of zero says nothing new: not negative, or inputs of the model. */
  private readonly bounded = new Map<Scope, Set<string>>();

  constructor(
    readonly index: GraphIndex,
    readonly changes: GraphChanges,
    private readonly notes: Notes,
  ) {
    for (const scope of index.scopes) {
      const inputs = scope.container.input.map((input) => (typeof input === 'string' ? input : input.name));
      this.bounded.set(scope, new Set(inputs));
    }
  }

  /** Gives up. */
  refuse({ name, node }: NodeRef, why: string): never {
    throw new InputError(`"${name}" (${node.opType}) cannot be made float again: ${why}`);
  }

  get(scope: Scope, value: string): FloatValue | undefined {
    const at = this.index.definingScope(scope, value);
    return at && this.values.get(at)?.get(value);
  }

  /** Lets every reader of a quantized value read a float one. */
  set(scope: Scope, value: string, float: FloatValue): void {
    const known = this.values.get(scope) ?? new Map<string, FloatValue>();
    this.values.set(scope, known.set(value, float));
    if (float.name !== value) this.changes.redirect(value, float.name, scope.container);
  }

  /** The constant behind an input, which nobody else may set. */
  tensor({ node, scope }: NodeRef, position: number): Tensor | undefined {
    const constant = this.index.constant(scope, node.input[position] ?? '');
    return constant?.overridable ? undefined : constant?.tensor;
  }

  /** A constant input that has to be there. */
  needTensor(ref: NodeRef, position: number): Tensor {
    return (
      this.tensor(ref, position) ??
      this.refuse(ref, `its input ${position} ("${ref.node.input[position] ?? ''}") is not a constant.`)
    );
  }

  /** The float value of a quantized operand that has its scale and zero point at `position + 1` and `+ 2`. */
  operand(ref: NodeRef, position: number, layout: Pick<Codes, 'axis' | 'blockSize'> = {}): string {
    const value = ref.node.input[position] ?? '';
    const known = this.get(ref.scope, value);
    if (known) return known.name;
    if (!this.tensor(ref, position)) {
      this.refuse(ref, `"${value}" is made of integers that nothing in the model quantizes.`);
    }
    const scale = this.needTensor(ref, position + 1);
    const zeroPoint = ref.node.input[position + 2] ? this.needTensor(ref, position + 2) : undefined;
    return this.constant(ref, value, { ...layout, codes: this.needTensor(ref, position), scale, zeroPoint });
  }

  /** A constant by its codes, added where the codes are; the same codes with the same scale give one constant. */
  constant(ref: NodeRef, value: string, stored: Codes): string {
    const { scope } = this.index.constant(ref.scope, value) ?? ref;
    const factors = stored.factors?.map((factor) => factor.name).join();
    const parts = [scope.id, value, stored.scale.name, stored.axis, stored.blockSize, factors, stored.alpha];
    const key = parts.join('\u0000');
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const name = this.changes.fresh(plainName(value));
    this.constants.set(key, name);
    this.addConstant(scope, dequantized(name, stored));
    return name;
  }

  addConstant(scope: Scope, tensor: Tensor): void {
    this.added.add(tensor.name);
    this.changes.addInitializer(tensor, scope.container);
  }

  /** Takes a constant back that was added. */
  dropConstant(scope: Scope, tensor: Tensor): void {
    this.added.delete(tensor.name);
    this.changes.withdrawInitializer(tensor, scope.container);
  }

  /**
   * What a tensor is once it is no longer quantized. Quantizing cuts off what is below the least code: where that is
   * zero, tools leave out the Relu before it (or Relu6), so that it has to come back.
   * @param value computed by `ref`'s own nodes or another's, in float.
   * @param zeroPoint undefined: zero, of type uint8.
   * @returns the value to read, and the nodes that compute it.
   */
  saturated(
    ref: NodeRef,
    value: string,
    scale: Tensor | undefined,
    zeroPoint: Tensor | undefined,
  ): { readonly name: string; readonly nodes: readonly Node[] } {
    const { scope } = ref;
    const unchanged = { name: value, nodes: [] };
    const [step, ...others] = (scale && inlineFloats(scale)) ?? [];
    const [zero = 0] = (zeroPoint && inlineInts(zeroPoint)) ?? [];
    const range = codeRanges.get(zeroPoint?.dataType ?? DataType.UINT8);
    if (this.isBounded(scope, value) || step === undefined || others.length > 0 || zero !== range?.[0]) {
      return unchanged;
    }
    const isSix = Math.abs((range[1] - zero) * step - 6) <= step / 2;
    const spec = { input: [value], output: [this.changes.fresh(`${value}_${isSix ? 'Relu6' : 'Relu'}`)] };
    const [name = ''] = spec.output;
    this.notes.add(
      ref.name,
      `The quantized range begins at 0 and stood for a ${isSix ? 'Relu6' : 'Relu'}, which is written again.`,
    );
    this.markBounded(scope, name);
    return { name, nodes: [isSix ? this.clipToSix(ref, spec) : makeNode({ ...spec, opType: 'Relu', name })] };
  }

  private clipToSix({ scope }: NodeRef, spec: Pick<NodeSpec, 'input' | 'output'>): Node {
    const [name = ''] = spec.output;
    if (this.index.opset(scope, '') < 11) {
      const attributes = { min: { float: 0 }, max: { float: 6 } };
      return makeNode({ ...spec, opType: 'Clip', name, attributes });
    }
    const bounds = ([0, 6] as const).map((bound) => {
      const constant = this.changes.fresh(`${name}_${bound === 0 ? 'min' : 'max'}`);
      this.addConstant(scope, floatTensor(constant, [bound], []));
      return constant;
    });
    return makeNode({ ...spec, opType: 'Clip', name, input: [...spec.input, ...bounds] });
  }

  isBounded(scope: Scope, value: string): boolean {
    const at = this.index.definingScope(scope, value) ?? scope;
    return this.bounded.get(at)?.has(value) ?? false;
  }

  markBounded(scope: Scope, value: string): void {
    this.bounded.get(scope)?.add(value);
  }

  /** Follows through an operator of floats what is known to be bounded. */
  followBounds({ node, scope }: NodeRef): void {
    const isKept =
      keepsSign(node) &&
      valueInputs(node).every((value) => this.isBounded(scope, this.get(scope, value)?.name ?? value));
    const isDefault = normalDomain(node.domain) === '';
    if (isDefault && (isKept || isNeverNegative(node))) {
      for (const output of node.output) this.markBounded(scope, output);
    }
  }
}

/** The name of a tensor before it was quantized, as ONNX Runtime's tool and ours name the codes. */
function plainName(value: string): string {
  return value.replace(/_(quantized|codes|indices)$/, '') || value;
}

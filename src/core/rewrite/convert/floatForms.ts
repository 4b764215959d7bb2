/** The float operators that operators on quantized values stand for. */
import { operatorKey } from '../../graph/operands';
import type { Shapes } from '../../graph/shapes';
import type { NodeRef } from '../../graph/types';
import { attrFloat, attrInt, attrInts } from '../../onnx/attributes';
import { int64Tensor, makeAttribute, makeNode } from '../../onnx/build';
import type { Attribute, Node, Tensor } from '../../onnx/types';
import { unpackedMatrix } from './dequantized';
import type { FloatEquivalents } from './floatEquivalents';

/** A float operator without its output. */
export interface FloatForm {
  readonly opType: string;
  readonly input: readonly string[];
  readonly attribute: readonly Attribute[];
  /** A constant to be added to the result. */
  readonly bias?: string;
  /** Position of the output's scale, whose zero point is next; undefined: the output is float. */
  readonly result?: number;
}

export interface FormContext {
  readonly values: FloatEquivalents;
  readonly shapes: Shapes;
}

type Form = (ref: NodeRef, context: FormContext) => FloatForm;

/** Operators of one operand: value, scale, zero point, scale and zero point of the result. */
const unary =
  (opType: string, ...dropped: readonly string[]): Form =>
  (ref, { values }) => {
    refuseChannelsLast(ref, values);
    return { opType, input: [values.operand(ref, 0)], attribute: without(ref.node, ...dropped), result: 3 };
  };

const binary =
  (opType: string): Form =>
  (ref, { values }) => ({
    opType,
    input: [values.operand(ref, 0), values.operand(ref, 3)],
    attribute: [],
    result: 6,
  });

const conv: Form = (ref, { values }) => {
  refuseChannelsLast(ref, values);
  const input = [values.operand(ref, 0), values.operand(ref, 3, { axis: 0 })];
  if (ref.node.input[8]) input.push(integerBias(ref, values, 8, { own: 4, other: 1 }));
  return { opType: 'Conv', input, attribute: ref.node.attribute, result: 6 };
};

const product: Form = (ref, { values }) => ({
  opType: 'MatMul',
  input: [values.operand(ref, 0), values.operand(ref, 3, { axis: -1 })],
  attribute: [],
  result: 6,
});

const gemm: Form = (ref, { values }) => {
  const axis = attrInt(ref.node, 'transB', 0) === 0 ? 1 : 0;
  const input = [values.operand(ref, 0), values.operand(ref, 3, { axis })];
  const alpha = attrFloat(ref.node, 'alpha', 1);
  if (ref.node.input[6]) input.push(integerBias(ref, values, 6, { own: 4, other: 1, alpha }));
  return {
    opType: 'Gemm',
    input,
    attribute: ref.node.attribute,
    ...(ref.node.input[7] && { result: 7 }),
  };
};

const concat: Form = (ref, { values }) => {
  const parts = Math.floor((ref.node.input.length - 2) / 3);
  const input = Array.from({ length: parts }, (_, part) => values.operand(ref, 2 + 3 * part));
  return { opType: 'Concat', input, attribute: ref.node.attribute, result: 0 };
};

const where: Form = (ref, { values }) => ({
  opType: 'Where',
  input: [ref.node.input[0] ?? '', values.operand(ref, 1), values.operand(ref, 4)],
  attribute: [],
  result: 7,
});

/** Before opset 13, Softmax takes all axes from `axis` on as one: the attribute `opset` says which is meant. */
const softmax: Form = (ref, { values, shapes }) => {
  const { node, scope } = ref;
  const axis = attrInt(node, 'axis', -1);
  const rank = shapes.of(scope, node.input[0] ?? '')?.length;
  const own = values.index.opset(scope, '');
  const isLast = axis === -1 || axis === (rank ?? Infinity) - 1;
  if (attrInt(node, 'opset', own) < 13 !== own < 13 && !isLast) {
    values.refuse(
      ref,
      `its Softmax of opset ${attrInt(node, 'opset', own)} means something else in opset ${own}.`,
    );
  }
  if (axis < 0 && own < 11 && rank === undefined) values.refuse(ref, 'the rank of its input is not known.');
  const written = axis < 0 && rank !== undefined ? axis + rank : axis;
  const attribute = [makeAttribute('axis', { int: written })];
  return { opType: 'Softmax', input: [values.operand(ref, 0)], attribute, result: 3 };
};

const reduceMean: Form = (ref, { values }) => {
  const { node, scope } = ref;
  const axes = attrInts(node, 'axes');
  const input = [values.operand(ref, 0)];
  if (!axes || values.index.opset(scope, '') < 18) {
    return { opType: 'ReduceMean', input, attribute: node.attribute, result: 3 };
  }
  const name = values.changes.fresh(`${ref.name}_axes`);
  values.addConstant(scope, int64Tensor(name, axes));
  return { opType: 'ReduceMean', input: [...input, name], attribute: without(node, 'axes'), result: 3 };
};

const integerToFloat: Form = (ref, { values }) => {
  const { node } = ref;
  const known = values.get(ref.scope, node.input[0] ?? '');
  if (!known) return values.refuse(ref, `"${node.input[0] ?? ''}" is not quantized in the model.`);
  const weight = values.constant(ref, node.input[1] ?? '', {
    codes: values.needTensor(ref, 1),
    scale: values.needTensor(ref, 3),
    zeroPoint: values.tensor(ref, 5),
    axis: -1,
  });
  return { opType: 'MatMul', input: [known.name, weight], attribute: [], bias: node.input[6] };
};

const dynamicProduct: Form = (ref, { values }) => {
  const weight = values.constant(ref, ref.node.input[1] ?? '', {
    codes: values.needTensor(ref, 1),
    scale: values.needTensor(ref, 2),
    zeroPoint: values.tensor(ref, 3),
    axis: -1,
  });
  return {
    opType: 'MatMul',
    input: [ref.node.input[0] ?? '', weight],
    attribute: [],
    bias: ref.node.input[4],
  };
};

const packedProduct: Form = (ref, { values }) => {
  const { node, scope } = ref;
  const bits = attrInt(node, 'bits', 4);
  if (![2, 4, 8].includes(bits)) values.refuse(ref, `its weight has ${bits} bits.`);
  const optional = (position: number): Tensor | undefined =>
    node.input[position] ? values.needTensor(ref, position) : undefined;
  const name = values.changes.fresh(`${ref.name}.weight`);
  const weight = unpackedMatrix(name, {
    codes: values.needTensor(ref, 1),
    scales: values.needTensor(ref, 2),
    zeroPoints: optional(3),
    groups: optional(4),
    inputs: attrInt(node, 'K', 0),
    outputs: attrInt(node, 'N', 0),
    bits,
    blockSize: attrInt(node, 'block_size', 32),
  });
  values.addConstant(scope, weight);
  return { opType: 'MatMul', input: [node.input[0] ?? '', name], attribute: [], bias: node.input[5] };
};

const forms: ReadonlyMap<string, Form> = new Map([
  ['QLinearConv', conv],
  ['com.microsoft:QLinearConv', conv],
  ['QLinearMatMul', product],
  ['com.microsoft:QGemm', gemm],
  ['com.microsoft:QLinearAdd', binary('Add')],
  ['com.microsoft:QLinearMul', binary('Mul')],
  ['com.microsoft:QLinearSigmoid', unary('Sigmoid')],
  ['com.microsoft:QLinearLeakyRelu', unary('LeakyRelu')],
  ['com.microsoft:QLinearAveragePool', unary('AveragePool', 'channels_last')],
  ['com.microsoft:QLinearGlobalAveragePool', unary('GlobalAveragePool', 'channels_last')],
  ['com.microsoft:QLinearSoftmax', softmax],
  ['com.microsoft:QLinearReduceMean', reduceMean],
  ['com.microsoft:QLinearConcat', concat],
  ['com.microsoft:QLinearWhere', where],
  ['com.microsoft:MatMulIntegerToFloat', integerToFloat],
  ['com.microsoft:DynamicQuantizeMatMul', dynamicProduct],
  ['com.microsoft:MatMulNBits', packedProduct],
]);

/** How to write an operator in float; undefined for one without a rule. */
export function floatForm(ref: NodeRef): Form | undefined {
  return forms.get(operatorKey(ref.node));
}

/** The nodes of a form, with a value for its result. */
export function nodesOf(
  { name }: NodeRef,
  form: FloatForm,
  output: string,
  values: FloatEquivalents,
): Node[] {
  const { opType, input, attribute, bias } = form;
  const own = bias ? values.changes.fresh(`${output}_product`) : output;
  const node: Node = { ...makeNode({ opType, name, input, output: [own] }), attribute };
  if (!bias) return [node];
  const add = makeNode({ opType: 'Add', name: `${name}_Add`, input: [own, bias], output: [output] });
  return [node, add];
}

/** A bias of int32, whose scale is the product of those of the two operands. */
function integerBias(
  ref: NodeRef,
  values: FloatEquivalents,
  position: number,
  { own, other, alpha }: { readonly own: number; readonly other: number; readonly alpha?: number },
): string {
  return values.constant(ref, ref.node.input[position] ?? '', {
    codes: values.needTensor(ref, position),
    scale: values.needTensor(ref, own),
    factors: [values.needTensor(ref, other)],
    alpha,
    axis: -1,
  });
}

function refuseChannelsLast(ref: NodeRef, values: FloatEquivalents): void {
  if (attrInt(ref.node, 'channels_last', 0) !== 0) {
    values.refuse(ref, 'it has its channels last, which the float operator cannot.');
  }
}

function without(node: Node, ...names: readonly string[]): readonly Attribute[] {
  return node.attribute.filter(({ name }) => !names.includes(name));
}

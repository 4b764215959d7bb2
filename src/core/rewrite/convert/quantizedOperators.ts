/** Which operators work on quantized values. */
import { operatorKey } from '../../graph/operands';
import { normalDomain } from '../../onnx/attributes';
import type { Node } from '../../onnx/types';

/** Operators that only move or select values, so that they do to numbers what they do to codes. */
const movers: ReadonlySet<string> = new Set(
  `MaxPool Reshape Transpose Flatten Squeeze Unsqueeze Slice Gather GatherElements GatherND Concat Split Pad Resize
  Upsample Expand Tile Identity DepthToSpace SpaceToDepth ReduceMax ReduceMin Dropout`.split(/\s+/),
);

/** Operators whose result does not show whether they read codes or numbers. */
const indifferent: ReadonlySet<string> = new Set(['Shape', 'Size', 'ArgMax', 'ArgMin']);

/** Operators whose results are never below zero. */
const nonNegative: ReadonlySet<string> = new Set(
  'Relu Sigmoid Softmax Exp Abs Sqrt HardSigmoid Softplus ReduceSumSquare ReduceL1 ReduceL2'.split(' '),
);

/** Operators whose results are not below zero when what they read is not. */
const keepSign: ReadonlySet<string> = new Set([
  ...movers,
  ...'AveragePool GlobalAveragePool GlobalMaxPool ReduceMean ReduceSum Add Mul'.split(' '),
]);

const names =
  /^(QuantizeLinear|DequantizeLinear|DynamicQuantize.*|QLinear.*|QGemm|QAttention|QEmbed.*|QOrdered.*|QMoE|.*Integer(ToFloat)?|MatMulNBits|MatMulBnb4|MatMulFpQ4|GatherBlockQuantized|.*BFP|NhwcMaxPool|Nhwc.*Quant.*)$/;

/** True for an operator that makes, reads or unpacks quantized values. */
export function isQuantization(node: Node): boolean {
  return ['', 'com.microsoft'].includes(normalDomain(node.domain)) && names.test(node.opType);
}

export function movesValues(node: Node): boolean {
  return movers.has(operatorKey(node));
}

export function ignoresCodes(node: Node): boolean {
  return indifferent.has(operatorKey(node));
}

export function isNeverNegative(node: Node): boolean {
  return nonNegative.has(operatorKey(node));
}

export function keepsSign(node: Node): boolean {
  return keepSign.has(operatorKey(node));
}

/** Inputs of a mover that carry values, as opposed to shapes, indices and sizes. */
export function valueInputs({ opType, input }: Node): readonly string[] {
  return ['Concat', 'Add', 'Mul'].includes(opType) ? input : input.slice(0, 1);
}

import { dtypeName } from '../../onnx/dtype';
import type { Node, Tensor } from '../../onnx/types';
import type { GraphIndex } from '../graphIndex';
import { isQuantizationInput, operatorKey } from '../operands';
import type { Shapes } from '../shapes';
import { traceConstant } from '../traceWeight';
import type { NodeRef } from '../types';
import { integerChain } from './integerChain';
import { isDequantize, isDynamicQuantize, isIntegerProduct, isQuantize } from './operators';
import { constantAt, quantizedType } from './weightFormat';

/** The integers that stand for an activation, and the constants that say what they mean. */
export interface ActivationCodes {
  readonly value: string;
  readonly dtype: string;
  /** The range is measured in each run. */
  readonly dynamic: boolean;
  /** Absent, as the zero point: not a constant. */
  readonly scale?: Tensor;
  readonly zeroPoint?: Tensor;
}

/** Positions of a quantized operand with its scale and zero point. */
interface Operand {
  readonly value: number;
  readonly scale?: number;
  readonly zeroPoint: number;
}

interface Operands {
  readonly inputs: readonly Operand[];
  /** Of the first output; `value` is its position among the outputs. */
  readonly output?: Operand;
}

const operand = (value: number, scale: number, zeroPoint: number): Operand => ({ value, scale, zeroPoint });
const unary: Operands = { inputs: [operand(0, 1, 2)], output: operand(0, 3, 4) };
const binary: Operands = { inputs: [operand(0, 1, 2), operand(3, 4, 5)], output: operand(0, 6, 7) };

/** Operators that read or write integers whose scales are operands of their own. */
const integerOperands: Readonly<Record<string, Operands>> = {
  QLinearConv: binary,
  QLinearMatMul: binary,
  'com.microsoft:QLinearConv': binary,
  'com.microsoft:QGemm': { inputs: binary.inputs, output: operand(0, 7, 8) },
  'com.microsoft:MatMulIntegerToFloat': { inputs: [operand(0, 2, 4), operand(1, 3, 5)] },
  'com.microsoft:QAttention': { inputs: [operand(0, 3, 6)] },
  'com.microsoft:QLinearAdd': binary,
  'com.microsoft:QLinearMul': binary,
  'com.microsoft:QLinearAveragePool': unary,
  'com.microsoft:QLinearGlobalAveragePool': unary,
  'com.microsoft:QLinearLeakyRelu': unary,
  'com.microsoft:QLinearSigmoid': unary,
  'com.microsoft:QLinearSoftmax': unary,
  'com.microsoft:QLinearReduceMean': unary,
};

/** Operators that quantize their first input themselves, by the range it has in each run. */
const dynamicOperators: ReadonlySet<string> = new Set([
  'com.microsoft:DynamicQuantizeMatMul',
  'com.microsoft:DynamicQuantizeLSTM',
]);

/** The formats of a node's inputs, without constant ones and those that have none. */
export function inputFormats(index: GraphIndex, shapes: Shapes, ref: NodeRef): ActivationCodes[] {
  const { node, scope } = ref;
  return node.input.flatMap((value, position) => {
    if (value === '' || isQuantizationInput(node, position)) return [];
    const format = inputFormat(index, shapes, ref, position);
    return format && !traceConstant(index, scope, value) ? format : [];
  });
}

function inputFormat(
  index: GraphIndex,
  shapes: Shapes,
  ref: NodeRef,
  position: number,
): ActivationCodes | undefined {
  const { node, scope } = ref;
  const value = node.input[position] ?? '';
  const key = operatorKey(node);
  const own = operandsOf(node)?.inputs.find((candidate) => candidate.value === position);
  if (own) return codesOf(index, shapes, ref, value, own);
  if (position === 0 && dynamicOperators.has(key)) return { value, dtype: 'uint8', dynamic: true };
  const producer = index.producer(scope, value);
  if (producer && isDynamicQuantize(producer)) return { value, dtype: 'uint8', dynamic: true };
  if (producer && isQuantize(producer)) return quantizedBy(index, shapes, producer);
  if (producer && isDequantize(producer)) {
    const [codes = ''] = producer.node.input;
    return codesOf(index, shapes, producer, codes, operand(0, 1, 2));
  }
  // Codes that come through other operators, such as Transpose: their scale stands further up.
  if (position === 0 && isIntegerProduct(ref)) {
    return codesOf(index, shapes, ref, value, { value: 0, zeroPoint: 2 });
  }
  return undefined;
}

/** The format that a node's first output is rounded to: its own, or that of a QuantizeLinear after it. */
export function outputFormat(index: GraphIndex, shapes: Shapes, ref: NodeRef): ActivationCodes | undefined {
  const own = operandsOf(ref.node)?.output;
  if (own) return codesOf(index, shapes, ref, ref.node.output[own.value] ?? '', own);
  let value = integerChain(index, ref)?.output ?? ref.node.output[0] ?? '';
  // What the runtime fuses into the layer stands between it and its format.
  for (let fused = 0; fused < 2; fused++) {
    const readers = index.consumers(ref.scope, value);
    const quantize = readers.find(isQuantize);
    if (quantize) return quantizedBy(index, shapes, quantize);
    const [reader] = readers;
    if (!reader || readers.length > 1 || !['Relu', 'Clip'].includes(operatorKey(reader.node)))
      return undefined;
    value = reader.node.output[0] ?? '';
  }
  return undefined;
}

function operandsOf(node: Node): Operands | undefined {
  const key = operatorKey(node);
  if (Object.hasOwn(integerOperands, key)) return integerOperands[key];
  if (key !== 'com.microsoft:QLinearConcat') return undefined;
  const parts = Math.floor((node.input.length - 2) / 3);
  const inputs = Array.from({ length: Math.max(0, parts) }, (_, part) =>
    operand(2 + 3 * part, 3 + 3 * part, 4 + 3 * part),
  );
  return { inputs, output: operand(0, 0, 1) };
}

function quantizedBy(index: GraphIndex, shapes: Shapes, quantize: NodeRef): ActivationCodes {
  return {
    value: quantize.node.output[0] ?? '',
    dtype: quantizedType(index, shapes, quantize),
    dynamic: false,
    scale: constantAt(index, quantize, 1),
    zeroPoint: constantAt(index, quantize, 2),
  };
}

function codesOf(
  index: GraphIndex,
  shapes: Shapes,
  ref: NodeRef,
  value: string,
  at: Operand,
): ActivationCodes {
  const zeroPoint = constantAt(index, ref, at.zeroPoint);
  // Zero points have the type of the codes; without one, what computes them tells.
  const dtype = dtypeName(zeroPoint?.dataType ?? shapes.dtypeOf(ref.scope, value));
  return { value, dtype, dynamic: false, scale: constantAt(index, ref, at.scale), zeroPoint };
}

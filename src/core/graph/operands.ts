import { normalDomain } from '../onnx/attributes';
import type { Node } from '../onnx/types';

/** What the inputs of a weighted operator mean. */
export interface WeightedOperator {
  /** Inputs that may hold the weight, the usual one first. */
  readonly weight: readonly number[];
  /** Inputs that hold further weights. */
  readonly further?: readonly number[];
  /** What stands in the file at `weight`: plain values, or codes with their own scale and zero point inputs. */
  readonly form: 'float' | 'qlinear' | 'matmulnbits';
  readonly scale?: number;
  readonly zeroPoint?: number;
}

const float = (...weight: number[]): WeightedOperator => ({ weight, form: 'float' });
/** W, and R of the recurrence. */
const recurrent: WeightedOperator = { weight: [1], further: [2], form: 'float' };
const qlinear = (weight: number, scale?: number, zeroPoint?: number): WeightedOperator => ({
  weight: [weight],
  form: 'qlinear',
  scale,
  zeroPoint,
});

/** Operators of the default domain and of com.microsoft that carry a weight. Their names do not clash. */
const weighted: Readonly<Record<string, WeightedOperator>> = {
  Conv: float(1),
  ConvTranspose: float(1),
  DeformConv: float(1),
  Gemm: float(1, 0),
  MatMul: float(1, 0),
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  Gather: float(0),
  'com.microsoft:FusedConv': float(1),
  'com.microsoft:FusedGemm': float(1, 0),
  'com.microsoft:FusedMatMul': float(1, 0),
  'com.microsoft:Attention': float(1),
  QLinearConv: qlinear(3, 4, 5),
  QLinearMatMul: qlinear(3, 4, 5),
  ConvInteger: qlinear(1, undefined, 3),
  MatMulInteger: qlinear(1, undefined, 3),
  'com.microsoft:QGemm': qlinear(3, 4, 5),
  'com.microsoft:QLinearConv': qlinear(3, 4, 5),
  'com.microsoft:MatMulIntegerToFloat': qlinear(1, 3, 5),
  'com.microsoft:DynamicQuantizeMatMul': qlinear(1, 2, 3),
  'com.microsoft:DynamicQuantizeLSTM': qlinear(1, 8, 9),
  'com.microsoft:QAttention': qlinear(1, 4, 7),
  'com.microsoft:MatMulNBits': { weight: [1], form: 'matmulnbits', scale: 2, zeroPoint: 3 },
};

/** Inputs that hold scales, zero points and indices of quantized operators: not parameters of the model. */
const quantizationInputs: Readonly<Record<string, readonly number[]>> = {
  QuantizeLinear: [1, 2],
  DequantizeLinear: [1, 2],
  QLinearConv: [1, 2, 4, 5, 6, 7],
  QLinearMatMul: [1, 2, 4, 5, 6, 7],
  ConvInteger: [2, 3],
  MatMulInteger: [2, 3],
  'com.microsoft:QuantizeLinear': [1, 2],
  'com.microsoft:DequantizeLinear': [1, 2],
  'com.microsoft:QLinearConv': [1, 2, 4, 5, 6, 7],
  'com.microsoft:QGemm': [1, 2, 4, 5, 7, 8],
  'com.microsoft:MatMulIntegerToFloat': [2, 3, 4, 5],
  'com.microsoft:DynamicQuantizeMatMul': [2, 3],
  'com.microsoft:DynamicQuantizeLSTM': [8, 9, 10, 11],
  'com.microsoft:QAttention': [3, 4, 6, 7],
  'com.microsoft:MatMulNBits': [2, 3, 4],
  'com.microsoft:QLinearAdd': [1, 2, 4, 5, 6, 7],
  'com.microsoft:QLinearMul': [1, 2, 4, 5, 6, 7],
  'com.microsoft:QLinearAveragePool': [1, 2, 3, 4],
  'com.microsoft:QLinearGlobalAveragePool': [1, 2, 3, 4],
  'com.microsoft:QLinearLeakyRelu': [1, 2, 3, 4],
  'com.microsoft:QLinearSigmoid': [1, 2, 3, 4],
  'com.microsoft:QLinearSoftmax': [1, 2, 3, 4],
  'com.microsoft:QLinearReduceMean': [1, 2, 3, 4],
};

/** `Conv`, or `com.microsoft:QGemm` outside the default domain. */
export function operatorKey(node: Node): string {
  const domain = normalDomain(node.domain);
  return domain === '' ? node.opType : `${domain}:${node.opType}`;
}

export function weightedOperator(node: Node): WeightedOperator | undefined {
  const key = operatorKey(node);
  return Object.hasOwn(weighted, key) ? weighted[key] : undefined;
}

/** True when the input at `position` describes a quantization instead of carrying values. */
export function isQuantizationInput(node: Node, position: number): boolean {
  const key = operatorKey(node);
  if (key === 'com.microsoft:QLinearConcat') return position < 2 || (position - 2) % 3 !== 0;
  return Object.hasOwn(quantizationInputs, key) && (quantizationInputs[key]?.includes(position) ?? false);
}

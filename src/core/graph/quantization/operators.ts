import { operatorKey } from '../operands';
import type { NodeRef } from '../types';

export function isQuantize({ node }: NodeRef): boolean {
  return ['QuantizeLinear', 'com.microsoft:QuantizeLinear'].includes(operatorKey(node));
}

export function isDequantize({ node }: NodeRef): boolean {
  return ['DequantizeLinear', 'com.microsoft:DequantizeLinear'].includes(operatorKey(node));
}

export function isDynamicQuantize({ node }: NodeRef): boolean {
  return operatorKey(node) === 'DynamicQuantizeLinear';
}

/** True for products of integers whose sums are still to be scaled. */
export function isIntegerProduct({ node }: NodeRef): boolean {
  return ['ConvInteger', 'MatMulInteger'].includes(operatorKey(node));
}

/** True for nodes that change the format of a value and nothing else. */
export function changesFormat(ref: NodeRef): boolean {
  return isQuantize(ref) || isDequantize(ref) || isDynamicQuantize(ref);
}

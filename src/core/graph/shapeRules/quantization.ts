/** QuantizeLinear and its family. */
import { attrInt } from '../../onnx/attributes';
import { DataType } from '../../onnx/types';
import type { Rule, Rules } from './facts';

const quantize: Rule = (operation) => {
  const declared = attrInt(operation.node, 'output_dtype', 0);
  const fromZeroPoint = operation.has(2) ? operation.input(2).dtype : DataType.UINT8;
  return [{ dtype: declared || fromZeroPoint, shape: operation.input(0).shape }];
};

const dequantize: Rule = (operation) => {
  const declared = attrInt(operation.node, 'output_dtype', 0);
  return [{ dtype: declared || operation.input(1).dtype, shape: operation.input(0).shape }];
};

const dynamicQuantize: Rule = (operation) => [
  { dtype: DataType.UINT8, shape: operation.input(0).shape },
  { dtype: DataType.FLOAT, shape: [] },
  { dtype: DataType.UINT8, shape: [] },
];

export const quantizationRules: Rules = {
  QuantizeLinear: quantize,
  'com.microsoft:QuantizeLinear': quantize,
  DequantizeLinear: dequantize,
  'com.microsoft:DequantizeLinear': dequantize,
  DynamicQuantizeLinear: dynamicQuantize,
};

import { floatTensor, int64Tensor, makeTensor, bytesOf } from '../onnx/build';
import { DataType, type Node, type Tensor } from '../onnx/types';

/**
 * The tensor of a Constant node, whichever attribute holds it. `value` is the file's own tensor; the scalar and list
 * forms (opset 12) become one. Undefined for sparse values, for references to a function's attributes, and for other
 * nodes.
 */
export function constantTensor(node: Node): Tensor | undefined {
  if (node.opType !== 'Constant' || (node.domain !== '' && node.domain !== 'ai.onnx')) return undefined;
  const name = node.output[0] ?? '';
  for (const held of node.attribute) {
    if (held.refAttrName !== '') continue;
    switch (held.name) {
      case 'value':
        return held.t;
      case 'value_float':
        return floatTensor(name, [held.f], []);
      case 'value_floats':
        return floatTensor(name, held.floats);
      case 'value_int':
        return int64Scalar(name, held.i);
      case 'value_ints':
        return makeTensor(name, DataType.INT64, [held.ints.length], bytesOf(BigInt64Array.from(held.ints)));
      case 'value_string':
        return {
          ...int64Tensor(name, [], []),
          dataType: DataType.STRING,
          rawData: undefined,
          stringData: [held.s],
        };
      case 'value_strings':
        return {
          ...int64Tensor(name, [], [held.strings.length]),
          dataType: DataType.STRING,
          rawData: undefined,
          stringData: held.strings,
        };
    }
  }
  return undefined;
}

function int64Scalar(name: string, value: bigint): Tensor {
  return makeTensor(name, DataType.INT64, [], bytesOf(BigInt64Array.of(value)));
}

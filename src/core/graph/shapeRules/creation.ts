/** Operators that make tensors from sizes: Shape, Range, ConstantOfShape... */
import { attrInt, attrInts, attrTensor } from '../../onnx/attributes';
import { DataType } from '../../onnx/types';
import { type Dim, isNumber, maximumValues, numbers, productOf, type Rule, type Rules } from './facts';
import { smallValues } from './smallValues';

const shapeOf: Rule = (operation) => {
  const { shape } = operation.input(0);
  const start = attrInt(operation.node, 'start', 0);
  const end = operation.node.attribute.some(({ name }) => name === 'end')
    ? attrInt(operation.node, 'end', 0)
    : undefined;
  const part = shape?.slice(start, end);
  return [{ dtype: DataType.INT64, shape: [part?.length ?? null], values: part }];
};

const sizeOf: Rule = (operation) => {
  const { shape } = operation.input(0);
  return [{ dtype: DataType.INT64, shape: [], values: shape && [productOf(shape)] }];
};

const constantOfShape: Rule = (operation) => {
  const sizes = operation.input(0).values;
  const value = attrTensor(operation.node, 'value');
  const dtype = value?.dataType ?? DataType.FLOAT;
  if (!sizes) return [{ dtype }];
  const count = productOf(sizes);
  const element = value ? smallValues(value)?.[0] : 0;
  const isSmall = isNumber(count) && count <= maximumValues;
  const values = isSmall && element !== undefined ? Array<number>(count).fill(element) : undefined;
  return [{ dtype, shape: sizes, values }];
};

const range: Rule = (operation) => {
  const { dtype } = operation.input(0);
  const [start, limit, delta] = [0, 1, 2].map((position) => numbers(operation.input(position))?.[0]);
  if (start === undefined || limit === undefined || !delta) {
    const end = operation.input(1).values?.[0] ?? null;
    const isCount = start === 0 && delta === 1;
    return [{ dtype, shape: [isCount ? end : null] }];
  }
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  const values =
    count <= maximumValues ? Array.from({ length: count }, (_, step) => start + step * delta) : undefined;
  return [{ dtype, shape: [count], values }];
};

const random: Rule = ({ node }) => [
  { dtype: attrInt(node, 'dtype', DataType.FLOAT), shape: attrInts(node, 'shape') },
];

const like: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  return [{ dtype: attrInt(operation.node, 'dtype', dtype), shape }];
};

const window: Rule = (operation) => {
  const size: Dim = operation.input(0).values?.[0] ?? null;
  return [{ dtype: attrInt(operation.node, 'output_datatype', DataType.FLOAT), shape: [size] }];
};

export const creationRules: Rules = {
  Shape: shapeOf,
  Size: sizeOf,
  ConstantOfShape: constantOfShape,
  Range: range,
  RandomNormal: random,
  RandomUniform: random,
  EyeLike: like,
  Bernoulli: like,
  RandomNormalLike: like,
  RandomUniformLike: like,
  HannWindow: window,
  HammingWindow: window,
  BlackmanWindow: window,
};

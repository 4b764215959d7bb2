import { derive } from '../../onnx/origin';
import { attribute, attrFloat, attrInt, attrString } from '../../onnx/attributes';
import { floatTensor, int64Tensor, makeNode } from '../../onnx/build';
import { AttributeType, DataType, type Node } from '../../onnx/types';
import {
  type Adapter,
  type AdapterContext,
  hasAttribute,
  without,
  withAttribute,
  withInput,
} from './adapter';

/**
 * Opset 7 replaced `broadcast`/`axis` by the rules of NumPy: an operand whose axes began at `axis` gets trailing axes
 * of size 1.
 */
export const broadcastBinary: Adapter = (node, context) => {
  const bare = without(node, 'broadcast', 'axis');
  if (attrInt(node, 'broadcast', 0) === 0 || !hasAttribute(node, 'axis')) return [bare];
  const [left, right] = [context.shape(0), context.shape(1)];
  if (!left || !right) return context.refuse('the shapes that its axis attribute aligns are unknown');
  const axis = attrInt(node, 'axis', 0);
  const from = axis < 0 ? axis + left.length : axis;
  return appendAxes(bare, 1, left.length - from - right.length, right.length, context);
};

/** Opset 7: the slope of PRelu, one value per channel, is aligned like any other operand. */
export const preluSlope: Adapter = (node, context) => {
  const [input, slope] = [context.shape(0), context.shape(1)];
  if (slope?.length !== 1 || slope[0] === 1) return [node];
  if (!input) return context.refuse('the rank of its input is unknown');
  return appendAxes(node, 1, input.length - 2, 1, context);
};

function appendAxes(
  node: Node,
  position: number,
  count: number,
  rank: number,
  context: AdapterContext,
): readonly Node[] {
  if (count <= 0) return [node];
  const aligned = context.fresh(`${node.output[0] ?? ''}_aligned`);
  const axes = Array.from({ length: count }, (_, i) => rank + i);
  const unsqueeze = makeNode({
    opType: 'Unsqueeze',
    name: context.fresh(`${node.name}_Unsqueeze`),
    input: [node.input[position] ?? ''],
    output: [aligned],
    attributes: { axes: { ints: axes } },
  });
  return [unsqueeze, withInput(node, position, aligned)];
}

/** Opset 11: the bounds of Clip are inputs. */
export const clipBounds: Adapter = (node, context) => {
  // The defaults were the extremes of float32, which is no bound.
  let result = without(node, 'min', 'max');
  for (const [position, name] of ['', 'min', 'max'].entries()) {
    if (!hasAttribute(node, name)) continue;
    const bound = attrFloat(node, name, 0);
    result = withInput(result, position, context.constant(floatTensor('', [bound], [])));
  }
  return [result];
};

/** Opset 12: Dropout has its ratio as an input; training needs another one and stays off. */
export const dropoutRatio: Adapter = (node, context) => {
  const ratio = attrFloat(node, 'ratio', 0.5);
  return [withInput(without(node, 'ratio'), 1, context.constant(floatTensor('', [ratio], [])))];
};

/** Opset 6: Selu's constants got more digits; a node that relied on the old ones keeps them. */
export const seluDefaults: Adapter = (node) => [
  withAttribute(withAttribute(node, 'alpha', { float: attrFloat(node, 'alpha', 1.6732) }), 'gamma', {
    float: attrFloat(node, 'gamma', 1.0507),
  }),
];

/** Opset 6: Cast names its type by number. */
export const castType: Adapter = (node, context) => {
  // Some exporters wrote the number early.
  if (attribute(node, 'to')?.type === AttributeType.INT) return [node];
  const name = attrString(node, 'to', '');
  const type = Object.hasOwn(DataType, name) ? DataType[name as keyof typeof DataType] : undefined;
  return type === undefined
    ? context.refuse(`it casts to "${name}"`)
    : [withAttribute(node, 'to', { int: type })];
};

/** Opset 9: BatchNormalization is always per channel. */
export const batchNormSpatial: Adapter = (node, context) => {
  // Per activation is the same as per channel when there are no further axes.
  if (attrInt(node, 'spatial', 1) === 0 && context.shape(0)?.length !== 2) {
    return context.refuse('it normalizes per activation (spatial = 0)');
  }
  return [without(node, 'spatial')];
};

/** Opset 14: the statistics of training are other outputs. */
export const batchNormOutputs: Adapter = (node, context) => {
  if (node.output.some((_, position) => position > 0 && context.isRead(position))) {
    return context.refuse('it gives out the statistics of training');
  }
  return [derive(node, { output: node.output.slice(0, 1) })];
};

/** Opset 10: TopK has k as an input. */
export const topKInput: Adapter = (node, context) => [
  withInput(without(node, 'k'), 1, context.constant(int64Tensor('', [attrInt(node, 'k', 1)]))),
];

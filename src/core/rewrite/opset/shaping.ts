import { attrFloat, attrInt, attrInts } from '../../onnx/attributes';
import { bytesOf, floatTensor, int64Tensor, makeTensor } from '../../onnx/build';
import { derive } from '../../onnx/origin';
import { DataType, type Node } from '../../onnx/types';
import {
  type Adapter,
  type AdapterContext,
  hasAttribute,
  without,
  withAttribute,
  withInput,
} from './adapter';

/** Moves a list of integers from an attribute to an input. */
function listToInput(name: string, position: number): Adapter {
  return (node, context) => {
    const list = attrInts(node, name);
    if (!list) return [node];
    return [withInput(without(node, name), position, context.constant(int64Tensor('', list)))];
  };
}

/** Opset 5. */
export const reshapeShape = listToInput('shape', 1);
/** Opset 13. */
export const splitSizes = listToInput('split', 1);
/** Opset 13: Squeeze, Unsqueeze, ReduceSum. Opset 18: the other reductions. */
export const axesInput = listToInput('axes', 1);

/** Opset 18: Split into equal parts says how many. */
export const splitCount: Adapter = (node) => [
  node.input[1] ? node : withAttribute(node, 'num_outputs', { int: node.output.length }),
];

/** Opset 20: DFT has its axis as an input, with another default. */
export const dftAxis: Adapter = (node, context) => [
  withInput(without(node, 'axis'), 2, context.constant(int64Tensor('', [attrInt(node, 'axis', 1)], []))),
];

/** Opset 4: the axis of Concat must be given; it was 1. */
export const concatAxis: Adapter = (node) => [withAttribute(node, 'axis', { int: attrInt(node, 'axis', 1) })];

/** Opset 2: Pad called them `paddings`. */
export const padNames: Adapter = (node) => [
  derive(node, {
    attribute: node.attribute.map((held) =>
      held.name === 'paddings' ? derive(held, { name: 'pads' }) : held,
    ),
  }),
];

/** Opset 2: the sizes of Split can only be an attribute. */
export const splitSizesAttribute: Adapter = (node, context) => {
  const named = withAttribute(node, 'axis', { int: attrInt(node, 'axis', 0) });
  if (!node.input[1]) return [named];
  const sizes = context.ints(1);
  if (!sizes) return context.refuse('its sizes are computed while the model runs');
  return [withAttribute(derive(named, { input: node.input.slice(0, 1) }), 'split', { ints: sizes })];
};

/** Opset 11: Pad has its widths and value as inputs. */
export const padInputs: Adapter = (node, context) => {
  const pads = attrInts(node, 'pads') ?? [];
  const value = attrFloat(node, 'value', 0);
  const padded = withInput(without(node, 'pads', 'value'), 1, context.constant(int64Tensor('', pads)));
  return [value === 0 ? padded : withInput(padded, 2, context.constant(floatTensor('', [value], [])))];
};

/** Opset 10: Slice has its ranges as inputs. */
export const sliceInputs: Adapter = (node, context) => {
  let result: Node = without(node, 'starts', 'ends', 'axes');
  for (const [position, name] of ['', 'starts', 'ends', 'axes'].entries()) {
    if (hasAttribute(node, name)) result = withInput(result, position, int64List(node, name, context));
  }
  return [result];
};

/** Elements of an INTS attribute as a constant, exact: `ends` is often 2^63 - 1. */
function int64List(node: Node, name: string, context: AdapterContext): string {
  const ints = node.attribute.find((held) => held.name === name)?.ints ?? [];
  return context.constant(makeTensor('', DataType.INT64, [ints.length], bytesOf(BigInt64Array.from(ints))));
}

import type { Shape } from '../../graph/types';
import { attrInt } from '../../onnx/attributes';
import { makeNode } from '../../onnx/build';
import { derive } from '../../onnx/origin';
import { type Adapter, withAttribute } from './adapter';

/**
 * Opset 13: Softmax, LogSoftmax and Hardmax work along one axis. Before, all axes from `axis` on were one. Where only
 * one of those is longer than 1, that axis is meant; otherwise the node is put between Flatten and Reshape.
 */
export const softmaxAxis: Adapter = (node, context) => {
  const axis = attrInt(node, 'axis', 1);
  const shape = context.shape(0);
  const single = soleAxis(shape, axis);
  if (single !== undefined) return [withAttribute(node, 'axis', { int: single })];
  const [input = ''] = node.input;
  const [output = ''] = node.output;
  const sizes = context.fresh(`${output}_shape`);
  const flat = context.fresh(`${output}_flat`);
  const result = context.fresh(`${output}_flat_result`);
  return [
    makeNode({ opType: 'Shape', name: context.fresh(`${node.name}_Shape`), input: [input], output: [sizes] }),
    makeNode({
      opType: 'Flatten',
      name: context.fresh(`${node.name}_Flatten`),
      input: [input],
      output: [flat],
      attributes: { axis: { int: axis } },
    }),
    derive(withAttribute(node, 'axis', { int: -1 }), { input: [flat], output: [result] }),
    makeNode({
      opType: 'Reshape',
      name: context.fresh(`${node.name}_Reshape`),
      input: [result, sizes],
      output: [output],
    }),
  ];
};

/** The one axis from `axis` on that can be longer than 1; undefined when there are several or the rank is unknown. */
function soleAxis(shape: Shape | undefined, axis: number): number | undefined {
  if (axis === -1) return -1;
  if (!shape) return undefined;
  const from = axis < 0 ? axis + shape.length : axis;
  const long = shape.flatMap((size, position) => (position >= from && size !== 1 ? [position] : []));
  return long.length > 1 ? undefined : (long[0] ?? shape.length - 1);
}

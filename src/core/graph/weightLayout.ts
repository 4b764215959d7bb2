import { attrInts } from '../onnx/attributes';
import { numericShape } from './shapeRules/facts';
import type { Shapes } from './shapes';
import type { NodeRef } from './types';

/** How the axes of an operand follow from those of the stored tensor. */
export interface WeightLayout {
  readonly shape: readonly number[];
  /** For each axis of the operand, the stored axis that it is; undefined where axes are mixed. */
  readonly axes: readonly (number | undefined)[];
}

/** Operators that change nothing about the axes. Slice and Concat put parts of one tensor in another order. */
const keepsAxes: ReadonlySet<string> = new Set([
  'Cast',
  'CastLike',
  'Concat',
  'DequantizeLinear',
  'Gather',
  'Identity',
  'Mul',
  'QuantizeLinear',
  'Slice',
]);

/**
 * Follows a stored tensor through the nodes between it and its operator.
 * @param steps the operand's producer first, as `traceConstant` gives them.
 * @returns undefined when a shape on the way is unknown.
 */
export function replayLayout(
  dims: readonly number[],
  steps: readonly NodeRef[],
  shapes: Shapes,
): WeightLayout | undefined {
  let layout: WeightLayout = { shape: dims, axes: dims.map((_, axis) => axis) };
  for (const { node, scope } of [...steps].reverse()) {
    const { shape, axes } = layout;
    if (node.opType === 'Transpose') {
      const order = attrInts(node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
      layout = { shape: order.map((axis) => shape[axis] ?? 0), axes: order.map((axis) => axes[axis]) };
      continue;
    }
    const isResized = ['Concat', 'Slice'].includes(node.opType);
    if (keepsAxes.has(node.opType) && !isResized) continue;
    const after = numericShape(shapes.of(scope, node.output[0] ?? ''));
    if (!after) return undefined;
    layout = { shape: after, axes: isResized ? axes : reshapedAxes(layout, after) };
  }
  return layout;
}

/** An axis survives a Reshape where it keeps its size and what lies before it keeps its total. */
function reshapedAxes({ shape, axes }: WeightLayout, after: readonly number[]): (number | undefined)[] {
  const before = (sizes: readonly number[], axis: number) =>
    sizes.slice(0, axis).reduce((product, size) => product * size, 1);
  return after.map((size, axis) => {
    const source = shape.findIndex(
      (old, at) => old === size && size > 1 && before(shape, at) === before(after, axis),
    );
    return axes[source];
  });
}

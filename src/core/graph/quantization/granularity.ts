/** Which parts of a weight share a scale, told from the shape of the scales. */
import { attrInt } from '../../onnx/attributes';
import type { Node, Tensor } from '../../onnx/types';
import type { WeightGranularity } from '../../results';

const PER_TENSOR: WeightGranularity = { kind: 'per-tensor' };

function countOf({ dims }: Tensor): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** One scale, or one per index of `axis`. */
export function perAxis(scale: Tensor, axis: number): WeightGranularity {
  const scales = countOf(scale);
  return scales <= 1 ? PER_TENSOR : { kind: 'per-channel', axis, scales };
}

/**
 * Of a DequantizeLinear: one scale, a vector along `axis`, or a tensor of the codes' rank with one scale per block.
 * @param dims of the codes.
 * @param shape of the weight as its operator sees it.
 */
export function dequantizeGranularity(
  node: Node,
  scale: Tensor,
  dims: readonly number[],
  shape: readonly number[],
): WeightGranularity {
  const scales = countOf(scale);
  if (scales <= 1) return PER_TENSOR;
  const rank = dims.length;
  const given = attrInt(node, 'axis', 1);
  const axis = Math.min(Math.max(given < 0 ? given + rank : given, 0), Math.max(0, rank - 1));
  if (scale.dims.length > 1) {
    const along = Math.ceil((dims[axis] ?? 1) / Math.max(1, scale.dims[axis] ?? 1));
    return { kind: 'blocked', axis, blockSize: attrInt(node, 'block_size', 0) || along, scales };
  }
  const [outputs = 0, inputs = 0, ...kernel] = shape;
  const isPerKernel =
    kernel.length > 0 && rank === 2 && axis === 0 && inputs > 1 && scales === outputs * inputs;
  return isPerKernel ? { kind: 'per-kernel', scales } : { kind: 'per-channel', axis, scales };
}

/**
 * Of a Mul by a constant that is broadcast to `dims`.
 * Several axes with scales of their own: kernels of a convolution, else blocks.
 */
export function factorGranularity(scale: Tensor, dims: readonly number[]): WeightGranularity {
  const scales = countOf(scale);
  const axes = scale.dims.flatMap((size, index) =>
    size > 1 ? [dims.length - scale.dims.length + index] : [],
  );
  const [first, second] = axes;
  if (first === undefined) return PER_TENSOR;
  if (second === undefined) return { kind: 'per-channel', axis: first, scales };
  if (axes.length === 2 && second === 1 && dims.length > 3) return { kind: 'per-kernel', scales };
  const elements = dims.reduce((product, size) => product * size, 1);
  return { kind: 'blocked', axis: axes.at(-1) ?? first, blockSize: Math.ceil(elements / scales), scales };
}

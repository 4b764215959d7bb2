/** Nodes that scale and shift each channel by constants. */
import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import { attrFloat, attrInt } from '../onnx/attributes';
import { readFloat32 } from '../onnx/tensor';
import { DataType, type Tensor } from '../onnx/types';
import { biasPerChannel } from './bias';

/** y = (x - mean)·scale + shift, per channel. */
export interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float32Array;
  readonly mean: Float32Array;
}

/**
 * Reads the statistics of a BatchNormalization as of opset 7 in inference; undefined when they are not constants, or
 * not one value per channel.
 */
export function normalization(
  index: GraphIndex,
  norm: NodeRef,
  channels: number,
): (() => Promise<Affine>) | undefined {
  if (attrInt(norm.node, 'training_mode', 0) !== 0) return undefined;
  // Further outputs are running statistics of training.
  if (norm.node.output.slice(1).some((name) => isRead(index, norm, name))) return undefined;
  const statistics = [1, 2, 3, 4].flatMap((position) => floatConstant(index, norm, position) ?? []);
  if (statistics.length < 4 || statistics.some(({ dims }) => dims.length !== 1 || dims[0] !== channels))
    return undefined;
  const epsilon = attrFloat(norm.node, 'epsilon', 1e-5);
  return async () => {
    const [gain, shift, mean, variance] = await Promise.all(statistics.map(readFloat32));
    if (!gain || !shift || !mean || !variance) throw new Error('four statistics were read');
    const scale = Float64Array.from(gain, (value, c) => value / Math.sqrt((variance[c] ?? 0) + epsilon));
    return { scale, shift, mean };
  };
}

/** Add and Mul with a constant operand at `position`: one value for all or one per channel, along axis 1 of `rank` axes. */
export function constantOperand(
  index: GraphIndex,
  follower: NodeRef,
  position: number,
  channels: number,
  rank: number,
): (() => Promise<Affine>) | undefined {
  const tensor = floatConstant(index, follower, position);
  if (!tensor || !isPerChannel(tensor.dims, channels, rank)) return undefined;
  return async () => {
    const values = await biasPerChannel(tensor, channels, readFloat32);
    const zeros = new Float32Array(channels);
    return follower.node.opType === 'Add'
      ? { scale: new Float64Array(channels).fill(1), shift: values, mean: zeros }
      : { scale: Float64Array.from(values), shift: zeros, mean: zeros };
  };
}

/** True when an operand of shape `dims` varies along the channel axis only, in a tensor of `rank` axes. */
function isPerChannel(dims: readonly number[], channels: number, rank: number): boolean {
  const aligned = [...new Array<number>(Math.max(rank - dims.length, 0)).fill(1), ...dims];
  if (aligned.length !== rank) return false;
  return aligned.every((size, axis) => size === 1 || (axis === 1 && size === channels));
}

function isRead(index: GraphIndex, { scope }: NodeRef, value: string): boolean {
  return value !== '' && (index.isOutput(scope, value) || index.consumers(scope, value).length > 0);
}

/** A constant float32 input that no caller can replace. */
export function floatConstant(
  index: GraphIndex,
  { node, scope }: NodeRef,
  position: number,
): Tensor | undefined {
  const constant = index.constant(scope, node.input[position] ?? '');
  return constant?.tensor.dataType === (DataType.FLOAT as number) && !constant.overridable
    ? constant.tensor
    : undefined;
}

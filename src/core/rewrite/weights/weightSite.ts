import { attrInt, normalDomain } from '../../onnx/attributes';
import type { LayerWeight, NodeRef } from '../../graph/types';

/** How an operator reads a constant operand: what a format depends on besides the tensor. Axes are those of the stored tensor. */
export interface WeightSite {
  /**
   * The axis whose slices may have parameters of their own: the output channels, or the input channels of a ConvTranspose
   * with groups, whose other axis mixes channels of different groups. undefined: there is none.
   */
  readonly channelAxis: number | undefined;
  /** Where blocks run; undefined: nowhere. */
  readonly blocks: BlockedSide | undefined;
  /** A convolution's window begins at this axis; undefined: there is none. */
  readonly windowAxis: number | undefined;
  /** Version of the default operator set that the nodes around it may be of. */
  readonly opset: number;
}

/** The inputs of one output, of which neighbours make a block. */
export interface BlockedSide {
  readonly axis: number;
  /** Axes that are seen as one, `axis` the first of them: the window of a Conv. */
  readonly flattened: boolean;
  /** Inputs of one output channel. */
  readonly length: number;
}

/** The facts about a layer's weight. */
export function weightSite({ node }: NodeRef, weight: LayerWeight, opset: number): WeightSite {
  const { shape, axes } = weight;
  const sides = normalDomain(node.domain) === '' ? sidesOf(node, weight) : undefined;
  if (!sides) return plainSite(opset);
  const channelAxis = axes[sides.channel];
  const inputAxis = axes[sides.input];
  // Several axes can be seen as one, or as a window, only where the stored tensor has them in this order.
  const isWhole = shape.length === weight.tensor.dims.length && axes.every((stored, axis) => stored === axis);
  const isFlattened = sides.flattened && shape.length > 2;
  const hasBlocks = inputAxis !== undefined && (isWhole || !isFlattened);
  return {
    channelAxis,
    blocks: hasBlocks ? { axis: inputAxis, flattened: isFlattened, length: sides.length } : undefined,
    windowAxis: sides.isConvolution && isWhole ? 2 : undefined,
    opset,
  };
}

/** A constant without channels: a bias. */
export function plainSite(opset: number): WeightSite {
  return { channelAxis: undefined, blocks: undefined, windowAxis: undefined, opset };
}

/** Axes as the operator sees its weight. */
interface Sides {
  readonly channel: number;
  readonly input: number;
  readonly length: number;
  readonly flattened: boolean;
  readonly isConvolution: boolean;
}

function sidesOf(node: NodeRef['node'], { shape, inputIndex }: LayerWeight): Sides | undefined {
  const rank = shape.length;
  const matrix = (channel: number, input: number): Sides => ({
    channel,
    input,
    length: shape[input] ?? 0,
    flattened: false,
    isConvolution: false,
  });
  const isSet = (name: string): boolean => attrInt(node, name, 0) !== 0;
  switch (node.opType) {
    case 'Conv': {
      const length = shape.slice(1).reduce((product, size) => product * size, 1);
      return { channel: 0, input: 1, length, flattened: true, isConvolution: true };
    }
    case 'ConvTranspose': {
      const group = attrInt(node, 'group', 1);
      const length = (shape[0] ?? 0) / group;
      return { channel: group === 1 ? 1 : 0, input: 0, length, flattened: false, isConvolution: true };
    }
    case 'Gemm': {
      if (inputIndex === 0) return isSet('transA') ? matrix(1, 0) : matrix(0, 1);
      return isSet('transB') ? matrix(0, 1) : matrix(1, 0);
    }
    case 'MatMul':
      return inputIndex === 0 ? matrix(rank - 2, rank - 1) : matrix(rank - 1, rank - 2);
    case 'Gather': {
      const axis = attrInt(node, 'axis', 0);
      const rows = axis < 0 ? axis + rank : axis;
      return matrix(rows, rows === rank - 1 ? rows - 1 : rank - 1);
    }
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      // [directions, gates · hidden, inputs]
      return matrix(1, 2);
    default:
      return undefined;
  }
}

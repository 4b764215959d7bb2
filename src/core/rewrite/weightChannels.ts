import { attrInt } from '../onnx/attributes';
import type { Node } from '../onnx/types';

/** Which output and which input channel the elements of a layer's weight belong to. */
export interface WeightChannels {
  readonly outputs: number;
  readonly inputs: number;
  /** @param at position in the stored tensor. */
  outputOf(at: number): number;
  inputOf(at: number): number;
}

/**
 * The channels of a Conv, ConvTranspose, Gemm or MatMul whose weight of shape `dims` is the second input; undefined for other
 * operators and for stacked matrices.
 */
export function weightChannels(node: Node, dims: readonly number[]): WeightChannels | undefined {
  const [rows = 0, columns = 0] = dims;
  const isConvolution = node.opType === 'Conv' || node.opType === 'ConvTranspose';
  const isMatrix = node.opType === 'Gemm' || node.opType === 'MatMul';
  if (isConvolution ? dims.length < 3 : !isMatrix || dims.length !== 2) return undefined;
  const groups = isConvolution ? attrInt(node, 'group', 1) : 1;
  const inner = dims.slice(2).reduce((product, size) => product * size, 1);
  // The first axis counts all channels of one side, the second those of the other side within a group.
  const rowOf = (at: number): number => Math.floor(at / (columns * inner));
  const columnOf = (at: number): number =>
    (Math.floor(at / inner) % columns) + Math.floor(rowOf(at) / (rows / groups)) * columns;
  const isOutputFirst =
    node.opType === 'Conv' || (node.opType === 'Gemm' && attrInt(node, 'transB', 0) !== 0);
  return isOutputFirst
    ? { outputs: rows, inputs: columns * groups, outputOf: rowOf, inputOf: columnOf }
    : { outputs: columns * groups, inputs: rows, outputOf: columnOf, inputOf: rowOf };
}

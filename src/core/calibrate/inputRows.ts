import { positions, windowOf } from '../graph/shapeRules/windows';
import type { Layer } from '../graph/types';
import { attrInt } from '../onnx/attributes';
import type { Node } from '../onnx/types';
import { type MatrixView, product } from './weightMatrix';

export type RowNumbers = Float32Array | Float64Array;

/** The rows that a layer multiplies its weight with, in an input of given shape. */
export interface InputRowReader {
  /** Rows per group: positions of the output, over all of the batch. */
  readonly count: number;
  /**
   * Copies one row of every group.
   * @param at where the row of group 0 starts in `target`; those of later groups start `groupStep` elements apart.
   */
  copy(data: RowNumbers, row: number, target: Float32Array, at: number, groupStep: number): void;
}

/**
 * How to read the rows of an input of shape `dims`: im2col rows of a Conv, pixels of a ConvTranspose, vectors of a Gemm or
 * MatMul. Undefined when the shape does not fit the weight.
 */
export function inputRowReader(
  { ref, weight }: Layer,
  view: MatrixView,
  dims: readonly number[],
): InputRowReader | undefined {
  if (!weight) return undefined;
  const isLeft = weight.inputIndex === 0;
  const weightDims = weight.tensor.dims;
  switch (ref.node.opType) {
    case 'Conv':
      return windowRows(ref.node, view, weightDims, dims);
    case 'ConvTranspose': {
      const [batch = 0, channels = 0] = dims;
      if (dims.length !== weightDims.length || channels !== view.groups * view.depth) return undefined;
      const pixels = product(dims.slice(2));
      const starts = Array.from({ length: view.groups }, (_, group) =>
        Array.from({ length: batch }, (_, n) => (n * channels + group * view.depth) * pixels),
      );
      return vectorRows(starts, pixels, 1, view.depth, pixels);
    }
    case 'Gemm': {
      // The data is the other operand; its rows lie along M for a left one, along N for a right one.
      const alongFirst = isLeft === (attrInt(ref.node, isLeft ? 'transB' : 'transA', 0) !== 0);
      return matrixRows(view, [], dims, alongFirst);
    }
    case 'MatMul':
      return matrixRows(view, weightDims.slice(0, -2), dims, !isLeft);
    default:
      return undefined;
  }
}

/** Rows that are vectors with a constant step: `starts` holds, per group, where each of its blocks of rows begins. */
function vectorRows(
  starts: readonly (readonly number[])[],
  rowsPerBlock: number,
  rowStep: number,
  depth: number,
  depthStep: number,
): InputRowReader {
  return {
    count: (starts[0]?.length ?? 0) * rowsPerBlock,
    copy(data, row, target, at, groupStep) {
      const block = Math.floor(row / rowsPerBlock);
      const offset = (row % rowsPerBlock) * rowStep;
      for (const [group, blocks] of starts.entries()) {
        const from = (blocks[block] ?? 0) + offset;
        const to = at + group * groupStep;
        for (let k = 0; k < depth; k++) target[to + k] = data[from + k * depthStep] ?? 0;
      }
    },
  };
}

/**
 * Rows of the data operand of a product.
 * @param stack leading dimensions of the weight, which broadcast with those of the data.
 * @param alongFirst rows are the matrix's rows: [.., rows, depth]; otherwise its columns: [.., depth, rows].
 */
function matrixRows(
  { groups, depth }: MatrixView,
  stack: readonly number[],
  dims: readonly number[],
  alongFirst: boolean,
): InputRowReader | undefined {
  const isVector = dims.length === 1;
  const matrix = isVector ? [1, dims[0] ?? 0] : dims.slice(-2);
  const [first = 0, second = 0] = matrix;
  const isByRow = alongFirst || isVector;
  if ((isByRow ? second : first) !== depth) return undefined;
  const starts = blocksPerGroup(groups, stack, dims.slice(0, -2), first * second);
  return (
    starts &&
    (isByRow ? vectorRows(starts, first, second, depth, 1) : vectorRows(starts, second, 1, depth, second))
  );
}

/** Where the matrices of the data begin that each matrix of the weight is multiplied with. */
function blocksPerGroup(
  groups: number,
  stack: readonly number[],
  batch: readonly number[],
  matrixSize: number,
): number[][] | undefined {
  const rank = Math.max(stack.length, batch.length);
  const padded = (sizes: readonly number[]) => [...Array<number>(rank - sizes.length).fill(1), ...sizes];
  const [weightSizes, dataSizes] = [padded(stack), padded(batch)];
  if (weightSizes.some((size, axis) => size !== 1 && dataSizes[axis] !== 1 && dataSizes[axis] !== size))
    return undefined;
  const starts = Array.from({ length: groups }, (): number[] => []);
  for (let at = 0; at < product(dataSizes); at++) {
    // The groups that this matrix belongs to: one index where the data has it, all where it is broadcast.
    let members = [0];
    let rest = at;
    let step = 1;
    for (let axis = rank - 1; axis >= 0; axis--) {
      const dataSize = dataSizes[axis] ?? 1;
      const weightSize = weightSizes[axis] ?? 1;
      const own = rest % dataSize;
      rest = Math.floor(rest / dataSize);
      const indices =
        weightSize === 1 ? [0] : dataSize === 1 ? Array.from({ length: weightSize }, (_, i) => i) : [own];
      members = members.flatMap((member) => indices.map((index) => member + index * step));
      step *= weightSize;
    }
    for (const member of members) starts[member]?.push(at * matrixSize);
  }
  return starts;
}

/** im2col rows: channels of the group × taps of the filter, zero where a tap lies in the padding. */
function windowRows(
  node: Node,
  { groups }: MatrixView,
  weightDims: readonly number[],
  dims: readonly number[],
): InputRowReader | undefined {
  const kernel = weightDims.slice(2);
  const channels = weightDims[1] ?? 0;
  const sizes = dims.slice(2);
  if (dims.length !== weightDims.length || dims[1] !== groups * channels) return undefined;
  const window = windowOf(node, kernel);
  const output = kernel.map((_, axis) => positions(sizes[axis], window, axis, false));
  if (!output.every((size) => typeof size === 'number')) return undefined;
  const begins = kernel.map((taps, axis) => {
    if (!window.autoPad.startsWith('SAME'))
      return window.autoPad === 'VALID' ? 0 : (window.begins[axis] ?? 0);
    const span = (taps - 1) * (window.dilations[axis] ?? 1) + 1;
    const total = Math.max(
      0,
      ((output[axis] ?? 0) - 1) * (window.strides[axis] ?? 1) + span - (sizes[axis] ?? 0),
    );
    return window.autoPad === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2);
  });
  const pixels = product(sizes);
  const perImage = product(output);
  const taps = product(kernel);
  const offsets = new Int32Array(taps);
  return {
    count: (dims[0] ?? 0) * perImage,
    copy(data, row, target, at, groupStep) {
      const place = coordinates(row % perImage, output);
      for (let tap = 0; tap < taps; tap++) {
        let offset = 0;
        for (const [axis, step] of coordinates(tap, kernel).entries()) {
          const size = sizes[axis] ?? 1;
          const x =
            (place[axis] ?? 0) * (window.strides[axis] ?? 1) -
            (begins[axis] ?? 0) +
            step * (window.dilations[axis] ?? 1);
          offset = offset < 0 || x < 0 || x >= size ? -1 : offset * size + x;
        }
        offsets[tap] = offset;
      }
      const image = Math.floor(row / perImage) * groups * channels * pixels;
      for (let channel = 0; channel < groups * channels; channel++) {
        const from = image + channel * pixels;
        const to = at + Math.floor(channel / channels) * groupStep + (channel % channels) * taps;
        for (let tap = 0; tap < taps; tap++) {
          const offset = offsets[tap] ?? -1;
          target[to + tap] = offset < 0 ? 0 : (data[from + offset] ?? 0);
        }
      }
    },
  };
}

function coordinates(flat: number, shape: readonly number[]): number[] {
  const place = Array<number>(shape.length).fill(0);
  for (let axis = shape.length - 1, rest = flat; axis >= 0; axis--) {
    place[axis] = rest % (shape[axis] ?? 1);
    rest = Math.floor(rest / (shape[axis] ?? 1));
  }
  return place;
}

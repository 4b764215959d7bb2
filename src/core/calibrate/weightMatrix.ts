import { operatorKey } from '../graph/operands';
import type { Layer } from '../graph/types';
import { attrInt } from '../onnx/attributes';

/**
 * A layer's weight as the matrices that its input rows are multiplied by: `groups` × `columns` × `depth`. Element
 * (group, column, k) stands at group · groupStep + column · columnStep + k · depthStep of the stored tensor.
 */
export interface MatrixView {
  readonly groups: number;
  /** Output columns per group. */
  readonly columns: number;
  /** Elements of an input row. */
  readonly depth: number;
  readonly groupStep: number;
  readonly columnStep: number;
  readonly depthStep: number;
}

/**
 * The matrices of a layer; undefined for layers that do not multiply by their weight (tables, recurrent nodes), and where
 * other operators stand between weight and layer.
 * - Conv [O, I/g, k…]: O/g columns of I/g·k… (im2col).
 * - ConvTranspose [I, O/g, k…]: O/g·k… columns of I/g: what each input pixel adds to the output. That these overlap there
 *   is neglected.
 * - Gemm: one matrix. MatMul: one per stacked matrix of the weight.
 */
export function matrixView({ ref, weight }: Layer): MatrixView | undefined {
  if (!weight || weight.stored.via !== 'float' || ref.node.input[weight.inputIndex] !== weight.name)
    return undefined;
  const { dims } = weight.tensor;
  const [first = 1, second = 1] = dims;
  const groups = attrInt(ref.node, 'group', 1);
  const isLeft = weight.inputIndex === 0;
  if (dims.some((size) => size < 1)) return undefined;
  switch (operatorKey(ref.node)) {
    case 'Conv':
      return dims.length < 3 ? undefined : stacked(groups, first / groups, product(dims.slice(1)), true);
    case 'ConvTranspose':
      return dims.length < 3 ? undefined : stacked(groups, product(dims.slice(1)), first / groups, false);
    case 'Gemm': {
      if (dims.length !== 2) return undefined;
      const isTransposed = attrInt(ref.node, isLeft ? 'transA' : 'transB', 0) !== 0;
      // [columns, depth] for a left operand, [depth, columns] for a right one, unless transposed.
      return isLeft === isTransposed ? stacked(1, second, first, false) : stacked(1, first, second, true);
    }
    case 'MatMul': {
      if (dims.length < 2) return undefined;
      const [rows = 1, columns = 1] = dims.slice(-2);
      const count = product(dims.slice(0, -2));
      return isLeft ? stacked(count, rows, columns, true) : stacked(count, columns, rows, false);
    }
    default:
      return undefined;
  }
}

/** Matrices one after another: column by column, or element by element of the columns. */
function stacked(groups: number, columns: number, depth: number, columnFirst: boolean): MatrixView {
  const [columnStep, depthStep] = columnFirst ? [depth, 1] : [1, columns];
  return { groups, columns, depth, groupStep: columns * depth, columnStep, depthStep };
}

/** Matrices that stand as [groups, columns, depth]. */
export function packedView(groups: number, columns: number, depth: number): MatrixView {
  return stacked(groups, columns, depth, true);
}

/** The values of a tensor as [groups, columns, depth]; the same array when they stand so already. */
export function asMatrices(values: Float32Array, view: MatrixView): Float32Array {
  const { depth, columnStep, depthStep } = view;
  if (columnStep === depth && depthStep === 1) return values;
  const matrices = new Float32Array(values.length);
  forEachColumn(view, (start, column) => {
    for (let k = 0; k < depth; k++) matrices[column * depth + k] = values[start + k * depthStep] ?? 0;
  });
  return matrices;
}

/** Visits each column: where it starts in the tensor, its number (group · columns + column) and its group. */
export function forEachColumn(
  { groups, columns, groupStep, columnStep }: MatrixView,
  visit: (start: number, column: number, group: number) => void,
): void {
  for (let group = 0; group < groups; group++) {
    for (let column = 0; column < columns; column++) {
      visit(group * groupStep + column * columnStep, group * columns + column, group);
    }
  }
}

export function product(sizes: readonly number[]): number {
  return sizes.reduce((count, size) => count * size, 1);
}

import { InputError } from '../errors';
import type { WeightSlice } from '../inspectorResults';
import { elementCount } from '../onnx/tensor';
import { BLOCK_ELEMENTS, forEachBlock } from '../onnx/tensorBlocks';
import type { Tensor } from '../onnx/types';
import type { CancelSignal } from '../ports';

/** Cells of a reply at most: with the digits of float32, well below a megabyte. */
export const MOST_CELLS = 2 ** 15;
const MOST_CELL_ROWS = 2 ** 10;

export interface SliceOptions {
  /** Axes of the stored tensor that run down and across. */
  readonly axes: readonly [number, number];
  /** Position on each of the other axes, in their order; 0 where absent. */
  readonly index?: readonly number[];
  readonly maxRows?: number;
  readonly maxColumns?: number;
  /** What a cell tells of several elements. */
  readonly reduce?: 'mean' | 'maxAbs';
  readonly signal?: CancelSignal;
}

/**
 * A 2-D slice of a weight, with neighbours reduced to one cell where there are more rows or columns than asked for.
 * Reads the part of the tensor that holds the slice, block by block.
 * @throws InputError for axes or positions that the tensor does not have, OnnxFileError, CancelledError
 */
export async function weightSlice(
  tensor: Tensor,
  { axes, index = [], maxRows = 128, maxColumns = 128, reduce: wished = 'mean', signal }: SliceOptions,
): Promise<Omit<WeightSlice, 'layer' | 'weight' | 'values'>> {
  const { dims } = tensor;
  checkAxes(dims, axes, index);
  const others = dims.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const stride = (axis: number): number => dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  const base = others.reduce((sum, axis, at) => sum + (index[at] ?? 0) * stride(axis), 0);
  const [rows, columns] = [dims[axes[0]] ?? 0, dims[axes[1]] ?? 0];
  const rowsPerCell = perCell(rows, Math.min(maxRows, MOST_CELL_ROWS));
  const columnsPerCell = perCell(
    columns,
    Math.min(maxColumns, Math.floor(MOST_CELLS / Math.ceil(rows / rowsPerCell || 1))),
  );
  // An element alone keeps its sign.
  const reduce = rowsPerCell * columnsPerCell === 1 ? null : wished;
  const cellRows = Math.ceil(rows / rowsPerCell);
  const cellColumns = Math.ceil(columns / columnsPerCell);
  const sums = new Float64Array(cellRows * cellColumns);
  const counts = new Uint32Array(sums.length);
  let [min, max] = [Infinity, -Infinity];
  const take = (value: number, row: number, column: number): void => {
    if (value - value !== 0) return;
    if (value < min) min = value;
    if (value > max) max = value;
    const cell = Math.floor(row / rowsPerCell) * cellColumns + Math.floor(column / columnsPerCell);
    const before = sums[cell] as number;
    sums[cell] = reduce === 'maxAbs' ? Math.max(before, Math.abs(value)) : before + value;
    counts[cell] = (counts[cell] as number) + 1;
  };
  await visitSlice(tensor, base, [rows, stride(axes[0])], [columns, stride(axes[1])], take, signal);
  const isEmpty = min > max;
  return {
    shape: [...dims],
    axes: [...axes],
    index: others.map((_, at) => index[at] ?? 0),
    rows,
    columns,
    rowsPerCell,
    columnsPerCell,
    reduce,
    cells: Array.from({ length: cellRows }, (_, row) =>
      Array.from({ length: cellColumns }, (__, column) => {
        const at = row * cellColumns + column;
        const count = counts[at] as number;
        if (count === 0) return null;
        return Math.fround(reduce === 'mean' ? (sums[at] as number) / count : (sums[at] as number));
      }),
    ),
    min: isEmpty ? null : min,
    max: isEmpty ? null : max,
  };
}

type Walk = readonly [count: number, stride: number];

/** Visits the elements base + row · strideR + column · strideC, in the order of the file. */
async function visitSlice(
  tensor: Tensor,
  base: number,
  rows: Walk,
  columns: Walk,
  take: (value: number, row: number, column: number) => void,
  signal: CancelSignal | undefined,
): Promise<void> {
  const isRowMajor = rows[1] >= columns[1];
  const [outer, inner] = isRowMajor ? [rows, columns] : [columns, rows];
  const [outerCount, outerStride] = outer;
  const [innerCount, innerStride] = inner;
  if (outerCount === 0 || innerCount === 0) return;
  const length = (innerCount - 1) * innerStride + 1;
  // Runs near to each other are read together.
  const together = Math.max(1, Math.floor((BLOCK_ELEMENTS - length) / outerStride) + 1);
  for (let first = 0; first < outerCount; first += together) {
    const last = Math.min(outerCount, first + together) - 1;
    const from = base + first * outerStride;
    const to = base + last * outerStride + length;
    await forEachBlock(
      tensor,
      (block, start) => {
        for (let o = first; o <= last; o++) {
          const offset = base + o * outerStride - start;
          const firstInside = Math.max(0, Math.ceil(-offset / innerStride));
          for (let i = firstInside; i < innerCount; i++) {
            const at = offset + i * innerStride;
            if (at >= block.length) break;
            const value = block[at] as number;
            if (isRowMajor) take(value, o, i);
            else take(value, i, o);
          }
        }
      },
      { from, to: Math.min(to, elementCount(tensor)), signal },
    );
  }
}

function perCell(count: number, most: number): number {
  return Math.max(1, Math.ceil(count / Math.max(1, most)));
}

function checkAxes(dims: readonly number[], axes: readonly [number, number], index: readonly number[]): void {
  const [down, across] = axes;
  const isAxis = (axis: number): boolean => Number.isInteger(axis) && axis >= 0 && axis < dims.length;
  if (!isAxis(down) || !isAxis(across) || down === across) {
    throw new InputError(
      `A slice needs two axes of 0 to ${dims.length - 1}, not ${down} and ${across}: the weight is [${dims.join(', ')}].`,
    );
  }
  const others = dims.filter((_, axis) => axis !== down && axis !== across);
  for (const [at, position] of index.entries()) {
    const size = others[at];
    if (size !== undefined && Number.isInteger(position) && position >= 0 && position < size) continue;
    throw new InputError(
      `There is no slice ${position}: of its other axes [${others.join(', ')}] the weight has positions from 0.`,
    );
  }
}

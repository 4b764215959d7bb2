import type { AttributeValue } from '../../../src/core/onnx/build';
import type { Dims } from '../rewrite/models';

/** A layer that multiplies `x` by one weight. */
export interface LayerCase {
  readonly what: string;
  readonly op: 'Conv' | 'ConvTranspose' | 'Gemm' | 'MatMul';
  readonly input: Dims;
  readonly weight: Dims;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** The weight is the left operand. */
  readonly left?: boolean;
  /** Of an output of these dims, which column of the weight's matrices an element is. */
  readonly columnOf: (at: readonly number[], output: Dims) => number;
}

const ints = (...values: number[]) => ({ ints: values });
const int = (value: number) => ({ int: value });
const channel: LayerCase['columnOf'] = (at) => at[1] ?? 0;
const last: LayerCase['columnOf'] = (at) => at.at(-1) ?? 0;

/** Every form in which a layer reads its input. */
export const layerCases: readonly LayerCase[] = [
  { what: 'Conv', op: 'Conv', input: [2, 3, 6, 5], weight: [4, 3, 3, 2], columnOf: channel },
  {
    what: 'Conv with strides, uneven pads and dilations',
    op: 'Conv',
    input: [1, 2, 9, 8],
    weight: [3, 2, 3, 2],
    attributes: { strides: ints(2, 3), pads: ints(1, 0, 2, 3), dilations: ints(2, 1) },
    columnOf: channel,
  },
  ...['SAME_UPPER', 'SAME_LOWER', 'VALID'].map((autoPad): LayerCase => ({
    what: `Conv with ${autoPad}`,
    op: 'Conv',
    input: [1, 2, 7, 8],
    weight: [3, 2, 4, 3],
    attributes: { auto_pad: autoPad, strides: ints(2, 3) },
    columnOf: channel,
  })),
  {
    what: 'Conv in groups',
    op: 'Conv',
    input: [2, 6, 5, 5],
    weight: [9, 2, 3, 3],
    attributes: { group: int(3), pads: ints(1, 1, 1, 1) },
    columnOf: channel,
  },
  {
    what: 'depthwise Conv',
    op: 'Conv',
    input: [1, 5, 6, 6],
    weight: [5, 1, 3, 3],
    attributes: { group: int(5), strides: ints(2, 2) },
    columnOf: channel,
  },
  { what: 'Conv of one dimension', op: 'Conv', input: [1, 3, 20], weight: [4, 3, 5], columnOf: channel },
  { what: 'Conv of three', op: 'Conv', input: [1, 2, 4, 5, 4], weight: [3, 2, 2, 3, 2], columnOf: channel },
  {
    what: 'ConvTranspose whose patches do not overlap',
    op: 'ConvTranspose',
    input: [2, 4, 3, 5],
    weight: [4, 3, 2, 2],
    attributes: { strides: ints(2, 2) },
    columnOf: (at) => (at[1] ?? 0) * 4 + ((at[2] ?? 0) % 2) * 2 + ((at[3] ?? 0) % 2),
  },
  {
    what: 'ConvTranspose in groups',
    op: 'ConvTranspose',
    input: [1, 4, 3, 3],
    weight: [4, 3, 2, 1],
    attributes: { strides: ints(2, 1), group: int(2) },
    columnOf: (at) => (at[1] ?? 0) * 2 + ((at[2] ?? 0) % 2),
  },
  { what: 'Gemm', op: 'Gemm', input: [5, 7], weight: [7, 3], columnOf: last },
  {
    what: 'Gemm with both transposed',
    op: 'Gemm',
    input: [7, 5],
    weight: [3, 7],
    attributes: { transA: int(1), transB: int(1) },
    columnOf: last,
  },
  {
    what: 'Gemm of a left weight',
    op: 'Gemm',
    input: [7, 5],
    weight: [3, 7],
    left: true,
    columnOf: (at) => at[0] ?? 0,
  },
  {
    what: 'Gemm of a left weight, both transposed',
    op: 'Gemm',
    input: [5, 7],
    weight: [7, 3],
    attributes: { transA: int(1), transB: int(1) },
    left: true,
    columnOf: (at) => at[0] ?? 0,
  },
  { what: 'MatMul', op: 'MatMul', input: [2, 3, 4, 7], weight: [7, 5], columnOf: last },
  { what: 'MatMul of a vector', op: 'MatMul', input: [7], weight: [7, 5], columnOf: last },
  {
    what: 'MatMul of a vector and stacked weights',
    op: 'MatMul',
    input: [7],
    weight: [3, 7, 5],
    columnOf: (at) => (at[0] ?? 0) * 5 + (at[1] ?? 0),
  },
  {
    what: 'MatMul of stacked left weights and a vector',
    op: 'MatMul',
    input: [7],
    weight: [3, 5, 7],
    left: true,
    columnOf: (at) => (at[0] ?? 0) * 5 + (at[1] ?? 0),
  },
  {
    what: 'MatMul of stacked weights',
    op: 'MatMul',
    input: [2, 3, 4, 7],
    weight: [3, 7, 5],
    columnOf: (at) => (at[1] ?? 0) * 5 + (at[3] ?? 0),
  },
  {
    what: 'MatMul of stacked weights with one input for all',
    op: 'MatMul',
    input: [4, 7],
    weight: [2, 3, 7, 5],
    columnOf: (at) => ((at[0] ?? 0) * 3 + (at[1] ?? 0)) * 5 + (at[3] ?? 0),
  },
  {
    what: 'MatMul of a left weight',
    op: 'MatMul',
    input: [3, 7, 4],
    weight: [5, 7],
    left: true,
    columnOf: (at) => at[1] ?? 0,
  },
  {
    what: 'MatMul of stacked left weights, broadcast both ways',
    op: 'MatMul',
    input: [1, 3, 7, 4],
    weight: [2, 1, 5, 7],
    left: true,
    columnOf: (at) => (at[0] ?? 0) * 5 + (at[2] ?? 0),
  },
];

/** One node of an opset below the one it is raised to: what the tests of the adapters run before and after. */
import {
  type AttributeValue,
  floatTensor,
  int64Tensor,
  makeGraph,
  makeModel,
  makeNode,
  makeValueInfo,
} from '../../../src/core/onnx/build';
import { DataType, type Model, type Tensor } from '../../../src/core/onnx/types';
import type { Feeds } from '../../../src/core/ports';

export interface Case {
  readonly opset: number;
  readonly op: string;
  /** Shapes of the model's inputs, which become the node's first inputs. */
  readonly inputs: readonly (readonly number[])[];
  readonly constants?: readonly Tensor[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly outputs?: number;
}

/** A model of that node alone, from `x0`, `x1`... to `y0`, `y1`... */
export function build({ opset, op, inputs, constants = [], attributes = {}, outputs = 1 }: Case): Model {
  const names = inputs.map((_, i) => `x${i}`);
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const node = makeNode({
    opType: op,
    input: [...names, ...constants.map(({ name }) => name)],
    output: results,
    attributes,
  });
  const graph = makeGraph({
    node: [node],
    initializer: constants,
    input: names.map((name, i) => makeValueInfo(name, DataType.FLOAT, inputs[i])),
    output: results.map((name) => makeValueInfo(name, DataType.FLOAT)),
  });
  return makeModel(graph, { opset, irVersion: 8 });
}

export function feedsFor(shapes: readonly (readonly number[])[]): Feeds {
  return Object.fromEntries(
    shapes.map((dims, input) => {
      const count = dims.reduce((product, size) => product * size, 1);
      const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + input) * 3);
      return [`x${input}`, { type: 'float32' as const, dims, data }];
    }),
  );
}

const image = [1, 3, 4, 6];
/** Below opset 13 they are raised to 13, from there to 21. */
export const cases: readonly Case[] = [
  { opset: 7, op: 'Dropout', inputs: [[2, 3]], attributes: { ratio: { float: 0.3 } } },
  { opset: 10, op: 'Dropout', inputs: [[2, 3]] },
  { opset: 7, op: 'Clip', inputs: [[2, 3]], attributes: { min: { float: -1 }, max: { float: 0.5 } } },
  { opset: 9, op: 'Clip', inputs: [[2, 3]], attributes: { max: { float: 0.5 } } },
  { opset: 7, op: 'Clip', inputs: [[2, 3]] },
  {
    opset: 9,
    op: 'Split',
    inputs: [[2, 6]],
    attributes: { axis: { int: 1 }, split: { ints: [1, 5] } },
    outputs: 2,
  },
  { opset: 11, op: 'Split', inputs: [[2, 6]], attributes: { axis: { int: -1 } }, outputs: 2 },
  ...(['Softmax', 'LogSoftmax', 'Hardmax'] as const).flatMap((op): Case[] => [
    { opset: 7, op, inputs: [[2, 5]] },
    { opset: 9, op, inputs: [[1, 5, 1, 1]] },
    { opset: 9, op, inputs: [[2, 3, 4]] },
    { opset: 11, op, inputs: [[2, 3, 4]], attributes: { axis: { int: -2 } } },
    { opset: 11, op, inputs: [[2, 3, 4]], attributes: { axis: { int: 2 } } },
    { opset: 9, op, inputs: [[3, 4]], attributes: { axis: { int: 0 } } },
  ]),
  { opset: 7, op: 'Squeeze', inputs: [[1, 3, 1, 2]], attributes: { axes: { ints: [0, 2] } } },
  { opset: 11, op: 'Squeeze', inputs: [[1, 3, 1, 2]] },
  { opset: 9, op: 'Unsqueeze', inputs: [[3, 2]], attributes: { axes: { ints: [0, 3] } } },
  {
    opset: 11,
    op: 'ReduceSum',
    inputs: [[2, 3, 4]],
    attributes: { axes: { ints: [1, -1] }, keepdims: { int: 0 } },
  },
  { opset: 8, op: 'ReduceSum', inputs: [[2, 3, 4]] },
  { opset: 9, op: 'ReduceMean', inputs: [[2, 3, 4]], attributes: { axes: { ints: [1] } } },
  {
    opset: 7,
    op: 'Pad',
    inputs: [image],
    attributes: { pads: { ints: [0, 0, 1, 2, 0, 0, 0, 1] }, value: { float: 2 } },
  },
  {
    opset: 10,
    op: 'Pad',
    inputs: [image],
    attributes: { pads: { ints: [0, 0, 1, 2, 0, 0, 0, 1] }, mode: 'reflect' },
  },
  {
    opset: 8,
    op: 'Slice',
    inputs: [[4, 6]],
    attributes: { starts: { ints: [1, -4] }, ends: { ints: [3, 1000] } },
  },
  {
    opset: 9,
    op: 'Slice',
    inputs: [[4, 6]],
    attributes: { starts: { ints: [1] }, ends: { ints: [5] }, axes: { ints: [1] } },
  },
  { opset: 7, op: 'Upsample', inputs: [image], attributes: { scales: { floats: [1, 1, 2, 3] } } },
  {
    opset: 7,
    op: 'Upsample',
    inputs: [image],
    attributes: { scales: { floats: [1, 1, 2, 2] }, mode: 'linear' },
  },
  { opset: 9, op: 'Upsample', inputs: [image], constants: [floatTensor('s', [1, 1, 1.5, 2])] },
  { opset: 10, op: 'Resize', inputs: [image], constants: [floatTensor('s', [1, 1, 0.5, 0.7])] },
  {
    opset: 10,
    op: 'Resize',
    inputs: [image],
    constants: [floatTensor('s', [1, 1, 2, 0.5])],
    attributes: { mode: 'linear' },
  },
  {
    opset: 8,
    op: 'BatchNormalization',
    inputs: [image],
    constants: [1, 2, 3, 4].map((k) => floatTensor(`p${k}`, [k, 1, 2])),
    attributes: { spatial: { int: 1 } },
  },
  {
    opset: 8,
    op: 'BatchNormalization',
    inputs: [[2, 3]],
    constants: [1, 2, 3, 4].map((k) => floatTensor(`p${k}`, [k, 1, 2])),
    attributes: { spatial: { int: 0 } },
  },
  { opset: 8, op: 'MaxPool', inputs: [image], attributes: { kernel_shape: { ints: [2, 2] } } },
  { opset: 7, op: 'AveragePool', inputs: [image], attributes: { kernel_shape: { ints: [2, 2] } } },
  {
    opset: 7,
    op: 'Gemm',
    inputs: [
      [2, 3],
      [4, 3],
    ],
    constants: [floatTensor('c', [1, 2, 3, 4])],
    attributes: { transB: { int: 1 }, alpha: { float: 0.5 } },
  },
  { opset: 7, op: 'PRelu', inputs: [image], constants: [floatTensor('slope', [0.1, 0.2, 0.3], [3, 1, 1])] },
  {
    opset: 9,
    op: 'Scatter',
    inputs: [[3, 3]],
    constants: [int64Tensor('i', [1, 0, 2], [1, 3]), floatTensor('u', [9, 8, 7], [1, 3])],
  },
  { opset: 7, op: 'Reshape', inputs: [[2, 6]], constants: [int64Tensor('shape', [3, -1])] },
  {
    opset: 13,
    op: 'BatchNormalization',
    inputs: [image],
    constants: [1, 2, 3, 4].map((k) => floatTensor(`p${k}`, [k, 1, 2])),
  },
  {
    opset: 15,
    op: 'RoiAlign',
    inputs: [image],
    constants: [floatTensor('rois', [0.3, 0.6, 4.2, 3.1], [1, 4]), int64Tensor('batch', [0])],
    attributes: { output_height: { int: 2 }, output_width: { int: 3 }, sampling_ratio: { int: 2 } },
  },
  { opset: 13, op: 'Split', inputs: [[2, 6]], attributes: { axis: { int: 1 } }, outputs: 3 },
  {
    opset: 13,
    op: 'Split',
    inputs: [[2, 6]],
    constants: [int64Tensor('sizes', [1, 5])],
    attributes: { axis: { int: 1 } },
    outputs: 2,
  },
  ...[
    'ReduceL1',
    'ReduceL2',
    'ReduceLogSum',
    'ReduceLogSumExp',
    'ReduceMax',
    'ReduceMean',
    'ReduceMin',
    'ReduceProd',
    'ReduceSumSquare',
  ].flatMap((op): Case[] => [
    { opset: 13, op, inputs: [[2, 3, 4]], attributes: { axes: { ints: [0, -1] }, keepdims: { int: 0 } } },
    { opset: 17, op, inputs: [[2, 3, 4]] },
  ]),
  {
    opset: 18,
    op: 'AveragePool',
    inputs: [image],
    attributes: {
      kernel_shape: { ints: [3, 3] },
      strides: { ints: [2, 2] },
      pads: { ints: [1, 1, 1, 1] },
      ceil_mode: { int: 1 },
      count_include_pad: { int: 1 },
    },
  },
  {
    opset: 13,
    op: 'Resize',
    inputs: [image],
    constants: [floatTensor('roi', []), floatTensor('s', [1, 1, 1.5, 0.5])],
    attributes: { mode: 'linear' },
  },
  {
    opset: 13,
    op: 'Resize',
    inputs: [image],
    constants: [floatTensor('roi', []), floatTensor('s', [1, 1, 1.5, 2.5])],
    attributes: { mode: 'cubic', exclude_outside: { int: 1 } },
  },
  {
    opset: 13,
    op: 'Pad',
    inputs: [image],
    constants: [int64Tensor('pads', [0, 0, 1, 2, 0, 0, 0, 1]), floatTensor('value', [2], [])],
  },
  { opset: 17, op: 'DFT', inputs: [[1, 4, 3, 1]] },
  { opset: 17, op: 'DFT', inputs: [[1, 4, 3, 1]], attributes: { axis: { int: 2 } } },
  ...[undefined, 'bilinear', 'bicubic', 'nearest'].map((mode): Case => ({
    opset: 16,
    op: 'GridSample',
    inputs: [image, [1, 2, 3, 2]],
    attributes: mode === undefined ? {} : { mode },
  })),
];

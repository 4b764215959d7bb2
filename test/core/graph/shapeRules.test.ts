import { describe, expect, it } from 'vitest';
import type { Shape } from '../../../src/core/graph/types';
import { type AttributeValue, floatTensor, int64Tensor, type NodeSpec } from '../../../src/core/onnx/build';
import type { Tensor } from '../../../src/core/onnx/types';
import { modelOf, type Spec, study } from './support';

type Case = [
  op: string,
  inputs: (Shape | Tensor)[],
  attributes: Record<string, AttributeValue>,
  expected: (Shape | undefined)[],
  opset?: number,
];

/** Runs one operator on inputs of given shapes (or constants) and returns its outputs' shapes. */
function shapesOf(
  op: string,
  inputs: (Shape | Tensor)[],
  attributes: NodeSpec['attributes'],
  outputs: number,
  opset = 20,
) {
  const names = inputs.map((_, position) => `in${position}`);
  const spec: Spec = {
    opset,
    inputs: Object.fromEntries(
      inputs.flatMap((input, position) => ('dims' in input ? [] : [[`in${position}`, input]])),
    ),
    initializer: inputs.flatMap((input, position) =>
      'dims' in input ? [{ ...input, name: `in${position}` }] : [],
    ),
    nodes: [
      {
        opType: op,
        input: names,
        output: Array.from({ length: outputs }, (_, at) => `out${at}`),
        attributes,
      },
    ],
  };
  const { shapes, main } = study(modelOf(spec));
  return Array.from({ length: outputs }, (_, at) => shapes.of(main, `out${at}`));
}

const ints = (...values: number[]): Tensor => int64Tensor('', values);
const max = 2 ** 62;

describe('operators', () => {
  const cases: Case[] = [
    [
      'Conv',
      [
        ['N', 3, 224, 224],
        [64, 3, 7, 7],
      ],
      { strides: { ints: [2, 2] }, pads: { ints: [3, 3, 3, 3] } },
      [['N', 64, 112, 112]],
    ],
    [
      'Conv',
      [
        [1, 4, 9],
        [8, 2, 3],
      ],
      { group: { int: 2 }, dilations: { ints: [2] } },
      [[1, 8, 5]],
    ],
    [
      'Conv',
      [
        [1, 3, 5, 6],
        [2, 3, 3, 3],
      ],
      { auto_pad: 'SAME_UPPER', strides: { ints: [2, 2] } },
      [[1, 2, 3, 3]],
    ],
    [
      'Conv',
      [
        [1, 3, 0, 6],
        [2, 3, 1, 1],
      ],
      {},
      [[1, 2, 0, 6]],
    ],
    [
      'ConvTranspose',
      [
        [1, 8, 5, 5],
        [8, 3, 3, 3],
      ],
      {
        strides: { ints: [2, 2] },
        pads: { ints: [1, 1, 1, 1] },
        output_padding: { ints: [1, 1] },
        group: { int: 2 },
      },
      [[1, 6, 10, 10]],
    ],
    [
      'MaxPool',
      [[1, 2, 13, 13]],
      { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] }, ceil_mode: { int: 1 } },
      [[1, 2, 6, 6]],
    ],
    [
      'AveragePool',
      [[1, 2, 12, 'W']],
      { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] }, ceil_mode: { int: 1 } },
      [[1, 2, 6, null]],
    ],
    ['GlobalAveragePool', [['N', 5, 'H', 'W']], {}, [['N', 5, 1, 1]]],
    ['Gemm', [['N', 4], [7, 4], [7]], { transB: { int: 1 } }, [['N', 7]]],
    [
      'MatMul',
      [
        ['B', 1, 5, 4],
        [3, 4, 2],
      ],
      {},
      [['B', 3, 5, 2]],
    ],
    ['MatMul', [[4], ['B', 4, 2]], {}, [['B', 2]]],
    ['MatMul', [[4], [4]], {}, [[]]],
    [
      'Add',
      [
        ['N', 1, 5],
        [4, 1],
      ],
      {},
      [['N', 4, 5]],
    ],
    [
      'Add',
      [
        ['N', 3],
        ['M', 3],
      ],
      {},
      [[null, 3]],
    ],
    [
      'Add',
      [
        [2, 3, 4, 5],
        [3, 4],
      ],
      { axis: { int: 1 }, broadcast: { int: 1 } },
      [[2, 3, 4, 5]],
      6,
    ],
    [
      'Concat',
      [
        ['N', 2, 4],
        ['N', 3, 4],
      ],
      { axis: { int: -2 } },
      [['N', 5, 4]],
    ],
    ['Reshape', [['N', 32, 7, 7], ints(0, -1)], {}, [['N', 1568]]],
    ['Reshape', [['N', 32, 7, 7], ints(-1, 1568)], {}, [['N', 1568]]],
    ['Reshape', [['N', 6], ints(-1, 4)], {}, [[null, 4]]],
    ['Reshape', [[0, 3], ints(0, 3)], { allowzero: { int: 1 } }, [[0, 3]]],
    ['Flatten', [['N', 2, 3]], {}, [['N', 6]]],
    ['Squeeze', [[1, 'N', 1], ints(0, -1)], {}, [['N']]],
    ['Squeeze', [[1, 'N', 1]], { axes: { ints: [0] } }, [['N', 1]], 11],
    ['Squeeze', [[1, 'N', 1]], {}, [undefined]],
    ['Unsqueeze', [['N', 3], ints(0, -1)], {}, [[1, 'N', 3, 1]]],
    ['Transpose', [['N', 1, 2, 3]], { perm: { ints: [0, 2, 3, 1] } }, [['N', 2, 3, 1]]],
    ['Slice', [['N', 10, 8], ints(1, -3), ints(max, max), ints(1, 2)], {}, [['N', 9, 3]]],
    ['Slice', [[10], ints(-1), ints(-max), ints(0), ints(-2)], {}, [[5]]],
    [
      'Slice',
      [['N', 10]],
      { starts: { ints: [2] }, ends: { ints: [5] }, axes: { ints: [1] } },
      [['N', 3]],
      9,
    ],
    [
      'Split',
      [['N', 7]],
      { axis: { int: 1 }, num_outputs: { int: 2 } },
      [
        ['N', 4],
        ['N', 3],
      ],
    ],
    [
      'Split',
      [[6, 2], ints(1, 5)],
      {},
      [
        [1, 2],
        [5, 2],
      ],
    ],
    ['Pad', [[1, 'C', 4], ints(0, 0, 1, 0, 0, 2)], {}, [[1, 'C', 7]]],
    [
      'Resize',
      [[1, 2, 7, 7], floatTensor('', []), floatTensor('', [1, 1, 8 / 7, 2])],
      {},
      [[1, 2, 8, 14]],
      13,
    ],
    [
      'Resize',
      [['N', 2, 7, 7], floatTensor('', []), floatTensor('', []), ints(3, 2, 9, 9)],
      {},
      [[3, 2, 9, 9]],
      13,
    ],
    ['Upsample', [['N', 2, 7, 7], floatTensor('', [1, 1, 2, 3])], {}, [['N', 2, 14, 21]], 9],
    ['ReduceMean', [['N', 5, 7, 7], ints(-1, 2)], { keepdims: { int: 0 } }, [['N', 5]], 18],
    ['ReduceMean', [['N', 5, 7, 7]], { axes: { ints: [2, 3] } }, [['N', 5, 1, 1]], 13],
    ['ReduceSum', [['N', 5]], { noop_with_empty_axes: { int: 1 } }, [['N', 5]]],
    ['ArgMax', [['N', 5]], { axis: { int: 1 }, keepdims: { int: 0 } }, [['N']]],
    [
      'Gather',
      [
        [100, 16],
        ['N', 'L'],
      ],
      {},
      [['N', 'L', 16]],
    ],
    ['Expand', [['N', 1], ints(1, 4)], {}, [['N', 4]]],
    ['Where', [[4, 1], ['N', 1, 1], [5]], {}, [['N', 4, 5]]],
    [
      'TopK',
      [['N', 10], ints(3)],
      {},
      [
        ['N', 3],
        ['N', 3],
      ],
    ],
    [
      'LSTM',
      [
        ['L', 'N', 8],
        [2, 40, 8],
        [2, 40, 10],
      ],
      { hidden_size: { int: 10 }, direction: 'bidirectional' },
      [
        ['L', 2, 'N', 10],
        [2, 'N', 10],
        [2, 'N', 10],
      ],
    ],
    [
      'Einsum',
      [
        ['B', 4, 5],
        ['B', 5, 6],
      ],
      { equation: 'bij,bjk->bik' },
      [['B', 4, 6]],
    ],
    ['DepthToSpace', [['N', 12, 4, 5]], { blocksize: { int: 2 } }, [['N', 3, 8, 10]]],
    ['MadeUpOperator', [['N', 3]], {}, [undefined]],
  ];
  it.each(cases)('%s %j %j', (op, inputs, attributes, expected, opset) => {
    expect(shapesOf(op, inputs, attributes, expected.length, opset)).toEqual(expected);
  });
});

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { inferShapes } from '../../../src/core/graph/shapes';
import type { Shape } from '../../../src/core/graph/types';
import {
  type AttributeValue,
  floatTensor,
  int64Tensor,
  makeGraph,
  makeModel,
  makeNode,
  makeValueInfo,
  type NodeSpec,
} from '../../../src/core/onnx/build';
import { MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { DataType, type Graph, type ModelFunction, type Tensor } from '../../../src/core/onnx/types';
import golden from '../../golden/shapes/mnist.json';
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

describe('shape arithmetic', () => {
  const constant = (name: string, values: number[], dims?: number[]): Tensor =>
    int64Tensor(name, values, dims);
  it('carries symbols from Shape through Gather, Unsqueeze and Concat to Reshape', () => {
    const { shapes, main } = study(
      modelOf({
        inputs: { x: ['N', 'L', 16] },
        initializer: [
          constant('zero', [0], []),
          constant('one', [1], []),
          constant('axis', [0]),
          constant('tail', [4, 4]),
        ],
        nodes: [
          { opType: 'Shape', input: ['x'], output: ['s'] },
          { opType: 'Gather', input: ['s', 'zero'], output: ['n'] },
          { opType: 'Gather', input: ['s', 'one'], output: ['l'] },
          { opType: 'Mul', input: ['l', 'one'], output: ['same'] },
          { opType: 'Unsqueeze', input: ['n', 'axis'], output: ['n1'] },
          { opType: 'Unsqueeze', input: ['same', 'axis'], output: ['l1'] },
          {
            opType: 'Concat',
            input: ['n1', 'l1', 'tail'],
            output: ['wanted'],
            attributes: { axis: { int: 0 } },
          },
          { opType: 'Reshape', input: ['x', 'wanted'], output: ['y'] },
        ],
      }),
    );
    expect(shapes.of(main, 'y')).toEqual(['N', 'L', 4, 4]);
  });

  it('folds the way PyTorch turns its padding around', () => {
    const { shapes, main } = study(
      modelOf({
        opset: 11,
        inputs: { x: ['N', 3, 8, 8] },
        initializer: [
          constant('given', [1, 2, 3, 4, 0, 0, 0, 0]),
          constant('pairs', [-1, 2]),
          constant('last', [-1]),
          constant('first', [-max]),
          constant('axis', [0]),
          constant('step', [-1]),
          constant('flat', [-1]),
        ],
        nodes: [
          { opType: 'Reshape', input: ['given', 'pairs'], output: ['a'] },
          { opType: 'Slice', input: ['a', 'last', 'first', 'axis', 'step'], output: ['b'] },
          { opType: 'Transpose', input: ['b'], output: ['c'], attributes: { perm: { ints: [1, 0] } } },
          { opType: 'Reshape', input: ['c', 'flat'], output: ['d'] },
          { opType: 'Cast', input: ['d'], output: ['pads'], attributes: { to: { int: DataType.INT64 } } },
          { opType: 'Pad', input: ['x', 'pads'], output: ['y'] },
        ],
      }),
    );
    expect(shapes.of(main, 'y')).toEqual(['N', 3, 15, 11]);
  });

  it('divides integers towards zero and floats exactly', () => {
    const { shapes, main } = study(
      modelOf({
        initializer: [constant('a', [-7]), constant('b', [2]), constant('ten', [10])],
        nodes: [
          { opType: 'Div', input: ['a', 'b'], output: ['q'] },
          { opType: 'Add', input: ['q', 'ten'], output: ['size'] },
          { opType: 'ConstantOfShape', input: ['size'], output: ['y'] },
        ],
      }),
    );
    expect(shapes.of(main, 'y')).toEqual([7]);
  });
});

describe('dimensions', () => {
  const model = modelOf({
    inputs: { x: ['batch', null, 4] },
    nodes: [{ opType: 'Relu', input: ['x'], output: ['y'] }],
  });
  it('lists symbols, naming those the file does not', () => {
    const { shapes, main } = study(model);
    expect(shapes.symbols).toEqual(['batch', 'x.1']);
    expect(shapes.of(main, 'y')).toEqual(['batch', 'x.1', 4]);
  });
  it('takes sizes for them', () => {
    const { shapes, main } = study(model, { batch: 2, 'x.1': 0 });
    expect(shapes.of(main, 'y')).toEqual([2, 0, 4]);
    expect(shapes.dtypeOf(main, 'y')).toBe(DataType.FLOAT);
  });
  it('completes what no rule tells from the declarations of the file', () => {
    const node = makeNode({ opType: 'MadeUp', domain: 'x', input: ['x'], output: ['y'] });
    const declared = makeValueInfo('y', DataType.FLOAT16, ['batch', 9]);
    const graph = makeGraph({ ...model.graph, node: [node], valueInfo: [declared] });
    const { shapes, main } = study(makeModel(graph), { batch: 5 });
    expect(shapes.of(main, 'y')).toEqual([5, 9]);
    expect(shapes.dtypeOf(main, 'y')).toBe(DataType.FLOAT16);
  });
});

describe('subgraphs and functions', () => {
  const branch = (columns: number): Graph =>
    makeGraph({
      initializer: [floatTensor('w', new Float32Array(4 * columns), [4, columns])],
      node: [makeNode({ opType: 'MatMul', input: ['x', 'w'], output: ['r'] })],
      output: [{ name: 'r', docString: '', metadataProps: [] }],
    });
  const withIf = (a: number, b: number) =>
    study(
      modelOf({
        inputs: { x: ['N', 4], c: [] },
        nodes: [
          {
            opType: 'If',
            input: ['c'],
            output: ['y'],
            attributes: { then_branch: branch(a), else_branch: branch(b) },
          },
        ],
      }),
    );
  it('joins the branches of an If', () => {
    const same = withIf(3, 3);
    expect(same.shapes.of(same.main, 'y')).toEqual(['N', 3]);
    const different = withIf(3, 5);
    expect(different.shapes.of(different.main, 'y')).toEqual(['N', null]);
  });

  it('widens what a Loop changes and stacks what it collects', () => {
    const body = makeGraph({
      input: ['i', 'go', 'grows', 'stays'].map((name) => makeValueInfo(name, 0)),
      node: [
        makeNode({
          opType: 'Concat',
          input: ['grows', 'stays'],
          output: ['grown'],
          attributes: { axis: { int: 0 } },
        }),
        makeNode({ opType: 'Identity', input: ['stays'], output: ['kept'] }),
        makeNode({ opType: 'Relu', input: ['stays'], output: ['seen'] }),
      ],
      output: ['go', 'grown', 'kept', 'seen'].map((name) => makeValueInfo(name, 0)),
    });
    const { shapes, main } = study(
      modelOf({
        inputs: { n: [], go: [], a: [1, 3], b: [2, 3] },
        nodes: [
          { opType: 'Loop', input: ['n', 'go', 'a', 'b'], output: ['x', 'y', 'z'], attributes: { body } },
        ],
      }),
    );
    expect(['x', 'y', 'z'].map((name) => shapes.of(main, name))).toEqual([
      [null, 3],
      [2, 3],
      [null, 2, 3],
    ]);
  });

  it('binds a function to its calls and survives one that calls itself', () => {
    const makeFunction = (name: string, called: string): ModelFunction => ({
      name,
      domain: 'f',
      overload: '',
      input: ['a'],
      output: ['b'],
      attribute: [],
      attributeProto: [],
      node: [
        makeNode({ opType: 'Flatten', input: ['a'], output: ['t'] }),
        called === ''
          ? makeNode({ opType: 'Relu', input: ['t'], output: ['b'] })
          : makeNode({ opType: called, domain: 'f', input: ['t'], output: ['b'] }),
      ],
      docString: '',
      opsetImport: [
        { domain: '', version: 20 },
        { domain: 'f', version: 1 },
      ],
      valueInfo: [],
      metadataProps: [],
    });
    const model = modelOf(
      {
        inputs: { x: ['N', 2, 3], z: [4, 5, 6] },
        nodes: [
          { opType: 'Flat', domain: 'f', input: ['x'], output: ['y'] },
          { opType: 'Flat', domain: 'f', input: ['z'], output: ['w'] },
          { opType: 'Endless', domain: 'f', input: ['x'], output: ['never'] },
        ],
      },
      { functions: [makeFunction('Flat', ''), makeFunction('Endless', 'Endless')] },
    );
    const { shapes, main, index } = study(model);
    expect(shapes.of(main, 'y')).toEqual(['N', 6]);
    expect(shapes.of(main, 'w')).toEqual([4, 30]);
    expect(shapes.of(main, 'never')).toBeUndefined();
    const inside = index.scopes.find(({ id }) => id === 'f::Flat');
    expect(inside && shapes.of(inside, 't')).toEqual([null, null]);
  });

  it('gives up on nested loops in bounded time', () => {
    let body = makeGraph({ node: [makeNode({ opType: 'Relu', input: ['s'], output: ['t'] })] });
    for (let depth = 0; depth < 30; depth++) {
      body = makeGraph({
        input: ['i', 'go', 's'].map((name) => makeValueInfo(name, 0)),
        node: [
          makeNode({ opType: 'Concat', input: ['s', 's'], output: ['t'], attributes: { axis: { int: 0 } } }),
          makeNode({ opType: 'Loop', input: ['i', 'go', 't'], output: ['u'], attributes: { body } }),
        ],
        output: ['go', 't'].map((name) => makeValueInfo(name, 0)),
      });
    }
    const model = modelOf({
      inputs: { n: [], go: [], s: [1] },
      nodes: [{ opType: 'Loop', input: ['n', 'go', 's'], output: ['y'], attributes: { body } }],
    });
    const start = performance.now();
    study(model);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe("against onnx's own inference", () => {
  const file = resolve(import.meta.dirname, '../../../samples/mnist/mnist_cnn.onnx');
  it.each([
    ['symbolic', {}],
    ['batch 3', { batch: 3 }],
  ] as const)('agrees on every value of the sample, %s', async (key, dims) => {
    const read = await readModel(new MemorySource(readFileSync(file), file));
    if (!read.graph) throw new Error('no graph');
    // Both sides infer: the file's own declarations are taken away.
    const output = read.graph.output.map(({ name }) => ({ name, docString: '', metadataProps: [] }));
    const model = { ...read, graph: { ...read.graph, output, valueInfo: [] } };
    const index = indexGraph(model);
    const { main } = index;
    if (!main) throw new Error('no graph');
    const shapes = inferShapes(index, dims);
    const expected = Object.entries(golden[key]);
    expect(expected.length).toBeGreaterThan(15);
    for (const [name, [dtype, shape]] of expected as [string, [number, (number | string)[]]][]) {
      // onnx makes up a symbol where it loses track; ours may know more there.
      const known = shape.map((dim, axis) =>
        String(dim).startsWith('unk__') ? shapes.of(main, name)?.[axis] : dim,
      );
      expect([name, shapes.dtypeOf(main, name), shapes.of(main, name)]).toEqual([name, dtype, known]);
    }
  });
});

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { inferShapes } from '../../../src/core/graph/shapes';
import {
  floatTensor,
  int64Tensor,
  makeGraph,
  makeModel,
  makeNode,
  makeValueInfo,
} from '../../../src/core/onnx/build';
import { MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { DataType, type Graph, type ModelFunction, type Tensor } from '../../../src/core/onnx/types';
import golden from '../../golden/shapes/mnist.json';
import { modelOf, study } from './support';

const max = 2 ** 62;

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

import { describe, expect, it } from 'vitest';
import { modelTotals, scopeRuns, sharedParts } from '../../../src/core/graph/totals';
import {
  bytesOf,
  floatTensor,
  int64Tensor,
  makeGraph,
  makeNode,
  makeTensor,
} from '../../../src/core/onnx/build';
import { DataType, type ModelFunction } from '../../../src/core/onnx/types';
import { modelOf, onlyLayer, study, zeros } from './support';

const int8 = (name: string, dims: number[]) =>
  makeTensor(name, DataType.INT8, dims, new Uint8Array(dims.reduce((a, b) => a * b, 1)));
const uint8Scalar = (name: string) => makeTensor(name, DataType.UINT8, [], new Uint8Array(1));
const scalar = (name: string) => floatTensor(name, [1], []);

describe('cost', () => {
  const weight = (...dims: number[]) => zeros('w', DataType.FLOAT, dims, 4 * dims.reduce((a, b) => a * b, 1));
  const macs = (opType: string, x: (number | string)[], w: number[], attributes = {}) =>
    onlyLayer({
      inputs: { x },
      initializer: [weight(...w)],
      nodes: [{ opType, input: ['x', 'w'], output: ['y'], attributes }],
    }).macs;

  it('counts a product per output element and filter element', () => {
    expect(macs('Conv', [2, 3, 8, 8], [16, 3, 3, 3])).toBe(2 * 16 * 6 * 6 * 27);
    expect(macs('Conv', [1, 32, 7, 7], [32, 1, 3, 3], { group: { int: 32 } })).toBe(32 * 25 * 9);
    expect(macs('ConvTranspose', [1, 8, 5, 5], [8, 4, 2, 2], { strides: { ints: [2, 2] } })).toBe(
      8 * 25 * 4 * 4,
    );
    expect(macs('Gemm', [6, 5], [7, 6], { transA: { int: 1 }, transB: { int: 1 } })).toBe(5 * 7 * 6);
    expect(macs('MatMul', [2, 3, 5, 6], [6, 7])).toBe(2 * 3 * 5 * 7 * 6);
  });
  it('is unknown, not 0, when a size is, and 0 for tensors without elements', () => {
    expect(macs('MatMul', ['N', 6], [6, 7])).toBeUndefined();
    expect(macs('MatMul', [0, 6], [6, 7])).toBe(0);
    expect(macs('Conv', [1, 3, 'H', 8], [16, 3, 3, 3])).toBeUndefined();
  });
  it('counts attention in whole numbers, whatever the number of heads', () => {
    const attention = modelOf({
      inputs: { q: [1, 2, 98], k: [1, 3, 98], v: [1, 3, 49] },
      nodes: [
        {
          opType: 'Attention',
          input: ['q', 'k', 'v'],
          output: ['y'],
          attributes: { q_num_heads: { int: 49 }, kv_num_heads: { int: 49 } },
        },
      ],
      opset: 23,
    });
    expect(study(attention).others[0]?.macs).toBe(2 * 98 * 3 + 2 * 3 * 49);
  });
  it('counts W and R of a recurrent layer once per step', () => {
    const layer = onlyLayer({
      inputs: { x: [10, 2, 8] },
      initializer: [
        zeros('w', DataType.FLOAT, [1, 80, 8], 2560),
        zeros('r', DataType.FLOAT, [1, 80, 20], 6400),
        zeros('b', DataType.FLOAT, [1, 160], 640),
      ],
      nodes: [
        {
          opType: 'LSTM',
          input: ['x', 'w', 'r', 'b'],
          output: ['y'],
          attributes: { hidden_size: { int: 20 } },
        },
      ],
    });
    expect(layer.macs).toBe(10 * 2 * (80 * 8 + 80 * 20));
    expect(layer.parameters).toBe(80 * 8 + 80 * 20 + 160);
    expect(layer.weights.map(({ name, inputIndex }) => [name, inputIndex])).toEqual([
      ['w', 1],
      ['r', 2],
    ]);
    expect(layer).toMatchObject({ quantizable: true, weight: { name: 'w' } });
  });
  it('counts a product of two activations on a node without weight', () => {
    const { layers, others } = study(
      modelOf({
        inputs: { q: [1, 4, 5, 8], k: [1, 4, 8, 6] },
        nodes: [{ opType: 'MatMul', input: ['q', 'k'], output: ['y'] }],
      }),
    );
    expect(layers).toEqual([]);
    expect(others[0]?.macs).toBe(4 * 5 * 6 * 8);
  });
});

describe('weights of every form', () => {
  const x = { x: ['N', 4] };
  it('a float initializer and a Constant node are the same layer', () => {
    const w = floatTensor('w', new Float32Array(12), [4, 3]);
    const matmul = { opType: 'MatMul', input: ['x', 'w'], output: ['y'], name: 'm' };
    const constant = { opType: 'Constant', input: [], output: ['w'], attributes: { value: w } };
    for (const spec of [
      { inputs: x, initializer: [w], nodes: [matmul] },
      { inputs: x, nodes: [constant, matmul] },
    ]) {
      expect(onlyLayer(spec)).toMatchObject({
        name: 'm',
        parameters: 12,
        bytes: 48,
        quantizable: true,
        weight: { name: 'w', shape: [4, 3], dtype: 'float', inputIndex: 1, stored: { via: 'float' } },
      });
    }
  });

  it('Q/DQ: codes, not scales, are parameters; a Transpose turns the shape', () => {
    const layer = onlyLayer({
      inputs: x,
      initializer: [int8('q', [3, 4]), floatTensor('s', [1, 1, 1]), int8('z', [3])],
      nodes: [
        {
          opType: 'DequantizeLinear',
          input: ['q', 's', 'z'],
          output: ['d'],
          attributes: { axis: { int: 0 } },
        },
        { opType: 'Transpose', input: ['d'], output: ['w'] },
        { opType: 'MatMul', input: ['x', 'w'], output: ['y'] },
      ],
    });
    expect(layer).toMatchObject({
      parameters: 12,
      bytes: 12 + 12 + 3,
      quantizable: false,
      reason: 'Its weight is already quantized (stored as int8).',
      weight: {
        name: 'q',
        shape: [4, 3],
        dtype: 'int8',
        stored: { via: 'dequantize', scale: 's', zeroPoint: 'z' },
      },
    });
  });

  it('codebook: codes are the weight, the table is only bytes', () => {
    const { layers, others } = study(
      modelOf({
        inputs: x,
        initializer: [
          makeTensor('codes', DataType.UINT8, [4, 3], new Uint8Array(12)),
          floatTensor('table', new Float32Array(16)),
          floatTensor('scale', [1, 1, 1]),
        ],
        nodes: [
          { opType: 'Cast', input: ['codes'], output: ['i'], attributes: { to: { int: DataType.INT64 } } },
          { opType: 'Gather', input: ['table', 'i'], output: ['g'] },
          { opType: 'Mul', input: ['g', 'scale'], output: ['w'] },
          { opType: 'MatMul', input: ['x', 'w'], output: ['y'] },
        ],
      }),
    );
    expect(layers).toHaveLength(1);
    expect(layers[0]).toMatchObject({
      parameters: 12,
      bytes: 12 + 64 + 12,
      weight: {
        name: 'codes',
        shape: [4, 3],
        dtype: 'uint8',
        stored: { via: 'codebook', codebook: 'table', scale: 'scale' },
      },
    });
    expect(others.map(({ parameters, bytes }) => [parameters, bytes])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it('QLinearConv, MatMulInteger and MatMulNBits', () => {
    const conv = onlyLayer({
      inputs: { x: [1, 3, 4, 4] },
      initializer: [
        ...['xs', 'ws', 'ys'].map(scalar),
        ...['xz', 'yz'].map(uint8Scalar),
        int8('wz', []),
        int8('w', [2, 3, 1, 1]),
        makeTensor('b', DataType.INT32, [2], bytesOf(Int32Array.of(1, 2))),
      ],
      nodes: [
        { opType: 'QLinearConv', input: ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz', 'b'], output: ['y'] },
      ],
    });
    expect(conv).toMatchObject({
      parameters: 6 + 2,
      macs: 2 * 16 * 3,
      weight: { name: 'w', dtype: 'int8', stored: { via: 'qlinear', scale: 'ws', zeroPoint: 'wz' } },
    });
    const integer = onlyLayer({
      inputs: x,
      initializer: [int8('w', [4, 3])],
      nodes: [{ opType: 'MatMulInteger', input: ['x', 'w'], output: ['y'] }],
    });
    expect(integer).toMatchObject({ parameters: 12, quantizable: false });
    const packed = onlyLayer({
      inputs: { x: ['N', 64] },
      initializer: [
        makeTensor('w', DataType.UINT8, [10, 2, 16], new Uint8Array(320)),
        floatTensor('s', new Float32Array(20)),
      ],
      nodes: [
        {
          opType: 'MatMulNBits',
          domain: 'com.microsoft',
          input: ['x', 'w', 's'],
          output: ['y'],
          attributes: { K: { int: 64 }, N: { int: 10 }, bits: { int: 4 }, block_size: { int: 32 } },
        },
      ],
    });
    expect(packed).toMatchObject({
      parameters: 640,
      bytes: 320 + 80,
      weight: { shape: [64, 10], dtype: 'uint4', stored: { via: 'matmulnbits', scale: 's' } },
    });
  });

  it('an embedding table is a layer, reading it at constant positions or an integer list is not', () => {
    const layer = onlyLayer({
      inputs: { ids: ['N'] },
      initializer: [
        floatTensor('table', new Float32Array(40), [10, 4]),
        int64Tensor('list', [1, 2, 3]),
        int64Tensor('at', [0]),
      ],
      nodes: [
        { opType: 'Gather', input: ['table', 'ids'], output: ['a'], name: 'embedding' },
        { opType: 'Gather', input: ['list', 'at'], output: ['b'] },
        { opType: 'Gather', input: ['table', 'at'], output: ['c'] },
      ],
    });
    expect(layer).toMatchObject({ name: 'embedding', quantizable: true });
  });

  it('gates of a recurrent weight put in another order are that weight', () => {
    const layer = onlyLayer({
      inputs: { x: [5, 1, 2] },
      initializer: [
        floatTensor('w', new Float32Array(24), [12, 2]),
        floatTensor('r', new Float32Array(36), [1, 12, 3]),
        ...[0, 3, 12].map((value) => int64Tensor(`i${value}`, [value])),
        int64Tensor('axes', [0]),
      ],
      nodes: [
        { opType: 'Slice', input: ['w', 'i3', 'i12'], output: ['a'] },
        { opType: 'Slice', input: ['w', 'i0', 'i3'], output: ['b'] },
        { opType: 'Concat', input: ['a', 'b'], output: ['c'], attributes: { axis: { int: 0 } } },
        { opType: 'Unsqueeze', input: ['c', 'axes'], output: ['d'] },
        { opType: 'LSTM', input: ['x', 'd', 'r'], output: ['y'], attributes: { hidden_size: { int: 3 } } },
      ],
    });
    expect(layer).toMatchObject({
      parameters: 60,
      weight: { name: 'w', shape: [1, 12, 2], axes: [undefined, 0, 1] },
    });
  });
});

describe('totals', () => {
  const w = floatTensor('w', new Float32Array(16), [4, 4]);
  const use = (from: string, to: string) => ({ opType: 'MatMul', input: [from, 'w'], output: [to] });

  it('count a shared weight once', () => {
    const { index, layers, others } = study(
      modelOf({ inputs: { x: [2, 4] }, initializer: [w], nodes: [use('x', 'a'), use('a', 'b')] }),
    );
    const rows = [...layers, ...others];
    expect(rows.map(({ parameters }) => parameters)).toEqual([16, 16]);
    expect(modelTotals(index, rows)).toEqual({ parameters: 16, macs: 64, macsUnknown: 0 });
    const [first, second] = rows;
    const shared = sharedParts(rows);
    expect(first && shared.get(first)).toBeUndefined();
    expect(second && shared.get(second)).toEqual({ parameters: 16, bytes: 64 });
  });

  it('take the costlier branch of an If, every call of a function, and nothing from loops', () => {
    const branch = (nodes: number) =>
      makeGraph({
        node: Array.from({ length: nodes }, (_, at) => makeNode(use('x', `t${at}`))),
        output: [],
      });
    const body: ModelFunction = {
      name: 'Twice',
      domain: 'f',
      overload: '',
      input: ['x', 'w'],
      output: ['y'],
      attribute: [],
      attributeProto: [],
      node: [makeNode(use('x', 'y'))],
      docString: '',
      opsetImport: [{ domain: '', version: 20 }],
      valueInfo: [],
      metadataProps: [],
    };
    const call = (to: string) => ({ opType: 'Twice', domain: 'f', input: ['x', 'w'], output: [to] });
    const model = modelOf(
      {
        inputs: { x: [2, 4], c: [] },
        initializer: [w],
        nodes: [
          {
            opType: 'If',
            input: ['c'],
            output: ['i'],
            attributes: { then_branch: branch(1), else_branch: branch(3) },
          },
          call('a'),
          call('b'),
          { opType: 'Loop', input: ['', 'c'], output: ['l'], attributes: { body: branch(1) } },
        ],
      },
      { functions: [body] },
    );
    const { index, layers, others } = study(model);
    expect(modelTotals(index, [...layers, ...others])).toEqual({
      parameters: 16,
      macs: 32 * (3 + 2),
      macsUnknown: 1,
    });
    // Both branches count, so that together they cost what the greater does; a function in a function would multiply.
    const runs = scopeRuns(index, layers);
    expect(index.scopes.map((scope) => [scope.kind, runs(scope)])).toEqual([
      ['graph', 1],
      ['subgraph', 3 / 4],
      ['subgraph', 3 / 4],
      ['subgraph', 1],
      ['function', 2],
    ]);
  });

  it('are unknown when nothing is known', () => {
    const { index, layers } = study(
      modelOf({ inputs: { x: ['N', 4] }, initializer: [w], nodes: [use('x', 'y')] }),
    );
    expect(modelTotals(index, layers)).toEqual({ parameters: 16, macs: undefined, macsUnknown: 1 });
  });
});

import { describe, expect, it } from 'vitest';
import { floatTensor, int64Tensor, makeGraph, makeNode, makeTensor } from '../../../src/core/onnx/build';
import { DataType, type ModelFunction } from '../../../src/core/onnx/types';
import { modelOf, onlyLayer, type Spec, study, zeros } from './support';

describe('why not', () => {
  const reasonOf = (spec: Spec) => onlyLayer(spec).reason;
  const w = floatTensor('w', new Float32Array(12), [4, 3]);
  const matmul = { opType: 'MatMul', input: ['x', 'w'], output: ['y'] };
  const x = { x: ['N', 4] };
  it('says it in a sentence', () => {
    expect(
      reasonOf({ inputs: { x: [1, 2, 3, 3], w: [2, 2, 1, 1] }, nodes: [{ ...matmul, opType: 'Conv' }] }),
    ).toBe('Its weight is computed while the model runs, not stored in the file.');
    const integers = makeTensor('w', DataType.INT32, [4, 3], new Uint8Array(48));
    expect(reasonOf({ inputs: x, initializer: [integers], nodes: [matmul] })).toBe(
      'Its weight is stored as int32, not as real numbers.',
    );
    const double = zeros('w', DataType.DOUBLE, [4, 3], 96);
    expect(reasonOf({ inputs: x, initializer: [double], nodes: [matmul] })).toBe(
      'It computes in a type other than float32 and float16.',
    );
    expect(
      reasonOf({
        inputs: x,
        initializer: [w],
        nodes: [{ ...matmul, opType: 'Attention', domain: 'com.microsoft' }],
      }),
    ).toBe('Attention layers cannot be quantized.');
    expect(
      reasonOf({ inputs: { x: ['N', 3] }, initializer: [floatTensor('w', [1, 2, 3])], nodes: [matmul] }),
    ).toBe('Its weight is a vector, not a matrix or filter.');
  });

  it('not for half precision, other operators on the way, or a place in a branch', () => {
    const half = makeTensor('w', DataType.FLOAT16, [4, 3], new Uint8Array(24));
    expect(reasonOf({ inputs: x, initializer: [half], nodes: [matmul] })).toBeUndefined();
    const turned = { opType: 'Transpose', input: ['w0'], output: ['w'] };
    const stored = { ...floatTensor('w0', new Float32Array(12), [3, 4]) };
    expect(reasonOf({ inputs: x, initializer: [stored], nodes: [turned, matmul] })).toBeUndefined();
    const inside = makeGraph({ initializer: [w], node: [makeNode(matmul)] });
    const choice = {
      opType: 'If',
      name: 'choose',
      input: ['c'],
      output: ['z'],
      attributes: { then_branch: inside },
    };
    expect(reasonOf({ inputs: { ...x, c: [] }, nodes: [choice] })).toBeUndefined();
  });

  it('a constant argument of a function belongs to its caller', () => {
    const body: ModelFunction = {
      name: 'Linear',
      domain: 'local',
      overload: '',
      input: ['a', 'b'],
      output: ['c'],
      attribute: [],
      attributeProto: [],
      node: [makeNode({ opType: 'MatMul', input: ['a', 'b'], output: ['c'] })],
      docString: '',
      opsetImport: [{ domain: '', version: 20 }],
      valueInfo: [],
      metadataProps: [],
    };
    const call = { opType: 'Linear', domain: 'local', input: ['x', 'w'], output: ['y'] };
    const { layers } = study(modelOf({ inputs: x, initializer: [w], nodes: [call] }, { functions: [body] }));
    expect(layers.map(({ reason }) => reason)).toEqual([
      'Its weight is an argument of the function local::Linear; only weights inside a function can be quantized there.',
    ]);
  });
});

describe('the axes of a stored weight', () => {
  it.each([
    ['Transpose', [3, 4], {}, [], [1, 0]],
    ['Unsqueeze', [4, 3], {}, [int64Tensor('side', [0])], [undefined, 0, 1]],
    ['Reshape', [4, 6], {}, [int64Tensor('side', [4, 2, 3])], [0, undefined, undefined]],
    ['Reshape', [4, 2, 3], {}, [int64Tensor('side', [8, 3])], [undefined, 2]],
    ['Cast', [4, 3], { to: { int: DataType.FLOAT } }, [], [0, 1]],
  ] as const)('%s of %j', (opType, dims, attributes, side, axes) => {
    const stored = floatTensor('s', new Float32Array(dims.reduce((a: number, b) => a * b, 1)), dims);
    const layer = onlyLayer({
      inputs: { x: ['N', 4] },
      initializer: [stored, ...side],
      nodes: [
        { opType, input: ['s', ...side.map(({ name }) => name)], output: ['w'], attributes },
        { opType: 'MatMul', input: ['x', 'w'], output: ['y'] },
      ],
    });
    expect(layer.weight).toMatchObject({ name: 's', axes });
    expect(layer.weight?.steps.map(({ node }) => node.opType)).toEqual([opType]);
  });
});

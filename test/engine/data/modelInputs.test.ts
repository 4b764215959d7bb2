import { expect, it } from 'vitest';
import { makeGraph, makeValueInfo, floatTensor } from '../../../src/core/onnx/build';
import { DataType } from '../../../src/core/onnx/types';
import { modelInputs } from '../../../src/engine/data/modelInputs';

const graph = makeGraph({
  input: [
    makeValueInfo('x', DataType.FLOAT, ['N', -1, 4]),
    makeValueInfo('w', DataType.FLOAT, [2]),
    makeValueInfo('ids', DataType.INT64, ['N', null]),
  ],
  initializer: [floatTensor('w', [1, 2])],
});

it('modelInputs(graph) leaves out inputs with a value and takes a size of -1 as free', () => {
  expect(modelInputs(graph)).toEqual([
    { name: 'x', type: 'float32', shape: ['N', null, 4] },
    { name: 'ids', type: 'int64', shape: ['N', null] },
  ]);
});

it('modelInputs(graph, dimensions) sets named and unnamed dimensions', () => {
  const shapes = modelInputs(graph, { N: 2, 'x.1': 3, 'ids.1': 7 }).map(({ shape }) => shape);
  expect(shapes).toEqual([
    [2, 3, 4],
    [2, 7],
  ]);
});

it('modelInputs(graph) refuses types that cannot be fed', () => {
  const strange = makeGraph({ input: [makeValueInfo('x', DataType.BFLOAT16, [1])] });
  expect(() => modelInputs(strange)).toThrow('Input x has element type bfloat16, which cannot be fed.');
});

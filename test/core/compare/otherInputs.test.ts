import { describe, expect, it } from 'vitest';
import { compareLayers } from '../../../src/core/compare/compareLayers';
import { floatTensor, makeGraph, makeModel, makeNode, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { normalNoise } from '../../support/random';
import { runtime } from '../../support/runtime';
import { floats, sliceOf } from '../../support/slices';

/** out = (first · W + second · V) · U, with inputs declared in this order. */
function sum(first: string, second: string, declared: readonly string[]): Model {
  const weight = (name: string, seed: number) => floatTensor(name, normalNoise(16, seed), [4, 4]);
  const product = (name: string, input: string[], output: string) =>
    makeNode({ opType: 'MatMul', name, input, output: [output] });
  return makeModel(
    makeGraph({
      node: [
        product('first', [first, 'W'], 'p'),
        product('second', [second, 'V'], 'q'),
        makeNode({ opType: 'Add', name: 'add', input: ['p', 'q'], output: ['s'] }),
        product('last', ['s', 'U'], 'out'),
      ],
      initializer: [weight('W', 1), weight('V', 2), weight('U', 3)],
      input: declared.map((name) => makeValueInfo(name, DataType.FLOAT, [1, 4])),
      output: [makeValueInfo('out', DataType.FLOAT, [1, 4])],
    }),
  );
}

describe('compareLayers of a model whose inputs have other names and another order', () => {
  it('feeds each input with what it stands for', async () => {
    const feeds = { x: floats(normalNoise(4, 4), [1, 4]), y: floats(normalNoise(4, 5), [1, 4]) };
    const slice = sliceOf('verify', [{ index: 0, feeds }]);
    const [a, b] = [sum('x', 'y', ['x', 'y']), sum('x', 'z', ['z', 'x'])];
    const { layers, unmatched } = await compareLayers(runtime, a, b, slice);
    expect(unmatched).toEqual({ a: [], b: [] });
    expect(layers.map(({ layer, accumulated }) => [layer, accumulated?.sqnrDb])).toEqual([
      ['first', null],
      ['second', null],
      ['last', null],
    ]);
  });
});

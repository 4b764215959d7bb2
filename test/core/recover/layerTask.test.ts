import { expect, it } from 'vitest';
import { floatTensor, makeGraph, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { layerTasks } from '../../../src/core/recover/layerTask';
import { model, node, weights } from '../rewrite/models';

it('passes over layers in branches, tables and weights that a branch reads as well, each with the reason', () => {
  const branch = (name: string, weight: string) =>
    makeGraph({
      name,
      node: [node('MatMul', `${name}_layer`, ['a', weight], [`${name}_out`])],
      output: [makeValueInfo(`${name}_out`, DataType.FLOAT)],
    });
  const subject = model(
    [
      node('MatMul', 'first', ['x', 'v'], ['h']),
      node('ArgMax', 'most', ['x'], ['places'], { axis: { int: 1 }, keepdims: { int: 0 } }),
      node('Gather', 'table', ['w', 'places'], ['row']),
      node('Add', 'add', ['h', 'row'], ['a']),
      node('ReduceSum', 'total', ['a'], ['sum'], { keepdims: { int: 0 } }),
      node('Greater', 'greater', ['sum', 'zero'], ['isLarge']),
      node('If', 'choose', ['isLarge'], ['chosen'], {
        then_branch: branch('then', 'w'),
        else_branch: branch('else', 'u'),
      }),
      node('MatMul', 'last', ['chosen', 'u'], ['y']),
    ],
    [weights('v', [3, 4]), weights('w', [4, 4], 2), weights('u', [4, 4], 3), floatTensor('zero', [0], [])],
    [2, 3],
  );
  const { tasks, passedOver } = layerTasks(subject, { ...defaultPlan, defaultScheme: 'w4' }, new Map());
  expect(tasks.map(({ layer }) => layer.name)).toEqual(['first']);
  expect(Object.fromEntries(passedOver)).toEqual({
    'does not multiply its input by a weight that stands beside it': ['table'],
    'stands in a subgraph or function': ['then_layer', 'else_layer'],
    'shares its weight with what reads it in another way': ['last'],
  });
});

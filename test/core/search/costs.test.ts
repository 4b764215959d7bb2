import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findRows } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import { modelTotals } from '../../../src/core/graph/totals';
import { makeGraph, makeNode } from '../../../src/core/onnx/build';
import type { Model, ModelFunction, Tensor } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import { formatsOf, totalsOf } from '../../../src/core/search/searchLayer';
import { model, node, weights } from '../rewrite/models';
import { modelOf } from '../graph/support';
import { allPicks, fileBytes, searched, shared, tied } from './sharing';

describe('costsOf(model, index, plan, …)', () => {
  // A sixteenth of the shared weight, which is 16 kB in float and 4 kB in 8 bits.
  const slack = 1024;

  it.each([
    ['matrices', shared, ['w8', 'w4']],
    ['matrices, on integers', shared, ['w8a8']],
    ['a table and a product', tied, ['w8', 'lut16']],
  ])('adds up to the file where layers share a weight: %s', async (_, build, schemes) => {
    const source = build();
    const { costs, layers } = await searched(source, schemes);
    for (const picks of allPicks(layers)) {
      const formats = formatsOf(layers, picks);
      const sum = costs.floatBytes + totalsOf(layers, picks).bytes;
      const file = await fileBytes(source, formats);
      expect(Math.abs(sum - file), JSON.stringify(formats)).toBeLessThan(slack);
    }
  });

  it('saves nothing of a weight that a layer outside the search reads', async () => {
    const source = shared();
    const { costs, layers } = await searched(source, ['w8'], { names: ['a', 'head'] });
    for (const picks of allPicks(layers)) {
      const sum = costs.floatBytes + totalsOf(layers, picks).bytes;
      expect(Math.abs(sum - (await fileBytes(source, formatsOf(layers, picks))))).toBeLessThan(slack);
    }
    expect(costs.of('a', 'w8')?.bytes).toBeGreaterThan(4000);
    expect(costs.of('head', 'w8')?.bytes).toBeLessThan(-1000);
  });

  it('says nothing of sharing where nothing is shared', async () => {
    const { layers } = await searched(
      model(
        [node('MatMul', 'a', ['x', 'v'], ['h']), node('MatMul', 'b', ['h', 'w'], ['y'])],
        [weights('v', [8, 8]), weights('w', [8, 8])],
        [1, 8],
      ),
      ['w8'],
    );
    expect(layers).toHaveLength(2);
    for (const { options } of layers)
      for (const option of options) expect(option).not.toHaveProperty('stored');
  });

  it('counts the work of layers in functions for every call, and both branches of an If as the greater', async () => {
    const source = calls();
    const index = indexGraph(source);
    const { layers: rows, nodes } = findRows(index, inferShapes(index));
    const { macs = NaN } = modelTotals(index, [...rows, ...nodes]);
    const { costs, layers } = await searched(source, ['w4']);
    expect(layers.map(({ name }) => name)).toEqual(['out', 'then', 'else', 'inner']);
    expect(costs.floatBops).toBeCloseTo(1024 * macs, 6);
    const all = totalsOf(
      layers,
      layers.map(() => 1),
    );
    expect(all.bops).toBeCloseTo(4 * 32 * macs, 6);
    expect(costs.of('inner', 'float')?.bops).toBe(2 * 64 * 1024);
  });

  it('counts the work of layers outside the search with the options of their formats', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const source = model(
      names.map((name, at) => node('MatMul', name, [names[at - 1] ?? 'x', `w${name}`], [name])),
      names.map((name) => weights(`w${name}`, [8, 8])),
      [1, 8],
      ['d'],
    );
    const plan: Plan = {
      ...defaultPlan,
      layers: { a: { scheme: 'fp16', region: true }, b: { scheme: 'fp16' } },
    };
    const { costs } = await searched(source, ['w8'], { plan, names: ['d'] });
    // c is float.
    expect(costs.otherBops).toBe(64 * (16 * 16 + 16 * 32 + 32 * 32));
  });
});

/** `out`, and two calls of a function with the layer `inner`; `then` and `else` are branches. */
function calls(): Model {
  const value = (name: string): Tensor => weights(name, [8, 8]);
  const branch = (name: string, weight: string) =>
    makeGraph({
      node: [makeNode({ opType: 'MatMul', name, input: ['b', weight], output: [`${name}_y`] })],
      output: [{ name: `${name}_y`, docString: '', metadataProps: [] }],
    });
  const body: ModelFunction = {
    name: 'Block',
    domain: 'f',
    overload: '',
    input: ['x'],
    output: ['y'],
    attribute: [],
    attributeProto: [],
    node: [
      makeNode({ opType: 'Constant', input: [], output: ['w'], attributes: { value: value('w') } }),
      makeNode({ opType: 'MatMul', name: 'inner', input: ['x', 'w'], output: ['y'] }),
    ],
    docString: '',
    opsetImport: [{ domain: '', version: 21 }],
    valueInfo: [],
    metadataProps: [],
  };
  return modelOf(
    {
      opset: 21,
      inputs: { x: [1, 8], c: [] },
      initializer: [value('u'), value('v'), weights('w', [8, 4])],
      nodes: [
        { opType: 'Block', domain: 'f', input: ['x'], output: ['a'] },
        { opType: 'Block', domain: 'f', input: ['a'], output: ['b'] },
        {
          opType: 'If',
          input: ['c'],
          output: ['d'],
          attributes: { then_branch: branch('then', 'u'), else_branch: branch('else', 'v') },
        },
        { opType: 'MatMul', name: 'out', input: ['d', 'w'], output: ['y'] },
      ],
      outputs: ['y'],
    },
    { functions: [body] },
  );
}

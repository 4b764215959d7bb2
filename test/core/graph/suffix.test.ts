import { describe, expect, it } from 'vitest';
import { withOutputs } from '../../../src/core/calibrate/instrument';
import { indexGraph, type GraphIndex } from '../../../src/core/graph/graphIndex';
import type { NodeRef } from '../../../src/core/graph/types';
import { derive } from '../../../src/core/onnx/origin';
import { DataType, type Model } from '../../../src/core/onnx/types';
import type { Feeds } from '../../../src/core/ports';
import { borderOf, cutBefore, valuesBehind, variableValues } from '../../../src/core/graph/suffix';
import { runtime } from '../../support/runtime';
import { conv, image, model, node, samples, weights } from '../rewrite/models';

/** Two branches that meet again, and an output that the left branch alone makes. */
const forked = model(
  [
    conv('stem', ['x', 'w0'], 'a'),
    node('Relu', 'relu', ['a'], ['b']),
    conv('left', ['b', 'w1'], 'c'),
    conv('right', ['b', 'w2'], 'd'),
    node('Add', 'join', ['c', 'd'], ['e']),
    conv('head', ['e', 'w3'], 'y'),
    node('Neg', 'side', ['c'], ['z']),
  ],
  [
    weights('w0', [4, 3, 3, 3], 1),
    weights('w1', [4, 4, 3, 3], 2),
    weights('w2', [4, 4, 3, 3], 3),
    weights('w3', [2, 4, 3, 3], 4),
  ],
  image,
  ['y', 'z'],
);

const nodesNamed = (index: GraphIndex, ...names: string[]): NodeRef[] =>
  names.flatMap((name) => index.nodeNamed(name) ?? []);

async function run(part: Model, feeds: Feeds, outputs?: readonly string[]): Promise<Feeds> {
  const session = await runtime.openModel(part, { optimization: 'none' });
  try {
    return await session.run(feeds, outputs);
  } finally {
    await session.release();
  }
}

describe('valuesBehind(index, nodes)', () => {
  it('follows every reader to the outputs', () => {
    const index = indexGraph(forked);
    expect([...valuesBehind(index, nodesNamed(index, 'left'))].sort()).toEqual(['c', 'e', 'y', 'z']);
    expect([...valuesBehind(index, nodesNamed(index, 'head'))]).toEqual(['y']);
  });
});

describe('borderOf(index, nodes)', () => {
  it.each([
    ['stem', ['x']],
    // The runtime computes the right branch together with the Add.
    ['left', ['b']],
    ['right', ['b', 'c']],
    ['head', ['e']],
  ])('of %s is %j', (name, border) => {
    const index = indexGraph(forked);
    expect([...borderOf(index, nodesNamed(index, name))].sort()).toEqual(border);
  });
});

describe('variableValues(index)', () => {
  it('leaves out what no input can change', () => {
    const mixed = model(
      [
        node('Transpose', 'turn', ['w0'], ['t'], { perm: { ints: [0, 1, 3, 2] } }),
        conv('only', ['x', 't'], 'a'),
        node('RandomUniform', 'chance', [], ['r'], { shape: { ints: [1] } }),
        node('Add', 'join', ['a', 'r'], ['y']),
      ],
      [weights('w0', [4, 3, 3, 3], 1)],
      image,
    );
    expect([...variableValues(indexGraph(mixed))].sort()).toEqual(['a', 'r', 'y']);
  });
});

describe('cutBefore(model, outputs, known)', () => {
  it.each(['stem', 'left', 'right', 'head'])('computes what lies behind %s from its border', async (name) => {
    const index = indexGraph(forked);
    const [feeds = {}] = samples(image);
    // The layer with other weights, as a trial has them.
    const graph = forked.graph;
    const ref = index.nodeNamed(name);
    const weight = graph?.initializer.find((tensor) => tensor.name === ref?.node.input[1]);
    if (!graph || !weight) throw new Error('no weight');
    const other = weights(weight.name, weight.dims, 99);
    const trial = derive(forked, {
      graph: derive(graph, { initializer: graph.initializer.map((t) => (t === weight ? other : t)) }),
    });
    const border = borderOf(index, nodesNamed(index, name));
    const float = { ...feeds, ...(await run(withOutputs(forked, ['b', 'c', 'd', 'e']), feeds)) };
    const behind = valuesBehind(index, nodesNamed(index, name));
    const outputs = ['y', 'z'].filter((value) => behind.has(value));
    const types = new Map(border.map((value) => [value, { type: DataType.FLOAT }]));
    const suffix = cutBefore(trial, new Set(outputs), types);
    expect([...suffix.feeds].sort()).toEqual([...border].sort());

    const known = Object.fromEntries(suffix.feeds.map((value) => [value, float[value] as Feeds[string]]));
    const whole = await run(trial, feeds, outputs);
    expect(await run(suffix.model, known)).toEqual(whole);
    for (const output of outputs) expect(whole[output]).not.toEqual(float[output]);
  });

  it('keeps only the nodes and weights that are needed', () => {
    const { model: suffix, feeds } = cutBefore(
      forked,
      new Set(['y']),
      new Map([['e', { type: DataType.FLOAT }]]),
    );
    expect(feeds).toEqual(['e']);
    expect(suffix.graph?.node.map((each) => each.name)).toEqual(['head']);
    expect(suffix.graph?.initializer.map((tensor) => tensor.name)).toEqual(['w3']);
    expect(suffix.graph?.input.map((input) => input.name)).toEqual(['e']);
  });

  it('is the whole model when nothing is known', () => {
    const { model: whole, feeds } = cutBefore(forked, new Set(['y', 'z']), new Map());
    expect(feeds).toEqual(['x']);
    expect(whole.graph?.node).toEqual(forked.graph?.node);
  });
});

import { describe, expect, it } from 'vitest';
import { neighbours } from '../../../src/core/graph/neighbours';
import type { Neighbourhood } from '../../../src/core/inspectorResults';
import { floatTensor, type NodeSpec } from '../../../src/core/onnx/build';
import { modelOf, study } from './support';

const op = (opType: string, input: string[], output: string[], name: string): NodeSpec => ({
  opType,
  input,
  output,
  name,
});

/** in → relu → (left, right) → join → tail → out, with a weight on the left that is no neighbour. */
const diamond = modelOf({
  inputs: { in: ['batch', 4] },
  initializer: [floatTensor('w', [1, 1, 1, 1], [4])],
  nodes: [
    op('Relu', ['in'], ['a'], 'relu'),
    op('Mul', ['a', 'w'], ['b'], 'left'),
    op('Sigmoid', ['a'], ['c'], 'right'),
    op('Add', ['b', 'c'], ['d'], 'join'),
    op('Tanh', ['d'], ['out'], 'tail'),
  ],
  outputs: ['out'],
});

function around(name: string, depth: number, model = diamond): Neighbourhood {
  const { index, shapes } = study(model);
  const center = index.nodeNamed(name);
  if (!center) throw new Error(`no ${name}`);
  return neighbours(index, shapes, center, depth);
}

const distances = ({ nodes }: Neighbourhood): Record<string, number> =>
  Object.fromEntries(nodes.map(({ name, distance }) => [name, distance]));
const edges = ({ edges: all }: Neighbourhood): string[] =>
  all.map(({ from, value, to }) => `${from ?? ''}-${value}-${to ?? ''}`).sort();

describe('neighbours(index, shapes, center, depth)', () => {
  it('are what a node reads from and what reads it, constants left out', () => {
    const found = around('left', 1);
    expect(distances(found)).toEqual({ left: 0, relu: -1, join: 1 });
    expect(edges(found)).toEqual(['left-b-join', 'relu-a-left']);
    expect(found.edges[0]).toMatchObject({ shape: ['batch', 4], dtype: 'float' });
    expect(found.isWhole).toBe(true);
  });

  it('go as far as asked, to the inputs and outputs of the model', () => {
    const found = around('left', 2);
    expect(distances(found)).toEqual({ left: 0, relu: -1, join: 1, tail: 2 });
    expect(edges(found)).toEqual(['-in-relu', 'join-d-tail', 'left-b-join', 'relu-a-left']);
    expect(edges(around('left', 3))).toContain('tail-out-');
  });

  it('meet a node that two ways lead to once, with both edges', () => {
    const found = around('join', 2);
    expect(distances(found)).toEqual({ join: 0, left: -1, right: -1, relu: -2, tail: 1 });
    expect(edges(found)).toEqual([
      'join-d-tail',
      'left-b-join',
      'relu-a-left',
      'relu-a-right',
      'right-c-join',
      'tail-out-',
    ]);
  });

  it('say when there is no room for all', () => {
    const readers = Array.from({ length: 1000 }, (_, at) => op('Relu', ['a'], [`r${at}`], `reader${at}`));
    const wide = modelOf({ inputs: { in: [1] }, nodes: [op('Relu', ['in'], ['a'], 'source'), ...readers] });
    const found = around('source', 1, wide);
    expect(found.isWhole).toBe(false);
    expect(found.nodes.length).toBeLessThan(400);
    const names = new Set(found.nodes.map(({ name }) => name));
    expect(
      found.edges.every(({ to, from }) => [to, from].every((end) => end === null || names.has(end))),
    ).toBe(true);
  });

  it('keep what is nearest, on both sides, when there is no room for all', () => {
    const sources = Array.from({ length: 200 }, (_, at) => op('Relu', ['in'], [`s${at}`], `source${at}`));
    const nodes = [
      ...sources,
      op('Sum', ['x', ...sources.map((_, at) => `s${at}`)], ['sum'], 'sum'),
      op('Tanh', ['in'], ['x'], 'first'),
      op('Relu', ['sum'], ['out'], 'reader'),
    ];
    const found = around('sum', 8, modelOf({ inputs: { in: [1] }, nodes, outputs: ['out'] }));
    expect(found.isWhole).toBe(false);
    expect(distances(found)).toMatchObject({ first: -1, reader: 1 });
    expect(edges(found)).toContain('reader-out-');
  });
});

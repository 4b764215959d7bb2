import { describe, expect, it } from 'vitest';
import type { Neighbourhood } from '../../src/core/inspectorResults';
import { edgeText, neighbourLines, type Side } from '../../webview/inspector/neighbourLines';

const edge = (from: string | null, value: string, to: string | null) => ({
  from,
  value,
  to,
  shape: [1, 'n', null],
  dtype: 'float',
});

/** in → a → (b → c →) join → out: a is one step before join, and two before it by way of b. */
const around: Neighbourhood = {
  layer: 'join',
  nodes: [
    { name: 'join', op: 'Add', distance: 0 },
    { name: 'c', op: 'Relu', distance: -1 },
    { name: 'a', op: 'Conv', distance: -1 },
    { name: 'b', op: 'Relu', distance: -2 },
    { name: 'tail', op: 'Gemm', distance: 1 },
  ],
  edges: [
    edge('c', 'vc', 'join'),
    edge('a', 'va', 'join'),
    edge('b', 'vb', 'c'),
    edge(null, 'in', 'a'),
    edge('a', 'va', 'b'),
    edge('join', 'vj', 'tail'),
    edge('join', 'vj', null),
  ],
  isWhole: true,
};

const text = (side: Side): string[] =>
  neighbourLines(around, side).map(
    ({ level, node, edge: { value }, isRepeated }) =>
      `${' '.repeat(level - 1)}${node?.name ?? 'outside'} ${value}${isRepeated ? ' again' : ''}`,
  );

describe('neighbourLines(around, side)', () => {
  it('are the producers below what reads them; the way behind a node stands where it is nearest', () => {
    expect(text('producers')).toEqual(['c vc', ' b vb', '  a va again', 'a va', ' outside in']);
  });

  it('are the consumers, and the outputs of the model', () => {
    expect(text('consumers')).toEqual(['tail vj', 'outside vj']);
  });

  it('are no more than the edges, also where many ways lead through the graph', () => {
    const layers = Array.from({ length: 6 }, (_, step) => [`a${step}`, `b${step}`]);
    const edges = layers.flatMap((ends, step) =>
      ends.flatMap((from) => (layers[step + 1] ?? []).map((to) => edge(from, `v ${from}`, to))),
    );
    const mesh: Neighbourhood = {
      layer: 'a0',
      nodes: layers.flatMap((names, distance) => names.map((name) => ({ name, op: 'Add', distance }))),
      edges,
      isWhole: true,
    };
    const lines = neighbourLines(mesh, 'consumers');
    expect(lines).toHaveLength(edges.length - 2);
    expect(lines.filter(({ isRepeated }) => !isRepeated)).toHaveLength(10);
  });

  it('name the value with shape and type, as far as known', () => {
    expect(edgeText(edge('a', 'va', 'b'))).toBe('va: 1×n×? float');
    expect(edgeText({ ...edge('a', 'va', 'b'), shape: null, dtype: null })).toBe('va: unknown');
  });
});

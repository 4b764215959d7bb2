import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../../src/core/graph/graphIndex';
import { summarizeModel } from '../../../../src/core/graph/summary';
import { makeNode } from '../../../../src/core/onnx/build';
import { DataType, type Model } from '../../../../src/core/onnx/types';
import { modelOf } from '../support';
import * as forms from './forms';

/** Row by row: the nodes without a weight, and where they are folded into. */
function folds(model: Model): Record<string, string | undefined> {
  const { layers, nodes } = summarizeModel(indexGraph(model));
  expect(layers.every(({ foldedInto }) => foldedInto === undefined)).toBe(true);
  return Object.fromEntries(nodes.map(({ name, foldedInto }) => [name, foldedInto]));
}

describe('foldedNodes(index, rows)', () => {
  it('folds Q/DQ of weight, bias and activations; pairs belong to the layer before, through Relu', () => {
    expect(folds(forms.qdqConv())).toEqual({
      x_q: 'conv',
      xq_dq: 'conv',
      w_dq: 'conv',
      b_dq: 'conv',
      relu: undefined,
      r_q: 'conv',
      rq_dq: 'conv',
      pool: undefined,
      p_q: 'pool',
      pq_dq: 'pool',
    });
  });

  it('folds what makes a weight of stored codes', () => {
    expect(folds(forms.blockedInt4())).toEqual({ w_dq: 'product' });
    expect(folds(forms.codebook())).toEqual({ w_cast: 'product', w_gather: 'product', w_mul: 'product' });
    expect(folds(forms.groupedCodebook())).toEqual({
      w_cast: 'product',
      w_gather: 'product',
      w_reshape: 'product',
      w_turn: 'product',
    });
    expect(folds(forms.perKernel())).toEqual({ w_dq: 'conv', w_reshape: 'conv' });
    expect(folds(forms.castHalf())).toEqual({ w_cast: 'product' });
    expect(folds(forms.table())).toEqual({ rows_dq: 'embedding' });
    expect(folds(forms.fakeQuantized())).toEqual({ w_q: 'product', w_dq: 'product' });
  });

  it('keeps integer operators as rows, and folds Q and DQ at the border', () => {
    expect(folds(forms.qOperator())).toEqual({ x_q: 'conv', add: undefined, sq_dq: 'add' });
  });

  it('folds the dynamic chain, but not the bias', () => {
    expect(folds(forms.dynamic())).toEqual({
      x_q: 'product',
      cast: 'product',
      scales: 'product',
      scaled: 'product',
      add: undefined,
    });
  });

  it('gives the pair behind a dynamic chain to its layer', () => {
    const model = forms.dynamic();
    const { graph } = model;
    if (!graph) throw new Error('no graph');
    const node = graph.node.map((each) =>
      each.name === 'add'
        ? makeNode({ opType: 'QuantizeLinear', name: 'q', input: ['m', 'ws'], output: ['y'] })
        : each,
    );
    expect(folds({ ...model, graph: { ...graph, node } })['q']).toBe('product');
  });

  it('hides nothing of a float model', () => {
    const model = modelOf({
      inputs: { x: ['N', 4] },
      initializer: [
        forms.float(
          'w',
          Array.from({ length: 12 }, () => 1),
          [3, 4],
        ),
        forms.uint8('mask', [3], Uint8Array.of(1, 0, 1)),
      ],
      nodes: [
        { opType: 'Transpose', name: 'turn', input: ['w'], output: ['t'] },
        { opType: 'MatMul', name: 'product', input: ['x', 't'], output: ['p'] },
        {
          opType: 'Cast',
          name: 'cast',
          input: ['mask'],
          output: ['m'],
          attributes: { to: { int: DataType.FLOAT } },
        },
        { opType: 'Mul', name: 'masked', input: ['p', 'm'], output: ['y'] },
      ],
      outputs: ['y'],
    });
    expect(folds(model)).toEqual({ turn: undefined, cast: undefined, masked: undefined });
    const { layers } = summarizeModel(indexGraph(model));
    expect(layers[0]).not.toHaveProperty('stored');
    expect(layers[0]).not.toHaveProperty('activations');
  });

  it('puts what is folded into the group of its row', () => {
    const model = forms.blockedInt4();
    const { graph } = model;
    if (!graph) throw new Error('no graph');
    const node = graph.node.map((each) =>
      each.name === 'product' ? { ...each, name: '/head/fc/MatMul' } : each,
    );
    const { layers, nodes } = summarizeModel(indexGraph({ ...model, graph: { ...graph, node } }));
    expect(layers[0]?.path).toEqual(['head', 'fc']);
    expect(nodes).toMatchObject([{ name: 'w_dq', path: ['head', 'fc'], foldedInto: '/head/fc/MatMul' }]);
  });

  it('shows a pair that belongs to no row, and ends on a pair that feeds itself', () => {
    const pair = (input: string, output: string) => [
      { opType: 'QuantizeLinear', name: 'q', input: [input, 's'], output: ['q'] },
      { opType: 'DequantizeLinear', name: 'dq', input: ['q', 's'], output: [output] },
    ];
    const initializer = [forms.float('s', [1], [])];
    const alone = modelOf({ inputs: { x: [1] }, initializer, nodes: pair('x', 'y'), outputs: ['y'] });
    expect(folds(alone)).toEqual({ q: undefined, dq: undefined });
    const cycle = modelOf({ inputs: { x: [1] }, initializer, nodes: pair('y', 'y'), outputs: ['y'] });
    expect(folds(cycle)).toEqual({ q: undefined, dq: undefined });
  });

  it("takes no longer for formats that are each other's scales", () => {
    const initializer = [forms.float('s', [1], [])];
    // Each value is read by all nodes of the next level: paths grow threefold with every level.
    const nodes = Array.from({ length: 40 }, (_, level) =>
      [0, 1, 2].map((side) => ({
        opType: 'DequantizeLinear',
        name: `${level}_${side}`,
        input: level === 0 ? ['x', 's'] : [0, 1, 2].map((turn) => `v${level}_${(side + turn) % 3}`),
        output: [`v${level + 1}_${side}`],
      })),
    ).flat();
    const started = performance.now();
    const found = folds(modelOf({ inputs: { x: [1] }, initializer, nodes, outputs: ['v40_0'] }));
    expect(Object.keys(found)).toHaveLength(120);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

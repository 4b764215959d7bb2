import { describe, expect, it } from 'vitest';
import { floatTensor, int64Tensor, makeNode, type NodeSpec } from '../../../src/core/onnx/build';
import { quantize, run, sqnr } from '../../support/rewriting';
import { model, node, samples, weights } from './models';
import { planOf, quantizeAndCompare, weightOnlySchemes } from './weightOnlySupport';

describe('recurrent layers', () => {
  const hidden = 8;
  const dims = [5, 2, 6];
  it.each(
    (['LSTM', 'GRU', 'RNN'] as const).flatMap((op) =>
      weightOnlySchemes.map((scheme) => [op, scheme] as const),
    ),
  )('%s %s quantizes W and R', async (op, scheme) => {
    const gates = { LSTM: 4, GRU: 3, RNN: 1 }[op] * hidden;
    const layer = node(op, 'cell', ['x', 'w', 'r'], ['y'], { hidden_size: { int: hidden } });
    const stored = [weights('w', [1, gates, 6]), weights('r', [1, gates, hidden], 2)];
    const { model: written, layers } = await quantizeAndCompare(
      model([layer], stored, dims),
      scheme,
      samples(dims, 2),
    );
    const left = written.graph?.initializer.map(({ name }) => name);
    expect(left?.filter((name) => name === 'w' || name === 'r')).toEqual([]);
    const bytes = written.graph?.initializer.reduce(
      (sum, { rawData }) => sum + (rawData?.byteLength ?? 0),
      0,
    );
    expect(layers).toMatchObject([{ name: 'cell', scheme, bytesAfter: bytes }]);
    expect((await layers[0]?.measureWeight())?.sqnrDb).toBeGreaterThan(10);
  });

  it('gates in another order are quantized as they are stored', async () => {
    const reordered: NodeSpec[] = [
      { opType: 'Slice', input: ['w', 'at8', 'at32'], output: ['w_tail'] },
      { opType: 'Slice', input: ['w', 'at0', 'at8'], output: ['w_head'] },
      { opType: 'Concat', input: ['w_tail', 'w_head'], output: ['w_cat'], attributes: { axis: { int: 0 } } },
      { opType: 'Unsqueeze', input: ['w_cat', 'at0'], output: ['w_in'] },
    ];
    const nodes = [
      ...reordered.map(makeNode),
      node('LSTM', 'cell', ['x', 'w_in', 'r'], ['y'], { hidden_size: { int: hidden } }),
    ];
    const constants = [0, 8, 32].map((value) => int64Tensor(`at${value}`, [value]));
    const stored = [weights('w', [32, 6]), weights('r', [1, 32, hidden], 2), ...constants];
    const original = model(nodes, stored, dims);
    const { model: written } = await quantizeAndCompare(original, 'w8', samples(dims, 2));
    const scale = written.graph?.initializer.find(({ name }) => name === 'w_scale');
    expect(scale?.dims).toEqual([32]);
    expect(written.graph?.node.map(({ opType }) => opType)).toEqual(
      expect.arrayContaining(['Slice', 'Concat', 'Unsqueeze']),
    );
  });
});

describe('products of any rank', () => {
  it.each([
    ['stacked', [2, 4, 16], ['x', 'w'], [2, 16, 8], 8],
    ['stacked twice', [2, 3, 4, 16], ['x', 'w'], [3, 16, 8], 8],
    ['from the left', [2, 16, 5], ['w', 'x'], [8, 16], 8],
  ] as const)('%s: a scale per output', async (_name, dims, operands, weightDims, scales) => {
    const original = model([node('MatMul', 'm', operands, ['y'])], [weights('w', weightDims)], dims);
    for (const scheme of weightOnlySchemes) await quantizeAndCompare(original, scheme, samples(dims, 2));
    const { model: written } = await quantizeAndCompare(original, 'w8', samples(dims, 2));
    expect(written.graph?.initializer.find(({ name }) => name === 'w_scale')?.dims).toEqual([scales]);
    const { model: integer } = await quantize(original, planOf('w8a8'), samples(dims));
    for (const sample of samples(dims, 2)) {
      const { y: before = [] } = await run(original, sample, 'none');
      expect(sqnr(before, (await run(integer, sample))['y'] ?? [])).toBeGreaterThan(25);
    }
  });

  it.each(weightOnlySchemes)('Gemm with transposed operands and factors, %s', async (scheme) => {
    const attributes = { transA: { int: 1 }, transB: { int: 1 }, alpha: { float: 0.5 }, beta: { float: 3 } };
    const gemm = node('Gemm', 'g', ['x', 'w', 'b'], ['y'], attributes);
    const stored = [weights('w', [8, 16]), floatTensor('b', [1, 2, 3, 4, 5, 6, 7, 8])];
    await quantizeAndCompare(model([gemm], stored, [16, 3]), scheme, samples([16, 3], 2));
  });
});

import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { summarizeModel } from '../../../src/core/graph/summary';
import { makeGraph, makeModel, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { removeQuantization } from '../../../src/core/rewrite/convert/removeQuantization';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, run } from '../../support/rewriting';
import { node, weights } from './models';
import { planOf } from './weightOnlySupport';

const ROWS = 100;

/** Rows of a table of codes are looked up before they are dequantized: what is said of such a model, and the way back. */
describe('a written embedding table', () => {
  const original: Model = makeModel(
    makeGraph({
      node: [node('Gather', 'embed', ['table', 'ids'], ['h']), node('Neg', 'neg', ['h'], ['y'])],
      initializer: [weights('table', [ROWS, 64])],
      input: [makeValueInfo('ids', DataType.INT64, [1, 3])],
      output: [makeValueInfo('y', DataType.FLOAT, [1, 3, 64])],
    }),
    { opset: 21, irVersion: 10 },
  );
  const ids = { ids: { type: 'int64' as const, dims: [1, 3], data: BigInt64Array.of(0n, 99n, 42n) } };

  const cases = [
    ['tensor', { kind: 'per-tensor' }],
    ['channel', { kind: 'per-channel', axis: 0, scales: ROWS }],
    ['block:16', { kind: 'blocked', axis: 1, blockSize: 16, scales: 4 * ROWS }],
    ['block:64', { kind: 'per-channel', axis: 0, scales: ROWS }],
  ] as const;
  const plans = cases.flatMap((each) => [true, false].map((symmetric) => [...each, symmetric] as const));

  it.each(plans)(
    'w8 per %s is one row with all its bytes (%o, symmetric %s)',
    async (granularity, ...rest) => {
      const [kind, symmetric] = rest;
      const plan = { ...planOf('w8'), defaultOptions: { granularity, symmetric } };
      const { model, layers: written } = await rewrite(original, plan, new Map());
      const { layers, nodes, parameters } = summarizeModel(indexGraph(model));
      expect(parameters).toBe(64 * ROWS);
      expect(layers).toMatchObject([
        {
          name: 'embed',
          bytes: written[0]?.bytesAfter,
          parameters: 64 * ROWS,
          stored: { granularity: kind },
        },
      ]);
      const own = nodes.filter(({ foldedInto }) => foldedInto !== 'embed');
      expect(own.map(({ name, bytes }) => [name, bytes])).toEqual([['neg', 0]]);
    },
  );

  it.each(plans)('w8 per %s becomes float again (%o, symmetric %s)', async (granularity, _, symmetric) => {
    const plan = { ...planOf('w8'), defaultOptions: { granularity, symmetric } };
    const { model: written } = await rewrite(original, plan, new Map());
    const { model, changed } = removeQuantization(written);
    expect(changed).toBe(1);
    expect(opTypes(model)).toEqual(['Gather', 'Neg']);
    expect(model.graph?.initializer.map(({ name, dims }) => [name, dims])).toEqual([['table', [ROWS, 64]]]);
    expect(await run(model, ids)).toEqual(await run(written, ids, 'none'));
  });
});

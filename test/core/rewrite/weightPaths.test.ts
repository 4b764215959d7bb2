/** Weights that pass through other operators on their way to a layer, and embedding tables. */
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import { makeGraph, makeModel, makeTensor, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Graph, type Model, type Node, type Tensor } from '../../../src/core/onnx/types';
import type { Feeds } from '../../../src/core/ports';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, run, sqnr } from '../../support/rewriting';
import { node, weights } from './models';
import { bothWays, planOf, quantizeAndCompare, weightOnlySchemes } from './weightOnlySupport';

const input = [4, 16];

/** y = x · f(w) with a weight of its own in either branch; `step` is f. */
function branches(stored: (name: string) => Tensor, step: (from: string, to: string) => Node): Model {
  const branch = (name: string): Graph =>
    makeGraph({
      name,
      initializer: [stored(`${name}_w`)],
      node: [step(`${name}_w`, `${name}_t`), node('MatMul', name, ['x', `${name}_t`], [`${name}_y`])],
      output: [makeValueInfo(`${name}_y`, DataType.FLOAT, [4, 8])],
    });
  const graph = makeGraph({
    node: [node('If', 'choose', ['flag'], ['y'], { then_branch: branch('yes'), else_branch: branch('no') })],
    input: [makeValueInfo('x', DataType.FLOAT, input), makeValueInfo('flag', DataType.BOOL, [])],
    output: [makeValueInfo('y', DataType.FLOAT, [4, 8])],
  });
  return makeModel(graph, { opset: 16, irVersion: 8 });
}

/** Some float16 numbers between 1/16 and 1. */
function half(name: string, dims: readonly number[]): Tensor {
  const length = dims.reduce((product, size) => product * size, 1);
  const bits = Uint16Array.from(
    { length },
    (_, i) => 0x2c00 + ((i * 389) % 2800) + (i % 3 === 0 ? 0x8000 : 0),
  );
  return makeTensor(name, DataType.FLOAT16, dims, new Uint8Array(bits.buffer));
}

describe('float16 behind a Cast, in a branch', () => {
  const original = branches(
    (name) => half(name, [16, 8]),
    (from, to) => node('Cast', `${to}_cast`, [from], [to], { to: { int: DataType.FLOAT } }),
  );

  it.each(weightOnlySchemes.filter((scheme) => scheme !== 'fp16'))('%s takes its place', async (scheme) => {
    const { model: written } = await quantizeAndCompare(original, scheme, bothWays(input));
    const index = indexGraph(written);
    const types = index.scopes.flatMap((scope) => index.initializers(scope).map(({ dataType }) => dataType));
    expect(types).not.toContain(DataType.FLOAT16);
  });

  it('fp16 leaves it', async () => {
    const { model: same, notes } = await rewrite(original, planOf('fp16'), new Map());
    expect(notes).toEqual(['yes, no: Stays as it is. Its weight is stored in half precision already.']);
    expect(indexGraph(same).nodes).toHaveLength(5);
  });
});

describe('a Transpose in a branch', () => {
  const original = branches(
    (name) => weights(name, [8, 16]),
    (from, to) => node('Transpose', `${to}_turn`, [from], [to]),
  );

  it.each(weightOnlySchemes)('%s', async (scheme) => {
    await quantizeAndCompare(original, scheme, bothWays(input));
  });

  it('turns codes, not what they stand for: the runtime multiplies by them as they are', async () => {
    const { model: written } = await quantizeAndCompare(original, 'w8', bothWays(input));
    const index = indexGraph(written);
    for (const scope of index.scopes.filter(({ kind }) => kind === 'subgraph')) {
      const nodes = index.nodesOf(scope).map((ref) => ref.node);
      expect(nodes.map(({ opType }) => opType)).toEqual(['Transpose', 'DequantizeLinear', 'MatMul']);
      expect(nodes[1]?.attribute).toMatchObject([{ name: 'axis', i: 1n }]);
    }
  });
});

describe('embedding tables', () => {
  const table = weights('table', [100, 64]);
  const ids: Feeds = { ids: { type: 'int64', dims: [1, 3], data: BigInt64Array.of(0n, 99n, 42n) } };
  const lookUp = (nodes: readonly Node[], width: number): Model =>
    makeModel(
      makeGraph({
        node: [node('Gather', 'embed', ['table', 'ids'], ['h']), ...nodes],
        initializer: [table],
        input: [makeValueInfo('ids', DataType.INT64, [1, 3])],
        output: [makeValueInfo('y', DataType.FLOAT, [1, 3, width])],
      }),
      { opset: 16, irVersion: 8 },
    );

  it.each([
    ['tensor', ['DequantizeLinear', 'Gather', 'Neg']],
    ['channel', ['DequantizeLinear', 'Flatten', 'Gather', 'Gather', 'Neg']],
    ['block:16', ['DequantizeLinear', 'Gather', 'Gather', 'Neg']],
  ] as const)('w8 per %s dequantizes only the rows that are looked up', async (granularity, operators) => {
    const original = lookUp([node('Neg', 'neg', ['h'], ['y'])], 64);
    const { y: before = [] } = await run(original, ids, 'none');
    for (const symmetric of [true, false]) {
      const plan = { ...planOf('w8'), defaultOptions: { granularity, symmetric } };
      const { model: written, layers } = await rewrite(original, plan, new Map());
      expect(layers).toMatchObject([{ name: 'embed', scheme: 'w8' }]);
      expect(new Set(opTypes(written))).toEqual(new Set(operators));
      if (symmetric) expect(opTypes(written)).toEqual(operators);
      const { y: after = [] } = await run(written, ids);
      expect(sqnr(before, after)).toBeGreaterThan(35);
      const index = indexGraph(written);
      expect(findLayers(index, inferShapes(index))).toMatchObject([
        { name: 'embed', reason: 'Its weight is already quantized (stored as int8).' },
      ]);
    }
  });

  it('are stored once, also when they multiply', async () => {
    const turn = node('Transpose', 'turn', ['table'], ['turned']);
    const original = lookUp([turn, node('MatMul', 'head', ['h', 'turned'], ['y'])], 100);
    for (const scheme of weightOnlySchemes) {
      const { model: written, layers } = await quantizeAndCompare(original, scheme, [ids]);
      expect(layers.map((layer) => layer.scheme)).toEqual([scheme, scheme]);
      const large = written.graph?.initializer.filter(({ dims }) => dims.reduce((a, b) => a * b, 1) >= 6400);
      expect(large).toHaveLength(1);
    }
  });
});

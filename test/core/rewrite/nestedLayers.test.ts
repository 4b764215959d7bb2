/** Layers inside branches, loop bodies and functions. */
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import {
  floatTensor,
  int64Tensor,
  makeGraph,
  makeModel,
  makeNode,
  makeValueInfo,
} from '../../../src/core/onnx/build';
import { modelSize } from '../../../src/core/onnx/write';
import { DataType, type Graph, type Model, type ModelFunction } from '../../../src/core/onnx/types';
import { quantize, run, sqnr } from '../../support/rewriting';
import { model, node, samples, weights } from './models';
import { bothWays, planOf, quantizeAndCompare, weightOnlySchemes } from './weightOnlySupport';

const input = [4, 16];
const feeds = bothWays(input);

/** y = flag ? (x · own) : (x · shared) + (x · shared), `own` in a Constant node of its branch, two levels deep. */
function branches(): Model {
  const value = (name: string) => makeValueInfo(name, DataType.FLOAT, [4, 8]);
  const inner = makeGraph({
    name: 'inner',
    node: [
      makeNode({
        opType: 'Constant',
        input: [],
        output: ['own'],
        attributes: { value: weights('own', [16, 8]) },
      }),
      makeNode({ opType: 'MatMul', name: 'deep', input: ['x', 'own'], output: ['deep_y'] }),
    ],
    output: [value('deep_y')],
  });
  const outer = (name: string, matmuls: readonly string[], graph?: Graph): Graph =>
    makeGraph({
      name,
      node: graph
        ? [
            makeNode({
              opType: 'If',
              name: `${name}_if`,
              input: ['flag'],
              output: [`${name}_y`],
              attributes: { then_branch: graph, else_branch: outer('never', ['unlikely']) },
            }),
          ]
        : matmuls.map((each, at) =>
            makeNode({
              opType: 'MatMul',
              name: each,
              input: ['x', 'shared'],
              output: [at === 0 ? `${name}_y` : `${name}_${at}`],
            }),
          ),
      output: [value(`${name}_y`)],
    });
  const graph = makeGraph({
    node: [
      makeNode({
        opType: 'If',
        name: 'choose',
        input: ['flag'],
        output: ['y'],
        attributes: { then_branch: outer('yes', [], inner), else_branch: outer('no', ['shallow']) },
      }),
    ],
    initializer: [weights('shared', [16, 8], 2)],
    input: [makeValueInfo('x', DataType.FLOAT, input), makeValueInfo('flag', DataType.BOOL, [])],
    output: [value('y')],
  });
  return makeModel(graph, { opset: 16, irVersion: 8 });
}

describe('layers in branches', () => {
  it.each(weightOnlySchemes)(
    '%s runs; a weight that branches share is stored once, outside',
    async (scheme) => {
      const { model: written, layers, notes } = await quantizeAndCompare(branches(), scheme, feeds);
      expect(layers.map((layer) => [layer.name, layer.scheme])).toEqual([
        ['shallow', scheme],
        ['deep', scheme],
        ['unlikely', scheme],
      ]);
      expect(notes.filter((note) => !note.includes('raised'))).toEqual([]);
      const index = indexGraph(written);
      const stored = index.scopes.map((scope) => index.initializers(scope).map(({ name }) => name));
      const [main = [], ...others] = stored;
      expect(main).not.toContain('shared');
      expect(main.every((name) => name.startsWith('shared_'))).toBe(true);
      expect(others.flat().every((name) => name.startsWith('own_'))).toBe(true);
      expect(index.nodes.filter(({ node: { opType } }) => opType === 'Constant')).toEqual([]);
    },
  );

  it('w8a8 is weight-only there, and says so', async () => {
    const { model: written, notes } = await quantize(branches(), planOf('w8a8'), feeds);
    expect(notes).toEqual([
      'shallow, deep, unlikely: Only the weight is 8-bit: activations inside a branch or loop body are not calibrated, so it gets smaller but not faster.',
    ]);
    const index = indexGraph(written);
    expect(index.nodes.filter(({ node: { opType } }) => opType === 'QuantizeLinear')).toEqual([]);
    for (const sample of feeds) {
      const { y: before = [] } = await run(branches(), sample, 'none');
      expect(sqnr(before, (await run(written, sample))['y'] ?? [])).toBeGreaterThan(35);
    }
  });
});

describe('layers in loops', () => {
  it.each(weightOnlySchemes)(
    '%s: the body does not dequantize an outer weight again and again',
    async (scheme) => {
      const square = [4, 4];
      const body = makeGraph({
        name: 'body',
        input: [
          makeValueInfo('i', DataType.INT64, []),
          makeValueInfo('go', DataType.BOOL, []),
          makeValueInfo('state', DataType.FLOAT, square),
        ],
        node: [
          makeNode({ opType: 'MatMul', name: 'step', input: ['state', 'w'], output: ['next'] }),
          makeNode({ opType: 'Identity', input: ['go'], output: ['still'] }),
        ],
        output: [makeValueInfo('still', DataType.BOOL, []), makeValueInfo('next', DataType.FLOAT, square)],
      });
      const loop = node('Loop', 'loop', ['count', '', 'x'], ['y'], { body });
      // Near a rotation, so that three steps keep the sizes of errors.
      const turn = [0, 1, 0.1, 0, 0, 0.1, 1, 0, 0, 0, 0.2, 1, 1, 0, 0, 0.1];
      const original = model([loop], [floatTensor('w', turn, square), int64Tensor('count', [3], [])], square);
      const { model: written } = await quantizeAndCompare(original, scheme, samples(square, 2));
      const index = indexGraph(written);
      expect(
        index.nodes.filter(({ scope }) => scope.kind === 'subgraph').map(({ node: { opType } }) => opType),
      ).toEqual(['MatMul', 'Identity']);
    },
  );
});

describe('layers in functions', () => {
  const linear: ModelFunction = {
    name: 'Linear',
    domain: 'local',
    overload: '',
    input: ['a'],
    output: ['b'],
    attribute: [],
    attributeProto: [],
    node: [
      makeNode({
        opType: 'Constant',
        input: [],
        output: ['w'],
        attributes: { value: weights('w', [16, 16]) },
      }),
      makeNode({ opType: 'MatMul', name: 'inside', input: ['a', 'w'], output: ['b'] }),
    ],
    docString: '',
    opsetImport: [{ domain: '', version: 15 }],
    valueInfo: [],
    metadataProps: [],
  };
  const call = (from: string, to: string) =>
    makeNode({ opType: 'Linear', domain: 'local', input: [from], output: [to] });
  const calling = makeModel(
    makeGraph({
      node: [call('x', 'h'), call('h', 'y')],
      input: [makeValueInfo('x', DataType.FLOAT, input)],
      output: [makeValueInfo('y', DataType.FLOAT, input)],
    }),
    {
      irVersion: 8,
      opsetImport: [
        { domain: '', version: 15 },
        { domain: 'local', version: 1 },
      ],
      functions: [linear],
    },
  );

  it.each(weightOnlySchemes)('%s is stored in the body, as Constant nodes', async (scheme) => {
    const { model: written, layers } = await quantizeAndCompare(calling, scheme, samples(input, 2));
    expect(layers).toMatchObject([{ name: 'inside', scheme }]);
    const [body] = written.functions;
    expect(body?.node.at(-1)?.opType).toBe('MatMul');
    expect(body?.node.flatMap(({ opType, output }) => (opType === 'Constant' ? output : []))).not.toContain(
      'w',
    );
    expect(await modelSize(written)).toBeLessThan(1.05 * (await modelSize(calling)));
  });
});

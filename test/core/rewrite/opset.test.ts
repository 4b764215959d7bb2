import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { floatTensor, makeGraph, makeModel, makeNode, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Node } from '../../../src/core/onnx/types';
import { raiseOpset } from '../../../src/core/rewrite/opset';
import { adapters } from '../../../src/core/rewrite/opset/adapters';
import { run } from '../../support/rewriting';
import { build, type Case, cases, feedsFor } from './opsetCases';

describe('an adapter for every change', () => {
  const { changes } = JSON.parse(
    readFileSync(new URL('../../golden/opset/changes.json', import.meta.url), 'utf8'),
  ) as { changes: Record<string, Record<string, string[]>> };
  /** Differences between schemas that change nothing for a node that was valid. */
  const harmless = new Set([
    '3 GRU', // the old default, `foward`, was a slip of the pen
    '11 Constant', // `value` is one of several attributes now
    '13 Erf', // integers are gone; they never made sense
  ]);

  it.each(Object.keys(changes).map(Number))('opset %i', (version) => {
    const changed = Object.entries(changes[version] ?? {})
      .filter(([op, found]) => found.length > 0 && !harmless.has(`${version} ${op}`))
      .map(([op]) => op);
    expect(changed.filter((op) => !(op in (adapters[version] ?? {})))).toEqual([]);
    const unknown = Object.keys(adapters[version] ?? {}).filter((op) => !(op in (changes[version] ?? {})));
    expect(unknown).toEqual([]);
  });
});

describe('a raised node computes the same', () => {
  it.each(
    cases.map((each): [string, Case] => [`${each.op} ${each.opset} ${JSON.stringify(each.inputs)}`, each]),
  )('%s', async (_name, each) => {
    const model = build(each);
    const target = each.opset < 13 ? 13 : 21;
    const raised = raiseOpset(model, target).model;
    expect(raised.opsetImport).toEqual([{ domain: '', version: target }]);
    const feeds = feedsFor(each.inputs);
    const before = await run(model, feeds, 'none');
    const after = await run(raised, feeds, 'none');
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, values] of Object.entries(before)) {
      expect(after[name]?.length).toBe(values.length);
      values.forEach((value, i) => expect(after[name]?.[i]).toBeCloseTo(value, 5));
    }
  });

  it('TopK', async () => {
    const graph = makeGraph({
      node: [
        makeNode({
          opType: 'TopK',
          input: ['x0'],
          output: ['y0', 'i'],
          attributes: { k: { int: 2 }, axis: { int: 1 } },
        }),
      ],
      input: [makeValueInfo('x0', DataType.FLOAT, [2, 5])],
      output: [makeValueInfo('y0', DataType.FLOAT)],
    });
    const model = makeModel(graph, { opset: 9, irVersion: 8 });
    const feeds = feedsFor([[2, 5]]);
    expect(await run(raiseOpset(model, 13).model, feeds, 'none')).toEqual(await run(model, feeds, 'none'));
  });
});

describe('operators older than the runtime', () => {
  const raise = (each: Case): readonly Node[] => raiseOpset(build(each), 13).model.graph?.node ?? [];

  it('aligns a legacy broadcast', async () => {
    const each: Case = {
      opset: 6,
      op: 'Add',
      inputs: [[1, 3, 2, 2]],
      constants: [floatTensor('bias', [10, 20, 30])],
      attributes: { broadcast: { int: 1 }, axis: { int: 1 } },
    };
    const feeds = feedsFor(each.inputs);
    const { y0 = [] } = await run(raiseOpset(build(each), 13).model, feeds, 'none');
    const input = feeds['x0']?.data as Float32Array;
    expect(Array.from(y0)).toEqual(
      Array.from(input, (value, i) => Math.fround(value + 10 * (1 + Math.floor(i / 4)))),
    );
  });

  it('aligns the slope of PRelu', async () => {
    const each: Case = {
      opset: 6,
      op: 'PRelu',
      inputs: [[1, 3, 1, 2]],
      constants: [floatTensor('slope', [0.5, 2, 4])],
    };
    const feeds = feedsFor(each.inputs);
    const { y0 = [] } = await run(raiseOpset(build(each), 13).model, feeds, 'none');
    const slopes = [0.5, 0.5, 2, 2, 4, 4];
    const input = feeds['x0']?.data as Float32Array;
    expect(Array.from(y0)).toEqual(
      Array.from(input, (x, i) => (x < 0 ? Math.fround(x * (slopes[i] ?? 0)) : x)),
    );
  });

  it('keeps the default axis of Concat', () => {
    const [node] = raise({
      opset: 3,
      op: 'Concat',
      inputs: [
        [1, 2],
        [1, 2],
      ],
    });
    expect(node?.attribute).toMatchObject([{ name: 'axis', i: 1n }]);
  });

  it('drops what has no meaning any more', () => {
    const attributes = { consumed_inputs: { ints: [0] }, is_test: { int: 1 }, ratio: { float: 0.5 } };
    const nodes = raise({ opset: 1, op: 'Dropout', inputs: [[2]], attributes });
    expect(nodes.at(-1)?.attribute).toEqual([]);
  });

  it('renames paddings, moves shapes, numbers types', async () => {
    const pad = raise({ opset: 1, op: 'Pad', inputs: [[2]], attributes: { paddings: { ints: [1, 0] } } });
    expect(pad.map(({ opType }) => opType)).toEqual(['Constant', 'Pad']);
    const reshape = { opset: 1, op: 'Reshape', inputs: [[2, 3]], attributes: { shape: { ints: [3, 2] } } };
    expect(await run(raiseOpset(build(reshape), 13).model, feedsFor([[2, 3]]), 'none')).toHaveProperty('y0');
    const [cast] = raise({ opset: 5, op: 'Cast', inputs: [[2]], attributes: { to: 'FLOAT' } });
    expect(cast?.attribute).toMatchObject([{ name: 'to', i: 1n }]);
  });

  it('refuses by name what it cannot bridge', () => {
    const batchNorm: Case = {
      opset: 7,
      op: 'BatchNormalization',
      inputs: [[1, 3, 4, 6]],
      attributes: { spatial: { int: 0 } },
    };
    expect(() => raise(batchNorm)).toThrow(/BatchNormalization_0 \(BatchNormalization\).*spatial = 0/);
    expect(() => raise({ opset: 5, op: 'Tile', inputs: [[2]] })).toThrow(/Tile/);
  });
});

describe('scopes', () => {
  it('raises subgraphs and functions, and leaves newer models alone', async () => {
    const branch = (name: string, axis: number) =>
      makeGraph({
        name,
        node: [
          makeNode({
            opType: 'Softmax',
            input: ['x'],
            output: [`${name}_y`],
            attributes: { axis: { int: axis } },
          }),
        ],
        output: [makeValueInfo(`${name}_y`, DataType.FLOAT, [2, 3, 4])],
      });
    const graph = makeGraph({
      node: [
        makeNode({
          opType: 'ReduceMax',
          input: ['x'],
          output: ['top'],
          attributes: { keepdims: { int: 0 } },
        }),
        makeNode({
          opType: 'Cast',
          input: ['top'],
          output: ['flag'],
          attributes: { to: { int: DataType.BOOL } },
        }),
        makeNode({
          opType: 'If',
          input: ['flag'],
          output: ['y'],
          attributes: { then_branch: branch('a', 1), else_branch: branch('b', 2) },
        }),
      ],
      input: [makeValueInfo('x', DataType.FLOAT, [2, 3, 4])],
      output: [makeValueInfo('y', DataType.FLOAT, [2, 3, 4])],
    });
    const model = makeModel(graph, { opset: 11, irVersion: 8 });
    const [x] = Object.values(feedsFor([[2, 3, 4]]));
    if (!x) throw new Error('no feed');
    const before = await run(model, { x }, 'none');
    const raised = raiseOpset(model, 13);
    expect(await run(raised.model, { x }, 'none')).toEqual(before);
    expect(raised.notes).toHaveLength(1);
    expect(raiseOpset(raised.model, 13)).toEqual({ model: raised.model, notes: [] });

    const modelFunction = {
      name: 'Scores',
      domain: 'local',
      overload: '',
      input: ['x'],
      output: ['s'],
      attribute: [],
      attributeProto: [],
      node: [makeNode({ opType: 'Softmax', input: ['x'], output: ['s'] })],
      docString: '',
      opsetImport: [{ domain: '', version: 11 }],
      valueInfo: [],
      metadataProps: [],
    };
    const called = { ...model, functions: [modelFunction] };
    const [raisedFunction] = raiseOpset(called, 13).model.functions;
    expect(raisedFunction?.opsetImport).toEqual([{ domain: '', version: 13 }]);
    expect(raisedFunction?.node.map(({ opType }) => opType)).toContain('Reshape');
  });
});

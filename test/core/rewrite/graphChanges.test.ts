import { describe, expect, it } from 'vitest';
import { subgraphsOf } from '../../../src/core/onnx/attributes';
import { floatTensor, makeGraph, makeModel, makeNode, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Graph, type Model, type ModelFunction } from '../../../src/core/onnx/types';
import { GraphChanges } from '../../../src/core/rewrite/graphChanges';
import { run } from '../../support/rewriting';

const dims = [2];
const x = { type: 'float32' as const, dims, data: Float32Array.of(1, -2) };
const value = (name: string) => makeValueInfo(name, DataType.FLOAT, dims);

/** y = flag ? x · a : (x · shared) + b, with `a` in the branch and `b` in a Constant node of the other. */
function branching(): { model: Model; yes: Graph; no: Graph } {
  const yes = makeGraph({
    name: 'yes',
    node: [makeNode({ opType: 'Mul', name: 'mul', input: ['x', 'a'], output: ['yes_y'] })],
    initializer: [floatTensor('a', [3, 4])],
    output: [value('yes_y')],
  });
  const no = makeGraph({
    name: 'no',
    node: [
      makeNode({
        opType: 'Constant',
        input: [],
        output: ['b'],
        attributes: { value: floatTensor('b', [10, 20]) },
      }),
      makeNode({ opType: 'Mul', name: 'scale', input: ['x', 'shared'], output: ['scaled'] }),
      makeNode({ opType: 'Add', name: 'add', input: ['scaled', 'b'], output: ['no_y'] }),
    ],
    output: [value('no_y')],
  });
  const graph = makeGraph({
    node: [
      makeNode({
        opType: 'If',
        name: 'choose',
        input: ['flag'],
        output: ['y'],
        attributes: { then_branch: yes, else_branch: no },
      }),
    ],
    initializer: [floatTensor('shared', [5, 6])],
    input: [value('x'), makeValueInfo('flag', DataType.BOOL, [])],
    output: [value('y')],
  });
  return { model: makeModel(graph, { opset: 17, irVersion: 8 }), yes, no };
}

async function outputs(model: Model): Promise<(number[] | undefined)[]> {
  const flags = [1, 0].map((flag) => ({ type: 'bool' as const, dims: [], data: Uint8Array.of(flag) }));
  const results = [];
  for (const flag of flags) results.push((await run(model, { x, flag }))['y']);
  return results.map((each) => each && Array.from(each));
}

function branches(model: Model): Graph[] {
  return (model.graph?.node ?? []).flatMap((node) => subgraphsOf(node).map(({ graph }) => graph));
}

function nodeNamed(graph: Graph | ModelFunction, name: string) {
  const found = graph.node.find((node) => node.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
}

describe('GraphChanges in subgraphs', () => {
  it('leaves what it does not change as it is', () => {
    const { model, yes, no } = branching();
    const changes = new GraphChanges(model);
    changes.edit(nodeNamed(no, 'add'), { name: 'renamed' });
    const changed = changes.apply();
    expect(branches(changed)[0]).toBe(yes);
    expect(branches(changed)[1]?.node.map(({ name }) => name)).toEqual(['', 'scale', 'renamed']);
    expect(new GraphChanges(model).apply()).toBe(model);
  });

  it('puts initializers and nodes into the graph that they are meant for, and drops what is unread then', async () => {
    const { model, yes, no } = branching();
    expect(await outputs(model)).toEqual([
      [3, -8],
      [15, 8],
    ]);
    const changes = new GraphChanges(model);
    const doubled = changes.fresh('a');
    expect(doubled).toBe('a_1');
    changes.addInitializer(floatTensor(doubled, [6, 8]), yes);
    changes.edit(nodeNamed(yes, 'mul'), { input: ['x', doubled] });
    changes.insertFirstIn(no, makeNode({ opType: 'Neg', input: ['shared'], output: ['negative'] }));
    changes.edit(nodeNamed(no, 'scale'), { input: ['x', 'negative'] });
    changes.edit(nodeNamed(no, 'add'), { input: ['scaled', 'scaled'] });
    const changed = changes.apply();
    const [first, second] = branches(changed);
    expect(first?.initializer.map(({ name }) => name)).toEqual([doubled]);
    expect(second?.node.map(({ opType }) => opType)).toEqual(['Neg', 'Mul', 'Add']);
    expect(changed.graph?.initializer.map(({ name }) => name)).toEqual(['shared']);
    expect(await outputs(changed)).toEqual([
      [6, -16],
      [-10, 24],
    ]);
  });

  it('redirects the readers in a branch only, and drops an outer constant that none reads any more', async () => {
    const { model, no } = branching();
    const changes = new GraphChanges(model);
    changes.redirect('shared', 'b', no);
    const changed = changes.apply();
    expect(changed.graph?.initializer).toEqual([]);
    expect(await outputs(changed)).toEqual([
      [3, -8],
      [20, -20],
    ]);
  });

  it('drops the nodes that only a changed node read, and no others', () => {
    const graph = makeGraph({
      node: [
        makeNode({ opType: 'Transpose', input: ['w'], output: ['turned'] }),
        makeNode({ opType: 'Identity', input: ['turned'], output: ['same'] }),
        makeNode({ opType: 'Neg', input: ['x'], output: ['unread'] }),
        makeNode({ opType: 'Mul', name: 'mul', input: ['x', 'same'], output: ['y'] }),
      ],
      initializer: [floatTensor('w', [1, 2]), floatTensor('v', [3, 4]), floatTensor('stray', [5])],
      input: [value('x')],
      output: [value('y')],
    });
    const changes = new GraphChanges(makeModel(graph));
    changes.edit(nodeNamed(graph, 'mul'), { input: ['x', 'v'] });
    const changed = changes.apply().graph;
    expect(changed?.node.map(({ opType }) => opType)).toEqual(['Neg', 'Mul']);
    expect(changed?.initializer.map(({ name }) => name)).toEqual(['v', 'stray']);
  });
});

describe('GraphChanges in functions', () => {
  it('adds a constant as a Constant node', async () => {
    const body: ModelFunction = {
      name: 'Scale',
      domain: 'local',
      overload: '',
      input: ['a'],
      output: ['b'],
      attribute: [],
      attributeProto: [],
      node: [makeNode({ opType: 'Add', name: 'add', input: ['a', 'a'], output: ['b'] })],
      docString: '',
      opsetImport: [{ domain: '', version: 17 }],
      valueInfo: [],
      metadataProps: [],
    };
    const graph = makeGraph({
      node: [makeNode({ opType: 'Scale', domain: 'local', input: ['x'], output: ['y'] })],
      input: [value('x')],
      output: [value('y')],
    });
    const opsetImport = [
      { domain: '', version: 17 },
      { domain: 'local', version: 1 },
    ];
    const model = makeModel(graph, { irVersion: 8, opsetImport, functions: [body] });
    const changes = new GraphChanges(model);
    changes.addInitializer(floatTensor('ten', [10]), body);
    changes.edit(nodeNamed(body, 'add'), { input: ['a', 'ten'] });
    const changed = changes.apply();
    expect(changed.functions[0]?.node.map(({ opType }) => opType)).toEqual(['Constant', 'Add']);
    expect(Array.from((await run(changed, { x }))['y'] ?? [])).toEqual([11, 8]);
  });
});

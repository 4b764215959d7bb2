import { describe, expect, it } from 'vitest';
import {
  floatTensor,
  int64Tensor,
  makeGraph,
  makeModel,
  makeNode,
  makeValueInfo,
} from '../../../src/core/onnx/build';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import {
  DataType,
  type Graph,
  type Model,
  type ModelFunction,
  type Node,
} from '../../../src/core/onnx/types';

const op = (opType: string, input: string[], output: string[], name = ''): Node =>
  makeNode({ opType, input, output, name });

function names(model: Model): string[] {
  return indexGraph(model).nodes.map((ref) => ref.name);
}

/** A branch that reads `x` of the graph around it and, when `shadow` is set, defines a `w` of its own. */
function branch(shadow: boolean): Graph {
  return makeGraph({
    node: [op('Add', ['x', 'w'], ['y'], 'inner')],
    initializer: shadow ? [floatTensor('w', [9])] : [],
    output: [makeValueInfo('y', DataType.FLOAT)],
  });
}

function withBranches(): Model {
  return makeModel(
    makeGraph({
      input: [makeValueInfo('cond', DataType.BOOL, []), makeValueInfo('in', DataType.FLOAT, [1])],
      initializer: [floatTensor('w', [1])],
      node: [
        makeNode({
          opType: 'If',
          input: ['cond'],
          output: ['out'],
          name: 'choose',
          attributes: { then_branch: branch(false), else_branch: branch(true) },
        }),
        op('Relu', ['in'], ['x'], 'first'),
      ],
      output: [makeValueInfo('out', DataType.FLOAT)],
    }),
  );
}

describe('names', () => {
  it('keeps own names, makes some for unnamed nodes, and tells duplicates apart', () => {
    const graph = makeGraph({
      node: [
        op('Conv', [], ['a'], 'same'),
        op('Relu', [], ['b']),
        op('Conv', [], ['c'], 'same'),
        op('Conv', [], ['d'], 'same#2'),
        op('Relu', [], ['e'], 'Relu_5'),
        op('Relu', [], ['f']),
      ],
    });
    expect(names(makeModel(graph))).toEqual(['same', 'Relu_1', 'same#3', 'same#2', 'Relu_5', 'Relu_5#2']);
  });

  it('are unique across subgraphs, main graph first', () => {
    expect(names(withBranches())).toEqual(['choose', 'first', 'inner', 'inner#2']);
  });
});

describe('scopes', () => {
  it('lets a subgraph capture outer values and shadow them', () => {
    const index = indexGraph(withBranches());
    const [main, then, otherwise] = index.scopes;
    if (!main || !then || !otherwise) throw new Error('three scopes expected');
    expect([main.id, then.id, otherwise.id]).toEqual(['', 'choose/then_branch', 'choose/else_branch']);
    expect(index.consumers(main, 'x').map((ref) => ref.name)).toEqual(['inner', 'inner#2']);
    expect(index.consumers(main, 'w').map((ref) => ref.name)).toEqual(['inner']);
    expect(index.consumers(otherwise, 'w').map((ref) => ref.name)).toEqual(['inner#2']);
    expect(index.constant(then, 'w')?.scope).toBe(main);
    expect(index.constant(otherwise, 'w')?.scope).toBe(otherwise);
    expect(index.producer(then, 'x')?.name).toBe('first');
    expect(index.producer(main, 'y')).toBeUndefined();
  });

  it('sorts a node behind what its subgraphs capture', () => {
    const index = indexGraph(withBranches());
    const [main] = index.scopes;
    expect(main && index.sortedNodes(main).map((ref) => ref.name)).toEqual(['first', 'choose']);
  });

  it('indexes deep nesting without recursion', () => {
    let graph = makeGraph({ node: [op('Relu', ['x'], ['y'])] });
    for (let depth = 0; depth < 3000; depth++) {
      graph = makeGraph({
        node: [makeNode({ opType: 'Loop', input: [], output: ['o'], attributes: { body: graph } })],
      });
    }
    const index = indexGraph(makeModel(graph));
    expect(index.scopes).toHaveLength(3001);
    expect(new Set(index.nodes.map((ref) => ref.name)).size).toBe(3001);
  });

  it('sees nothing outside a function body and follows the argument of its only call', () => {
    const body: ModelFunction = {
      name: 'Block',
      domain: 'local',
      overload: '',
      input: ['a', 'b'],
      output: ['c'],
      attribute: [],
      attributeProto: [],
      node: [op('MatMul', ['a', 'b'], ['c'], 'product')],
      docString: '',
      opsetImport: [{ domain: '', version: 18 }],
      valueInfo: [],
      metadataProps: [],
    };
    const call = makeNode({ opType: 'Block', domain: 'local', input: ['x', 'w'], output: ['y'] });
    const graph = makeGraph({ node: [call], initializer: [floatTensor('w', [1, 2])] });
    const index = indexGraph(makeModel(graph, { functions: [body] }));
    const [main, inside] = index.scopes;
    if (!main || !inside) throw new Error('two scopes expected');
    expect(inside.id).toBe('local::Block');
    expect(index.calledFunction(call)).toBe(inside);
    expect(index.constant(inside, 'w')).toBeUndefined();
    expect(index.argumentOf(inside, 'b')).toEqual({ scope: main, value: 'w' });
    expect(index.opset(inside, '')).toBe(18);
    expect(index.opset(main, 'ai.onnx')).toBe(20);
  });
});

describe('constants', () => {
  const graph = makeGraph({
    input: [makeValueInfo('x', DataType.FLOAT, [1]), makeValueInfo('w', DataType.FLOAT, [1])],
    initializer: [floatTensor('w', [1])],
    node: [
      makeNode({
        opType: 'Constant',
        input: [],
        output: ['k'],
        attributes: { value_ints: { ints: [3, 4] } },
      }),
      makeNode({
        opType: 'Constant',
        input: [],
        output: ['t'],
        attributes: { value: int64Tensor('', [7], []) },
      }),
      op('Sum', ['x', 'w', '', 'k', 't'], ['y']),
    ],
    output: [makeValueInfo('y', DataType.FLOAT)],
  });

  it('come from initializers and from Constant nodes of every form', () => {
    const index = indexGraph(makeModel(graph));
    const { main } = index;
    if (!main) throw new Error('no main graph');
    expect(index.constant(main, 'k')).toMatchObject({ kind: 'constant', tensor: { dims: [2] } });
    expect(index.constant(main, 't')?.tensor.dims).toEqual([]);
    expect(index.constant(main, 'x')).toBeUndefined();
    expect(index.constant(main, '')).toBeUndefined();
    expect(index.consumers(main, '')).toEqual([]);
  });

  it('that are also inputs are defaults from IR version 4 on, and plain constants before', () => {
    for (const [irVersion, overridable] of [
      [3, undefined],
      [4, true],
    ] as const) {
      const index = indexGraph(makeModel(graph, { irVersion }));
      const { main } = index;
      if (!main) throw new Error('no main graph');
      expect(index.constant(main, 'w')?.overridable).toBe(overridable);
      expect(index.isInput(main, 'w')).toBe(false);
      expect(index.isInput(main, 'x')).toBe(true);
      expect(index.isOutput(main, 'y')).toBe(true);
      expect(index.isOutput(main, 'x')).toBe(false);
    }
  });
});

describe('order', () => {
  it('keeps file order when valid, repairs it when not, and puts cycles last', () => {
    const graph = makeGraph({
      node: [
        op('Relu', ['b', 'c2'], ['c1'], 'loop'),
        op('Relu', ['a'], ['b'], 'second'),
        op('Relu', ['x'], ['a'], 'first'),
        op('Relu', ['c1'], ['c2'], 'back'),
      ],
    });
    const index = indexGraph(makeModel(graph));
    const { main } = index;
    expect(main && index.sortedNodes(main).map((ref) => ref.name)).toEqual([
      'first',
      'second',
      'loop',
      'back',
    ]);
  });
});

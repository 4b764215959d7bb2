import { describe, expect, it } from 'vitest';
import { findBlocks } from '../../../src/core/graph/blocks';
import { layerPaths, modulesOf, parseReprList } from '../../../src/core/graph/layerPath';
import { makeGraph, makeNode } from '../../../src/core/onnx/build';
import type { Node } from '../../../src/core/onnx/types';
import { modelOf, study } from './support';

function node(name: string, metadata: Record<string, string> = {}): Node {
  return {
    ...makeNode({ opType: 'Relu', input: ['x'], output: ['y'], name }),
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
}

describe('modules of a node', () => {
  it.each([
    [
      'name scopes',
      { 'pkg.torch.onnx.name_scopes': "['', 'layer1', 'layer1.0', 'conv2d']" },
      ['layer1', 'layer1.0'],
    ],
    [
      'no module',
      { 'pkg.torch.onnx.name_scopes': "['_empty_nn_module_stack_from_metadata_hook', 'sym']" },
      [],
    ],
    ['quotes', { 'pkg.torch.onnx.name_scopes': `["it's", 'a\\'b', 'n']` }, ["it's", "a'b"]],
    [
      'namespace',
      { namespace: ': m.Net/layer1: torch.nn.Sequential/layer1.0: torch.nn.Conv2d/conv: aten' },
      ['layer1', 'layer1.0'],
    ],
    ['broken scopes', { 'pkg.torch.onnx.name_scopes': '[oops', namespace: 'a: A/b: B' }, ['a']],
  ])('from %s', (_, metadata, expected) => {
    expect(modulesOf(node('x/y', metadata))).toEqual(expected);
  });

  it.each([
    ['/layer1/layer1.0/conv1/Conv', ['layer1', 'layer1.0', 'conv1']],
    ['net/conv/Relu;net/conv/BiasAdd;other', ['net', 'conv']],
    ['plain', []],
    ['{"json": "a/b"}', []],
    ['a sentence with / in it', []],
    ['', []],
  ])('from the name %s', (name, expected) => {
    expect(modulesOf(node(name))).toEqual(expected);
  });

  it('reads only lists of strings', () => {
    expect(parseReprList('[]')).toEqual([]);
    expect(parseReprList("['a',]")).toEqual(['a']);
    expect(parseReprList("['a' 'b']")).toBeUndefined();
    expect(parseReprList("{'a'}")).toBeUndefined();
    expect(parseReprList('[1]')).toBeUndefined();
  });
});

describe('paths', () => {
  it('put subgraphs below their node without saying its groups twice', () => {
    const inner = makeGraph({ node: [node('enc/loop/act')] });
    const { index } = study(
      modelOf({
        nodes: [
          { opType: 'Loop', name: 'enc/loop/Loop', input: [], output: ['o'], attributes: { body: inner } },
        ],
      }),
    );
    const paths = layerPaths(index);
    expect(index.nodes.map((ref) => paths.get(ref))).toEqual([
      ['enc', 'loop'],
      ['enc', 'loop', 'enc/loop/Loop', 'body'],
    ]);
  });

  it('fall back to repeated blocks when nothing has a path', () => {
    const operators = ['Conv', 'Relu', 'Conv', 'Relu', 'Gemm'];
    const { index } = study(
      modelOf({
        nodes: operators.map((opType, at) => ({ opType, input: [`v${at}`], output: [`v${at + 1}`] })),
      }),
    );
    const paths = layerPaths(index);
    expect(index.nodes.map((ref) => paths.get(ref)?.[0])).toEqual([
      'block 1',
      'block 1',
      'block 2',
      'block 2',
      undefined,
    ]);
  });
});

describe('repeated blocks', () => {
  const blocks = (text: string): string => findBlocks([...text]).join('');
  it.each([
    ['sababababx', '0112233440', 'a run'],
    ['aaaaaa', '000000', 'one operator repeated is no block'],
    ['abcdef', '000000', 'nothing repeats'],
    ['abcabcXabcabc', '1112220333444', 'two runs of one length'],
    ['abababxyzxyz', '112233444555', 'two lengths'],
    ['abcabcab', '11122200', 'an incomplete block stays outside'],
  ])('%s', (text, expected) => {
    expect(blocks(text)).toBe(expected);
  });

  it('take linear time', () => {
    const long = Array.from({ length: 100_000 }, (_, at) => 'abcdefg'[(at * at) % 7] ?? '');
    const start = performance.now();
    findBlocks(long);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

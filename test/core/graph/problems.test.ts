import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findProblems, unrunnableOutputs } from '../../../src/core/graph/problems';
import {
  floatTensor,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from '../../../src/core/onnx/build';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { modelOf } from './support';

const messages = (model: Model): string[] =>
  findProblems(indexGraph(model)).map(({ severity, message }) => `${severity}: ${message}`);

const relu = (input: string, output: string, name = '') => ({
  opType: 'Relu',
  input: [input],
  output: [output],
  name,
});

describe('problems', () => {
  it('are none in a sound model', () => {
    expect(messages(modelOf({ inputs: { x: [1] }, nodes: [relu('x', 'y')], outputs: ['y'] }))).toEqual([]);
  });

  it.each<[string, Model, RegExp]>([
    ['no graph', { ...modelOf({ nodes: [] }), graph: undefined }, /^error: The file has no graph/],
    [
      'a missing value',
      modelOf({ nodes: [relu('gone', 'y', 'r')], outputs: ['y'] }),
      /^error: Node "r" reads "gone"/,
    ],
    ['a missing output', modelOf({ nodes: [], outputs: ['gone'] }), /^error: The model gives out "gone"/],
    [
      'a cycle',
      modelOf({ nodes: [relu('b', 'a', 'p'), relu('a', 'b', 'q')], outputs: ['a'] }),
      /^error: The model has a cycle through "p", "q"/,
    ],
    [
      'wrong order',
      modelOf({ inputs: { x: [1] }, nodes: [relu('a', 'y', 'late'), relu('x', 'a')], outputs: ['y'] }),
      /^warning: The model lists nodes before what they need \(first "late"\)/,
    ],
    [
      'a value computed twice',
      modelOf({ inputs: { x: [1] }, nodes: [relu('x', 'y'), relu('x', 'y')], outputs: ['y'] }),
      /^error: The model computes "y" more than once/,
    ],
    [
      'repeated node names',
      modelOf({ inputs: { x: [1] }, nodes: [relu('x', 'y', 'n'), relu('y', 'z', 'n')], outputs: ['z'] }),
      /^info: 1 node repeats a name; here they are called "n#2"/,
    ],
    [
      'an unknown operator',
      modelOf({ inputs: { x: [1] }, nodes: [{ ...relu('x', 'y', 'r'), opType: 'Relux' }], outputs: ['y'] }),
      /^warning: Operator Relux \("r"\) is unknown/,
    ],
    [
      'an unknown domain',
      modelOf({ inputs: { x: [1] }, nodes: [{ ...relu('x', 'y', 'r'), domain: 'acme' }], outputs: ['y'] }),
      /^warning: Operator acme.Relu \("r"\) is unknown/,
    ],
    [
      'an old opset',
      modelOf({ opset: 6, inputs: { x: [1] }, nodes: [relu('x', 'y')], outputs: ['y'] }),
      /^warning: Opset 6 is older/,
    ],
    [
      'a node for nothing',
      modelOf({ inputs: { x: [1] }, nodes: [relu('x', 'y'), relu('x', 'z', 'idle')], outputs: ['y'] }),
      /^info: 1 node computes a result that no output needs: "idle"/,
    ],
    [
      'an unused weight',
      modelOf({
        inputs: { x: [1] },
        initializer: [floatTensor('w', [1])],
        nodes: [relu('x', 'y')],
        outputs: ['y'],
      }),
      /^info: 1 initializer is read by no node: "w"/,
    ],
    [
      '16-bit weights',
      modelOf({
        initializer: [makeTensor('w', DataType.FLOAT16, [1], new Uint8Array(2))],
        nodes: [relu('w', 'y')],
        outputs: ['y'],
      }),
      /^info: 1 weights are stored in 16-bit/,
    ],
    [
      'quantized already',
      modelOf({
        inputs: { x: [1], s: [] },
        nodes: [{ opType: 'QuantizeLinear', input: ['x', 's'], output: ['y'] }],
        outputs: ['y'],
      }),
      /^info: The model is quantized already: 1 nodes/,
    ],
  ])('%s', (_, model, expected) => {
    expect(messages(model)).toEqual([expect.stringMatching(expected)]);
  });

  it('do not blame nodes that a subgraph needs', () => {
    const body = makeGraph({
      node: [makeNode(relu('outer', 'r'))],
      output: [makeValueInfo('r', DataType.FLOAT)],
    });
    const model = modelOf({
      inputs: { x: [1], c: [] },
      nodes: [
        relu('x', 'outer'),
        { opType: 'If', input: ['c'], output: ['y'], attributes: { then_branch: body, else_branch: body } },
      ],
      outputs: ['y'],
    });
    expect(messages(model)).toEqual([]);
  });

  it('name outputs that crash the runtime', () => {
    const model = makeModel(
      makeGraph({
        output: [
          makeValueInfo('small', DataType.INT4, [2]),
          { name: 'maybe', docString: '', metadataProps: [], type: { denotation: '', optionalType: {} } },
          makeValueInfo('fine', DataType.INT8, [2]),
        ],
      }),
    );
    expect(unrunnableOutputs(model)).toEqual([
      { name: 'small', why: 'has elements smaller than a byte' },
      { name: 'maybe', why: 'is optional' },
    ]);
  });
});

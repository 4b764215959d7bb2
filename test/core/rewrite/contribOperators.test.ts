/** Models whose opset cannot be raised: QuantizeLinear and DequantizeLinear come from com.microsoft. */
import { describe, expect, it } from 'vitest';
import { floatTensor, makeGraph, makeModel, makeNode, makeValueInfo } from '../../../src/core/onnx/build';
import { derive } from '../../../src/core/onnx/origin';
import {
  DataType,
  type Attribute,
  type Model,
  type ModelFunction,
  type Node,
} from '../../../src/core/onnx/types';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { optimizedOpTypes, quantize, run, sqnr } from '../../support/rewriting';
import { conv, image, node, samples, weights } from './models';
import { planOf } from './weightOnlySupport';

/** The axis of its Softmax, whose meaning changed in opset 13, is set by each call. */
function scores(): ModelFunction {
  const softmax = makeNode({
    opType: 'Softmax',
    input: ['a'],
    output: ['b'],
    attributes: { axis: { int: 1 } },
  });
  const given: readonly Attribute[] = softmax.attribute.map((held) => derive(held, { refAttrName: 'axis' }));
  return {
    name: 'Scores',
    domain: 'local',
    overload: '',
    input: ['a'],
    output: ['b'],
    attribute: ['axis'],
    attributeProto: [],
    node: [derive(softmax, { attribute: given })],
    docString: '',
    opsetImport: [{ domain: '', version: 11 }],
    valueInfo: [],
    metadataProps: [],
  };
}

function classifier(opset: number): Model {
  const call: Node = makeNode({
    opType: 'Scores',
    domain: 'local',
    input: ['logits'],
    output: ['y'],
    attributes: { axis: { int: 1 } },
  });
  const graph = makeGraph({
    node: [
      conv('first', ['x', 'w0', 'b0'], 'first_out'),
      node('Relu', 'relu', ['first_out'], ['a']),
      conv('second', ['a', 'w1'], 'logits'),
      call,
    ],
    initializer: [
      weights('w0', [4, 3, 3, 3]),
      floatTensor('b0', [1, 2, 3, 4]),
      weights('w1', [6, 4, 3, 3], 2),
    ],
    input: [makeValueInfo('x', DataType.FLOAT, image)],
    output: [makeValueInfo('y', DataType.FLOAT, [1, 6, 8, 8])],
  });
  const opsetImport = [
    { domain: '', version: opset },
    { domain: 'local', version: 1 },
  ];
  return makeModel(graph, { irVersion: 8, opsetImport, functions: [scores()] });
}

const quantizing = ({ graph }: Model): string[] =>
  (graph?.node ?? []).flatMap(({ opType, domain }) =>
    /izeLinear$/.test(opType) ? [`${domain}:${opType}`] : [],
  );

describe('a model of opset 11 that cannot be raised', () => {
  it('says why, by operator', async () => {
    const { model: same, notes } = await prepareFloat(classifier(11), planOf('w8'));
    expect(same.opsetImport[0]).toEqual({ domain: '', version: 11 });
    expect(notes).toEqual([
      expect.stringMatching(/\(Softmax\) cannot be raised to opset 13.*com\.microsoft/),
    ]);
  });

  it.each(['w8', 'w4', 'lut16', 'fp16'] as const)('%s runs', async (scheme) => {
    const { model: written, layers } = await rewrite(classifier(11), planOf(scheme), new Map());
    expect(layers.map((layer) => layer.scheme)).toEqual([scheme, scheme]);
    const isInteger = scheme === 'w8' || scheme === 'w4';
    const one = 'com.microsoft:DequantizeLinear';
    expect(quantizing(written)).toEqual(isInteger ? [one, one] : []);
    const [sample = {}] = samples(image);
    const { y: before = [] } = await run(classifier(11), sample, 'none');
    expect(sqnr(before, (await run(written, sample))['y'] ?? [])).toBeGreaterThan(scheme === 'w8' ? 30 : 8);
  });

  it('w8a8 still runs on integers', async () => {
    const { model: written } = await quantize(classifier(11), planOf('w8a8'), samples(image));
    expect(quantizing(written)).toContain('com.microsoft:DequantizeLinear');
    expect(quantizing(written)).toContain(':QuantizeLinear');
    expect((await optimizedOpTypes(written)).filter((op) => op === 'QLinearConv')).toHaveLength(2);
  });
});

it('is refused below opset 10, which has no QuantizeLinear', async () => {
  await expect(prepareFloat(classifier(9), planOf('w8'))).rejects.toThrow(/\(Softmax\) cannot be raised/);
});

import { describe, expect, it } from 'vitest';
import { describeOutputs, type OutputOverrides } from '../../../src/core/graph/outputs';
import { floatTensor, int64Tensor, type NodeSpec } from '../../../src/core/onnx/build';
import { modelOf, type Spec, study } from './support';

function describeOne(spec: Spec, overrides?: OutputOverrides) {
  const { index, shapes } = study(modelOf(spec));
  const [output] = describeOutputs(index, shapes, overrides);
  return [output?.kind, output?.classAxis];
}

const weight = (...dims: number[]) =>
  floatTensor('w', new Float32Array(dims.reduce((a, b) => a * b, 1)), dims);
const gemm: NodeSpec = { opType: 'Gemm', input: ['x', 'w'], output: ['h'] };
const conv: NodeSpec = { opType: 'Conv', input: ['x', 'w'], output: ['h'] };

/** A model that ends in `last`, which reads `h`. */
function ending(
  first: NodeSpec,
  x: (number | string)[],
  w: number[],
  last: NodeSpec[],
  output: string,
  opset?: number,
): Spec {
  return { opset, inputs: { x }, initializer: [weight(...w)], nodes: [first, ...last], outputs: [output] };
}

const identity = (output: string): NodeSpec => ({ opType: 'Identity', input: ['h'], output: [output] });

describe('output kinds', () => {
  it.each<[string, Spec, unknown[]]>([
    ['Gemm [N, C]', ending(gemm, ['N', 4], [4, 10], [identity('o')], 'o'), ['logits', 1]],
    ['one column', ending(gemm, ['N', 4], [4, 1], [identity('o')], 'o'), ['values', undefined]],
    [
      'with a bias',
      {
        ...ending(gemm, ['N', 4], [4, 10], [{ opType: 'Add', input: ['h', 'b'], output: ['o'] }], 'o'),
        initializer: [weight(4, 10), floatTensor('b', new Float32Array(10))],
      },
      ['logits', 1],
    ],
    [
      'Softmax behind ones (SqueezeNet, opset 7)',
      ending(
        conv,
        ['N', 3, 1, 1],
        [10, 3, 1, 1],
        [{ opType: 'Softmax', input: ['h'], output: ['o'] }],
        'o',
        7,
      ),
      ['probabilities', 1],
    ],
    [
      'Softmax with an axis',
      ending(
        conv,
        ['N', 3, 8, 8],
        [5, 3, 1, 1],
        [{ opType: 'Softmax', input: ['h'], output: ['o'], attributes: { axis: { int: 1 } } }],
        'o',
      ),
      ['probabilities', 1],
    ],
    [
      'sequence of words',
      ending(
        { ...gemm, opType: 'MatMul' },
        ['N', 'L', 4],
        [4, 100],
        [{ opType: 'Softmax', input: ['h'], output: ['o'] }],
        'o',
      ),
      ['probabilities', 2],
    ],
    [
      'Sigmoid of one channel',
      ending(conv, ['N', 3, 8, 8], [1, 3, 1, 1], [{ opType: 'Sigmoid', input: ['h'], output: ['o'] }], 'o'),
      ['probabilities', undefined],
    ],
    [
      'LogSoftmax',
      ending(gemm, ['N', 4], [4, 10], [{ opType: 'LogSoftmax', input: ['h'], output: ['o'] }], 'o'),
      ['logits', 1],
    ],
    [
      'a map called logits',
      ending(conv, ['N', 3, 8, 8], [5, 3, 1, 1], [identity('logits')], 'logits'),
      ['logits', 1],
    ],
    [
      'any other map',
      ending(conv, ['N', 3, 8, 8], [3, 3, 1, 1], [identity('image')], 'image'),
      ['values', undefined],
    ],
    [
      'a segmentation in NHWC',
      ending(
        conv,
        ['N', 3, 8, 8],
        [5, 3, 1, 1],
        [
          {
            opType: 'Transpose',
            input: ['h'],
            output: ['seg'],
            attributes: { perm: { ints: [0, 2, 3, 1] } },
          },
        ],
        'seg',
      ),
      ['logits', 3],
    ],
    [
      'anchors of a detector: a map, flattened',
      {
        ...ending(
          conv,
          [1, 3, 16, 16],
          [2, 3, 1, 1],
          [{ opType: 'Reshape', input: ['h', 's'], output: ['o'] }],
          'o',
        ),
        initializer: [weight(2, 3, 1, 1), int64Tensor('s', [1, 512, 1])],
      },
      ['values', undefined],
    ],
    [
      'class indices',
      ending(
        gemm,
        ['N', 4],
        [4, 10],
        [{ opType: 'ArgMax', input: ['h'], output: ['o'], attributes: { axis: { int: 1 } } }],
        'o',
      ),
      ['values', undefined],
    ],
    [
      'something computed',
      ending(gemm, ['N', 4], [4, 10], [{ opType: 'Relu', input: ['h'], output: ['o'] }], 'o'),
      ['values', undefined],
    ],
  ])('%s', (_, spec, expected) => {
    expect(describeOne(spec)).toEqual(expected);
  });

  it('follow the plan where it says so', () => {
    const spec = ending(conv, ['N', 3, 8, 8], [5, 3, 1, 1], [identity('o')], 'o');
    expect(describeOne(spec, { o: { kind: 'logits' } })).toEqual(['logits', 1]);
    expect(describeOne(spec, { o: { kind: 'probabilities', classAxis: 3 } })).toEqual(['probabilities', 3]);
    expect(describeOne(spec, { other: { kind: 'logits' } })).toEqual(['values', undefined]);
  });
});

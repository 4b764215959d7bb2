import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import { DataType, type Model, type Node } from '../../../src/core/onnx/types';
import type { SchemeId } from '../../../src/core/quant/scheme';
import { optimizedOpTypes, planWith, quantize, run, sqnr } from '../../support/rewriting';
import { initializer, nodes } from './inspecting';
import { conv, image, model, node, samples, weights } from './models';

/** The float weight has a value so large that int8 with one scale would lose the others. */
const uneven = () => {
  const values = Float32Array.from({ length: 16 }, (_, i) => (i === 0 ? 40 : Math.sin(i) * 0.2));
  return floatTensor('v', values, [4, 4, 1, 1]);
};

const chain = (middle: Node, after: readonly Node[] = [], last = 'mid'): Model =>
  model(
    [conv('a', ['x', 'w'], 'a_out'), middle, ...after, conv('c', [last, 'u'], 'y', 1)],
    [weights('w', [4, 3, 3, 3]), uneven(), floatTensor('b', [3e8, 1, -1, 0]), weights('u', [3, 4, 1, 1], 3)],
    image,
  );

const pointwise = (op: string, input: string[], output: string) =>
  node(op, 'island', input, [output], { kernel_shape: { ints: [1, 1] } });

const cases: [string, Model][] = [
  ['a Conv', chain(pointwise('Conv', ['a_out', 'v'], 'mid'))],
  ['a ConvTranspose', chain(pointwise('ConvTranspose', ['a_out', 'v'], 'mid'))],
  ['a Conv with a bias', chain(pointwise('Conv', ['a_out', 'v', 'b'], 'mid'))],
  [
    'a Conv before a Relu',
    chain(pointwise('Conv', ['a_out', 'v'], 'z'), [node('Relu', 'relu', ['z'], ['mid'])]),
  ],
  [
    'a Conv before a pool that codes pass through',
    chain(pointwise('Conv', ['a_out', 'v'], 'z'), [
      node('MaxPool', 'pool', ['z'], ['mid'], { kernel_shape: { ints: [2, 2] } }),
    ]),
  ],
  [
    'a Conv behind a pool',
    chain(node('MaxPool', 'pool', ['a_out'], ['z'], { kernel_shape: { ints: [2, 2] } }), [
      pointwise('Conv', ['z', 'v'], 'mid'),
    ]),
  ],
];

describe('a layer that the plan keeps float stays float when the runtime loads the model', () => {
  it.each(cases)('%s', async (_name, original) => {
    for (const scheme of ['w8a8', 'w8a16'] as const) {
      for (const island of ['float', 'lut16'] satisfies SchemeId[]) {
        const plan = planWith({ a: scheme, island, c: scheme });
        const { model: quantized } = await quantize(original, plan, samples(image));
        for (const sample of samples(image, 2)) {
          const { y: simulated = [] } = await run(quantized, sample, 'simulate');
          const { y: real = [] } = await run(quantized, sample, 'full');
          expect(sqnr(simulated, real)).toBeGreaterThan(40);
        }
        expect(await optimizedOpTypes(quantized)).toContain(
          nodes(original).find(({ name }) => name === 'island')?.opType,
        );
      }
    }
  });

  const movers = [
    node('MaxPool', 'mover', ['a_out'], ['z'], { kernel_shape: { ints: [2, 2] } }),
    node('Transpose', 'mover', ['a_out'], ['z'], { perm: { ints: [0, 1, 3, 2] } }),
  ];
  it.each(movers)('behind a $opType that stays float too', async (mover) => {
    const original = chain(mover, [pointwise('Conv', ['z', 'v'], 'mid')]);
    const plan = planWith({ a: 'w8a8', mover: 'float', island: 'float', c: 'w8a8' });
    const { model: quantized } = await quantize(original, plan, samples(image));
    const [sample = {}] = samples(image, 1);
    const { y: simulated = [] } = await run(quantized, sample, 'simulate');
    const { y: real = [] } = await run(quantized, sample, 'full');
    expect(sqnr(simulated, real)).toBeGreaterThan(60);
    const kernels = (await optimizedOpTypes(quantized)).filter((op) => op.endsWith('Conv'));
    expect(kernels.sort()).toEqual(['Conv', 'QLinearConv', 'QLinearConv']);
  });

  it.each(['w8', 'w4'] as const)('%s: unless its bias fits the integers of the runtime', async (island) => {
    for (const [bias, kernels] of [
      ['b', 2],
      ['small', 3],
    ] as const) {
      const original = chain(pointwise('Conv', ['a_out', 'v', bias], 'mid'));
      const { graph } = original;
      if (!graph) throw new Error('no graph');
      const small = floatTensor('small', [0.3, 1, -1, 0]);
      const complete = { ...original, graph: { ...graph, initializer: [...graph.initializer, small] } };
      const plan = planWith({ a: 'w8a8', island, c: 'w8a8' });
      const { model: quantized } = await quantize(complete, plan, samples(image));
      const [sample = {}] = samples(image, 1);
      const { y: simulated = [] } = await run(quantized, sample, 'simulate');
      const { y: real = [] } = await run(quantized, sample, 'full');
      expect(sqnr(simulated, real)).toBeGreaterThan(40);
      if (island === 'w4') continue;
      const optimized = await optimizedOpTypes(quantized);
      expect(optimized.filter((op) => op === 'QLinearConv')).toHaveLength(kernels);
    }
  });

  it('a Gemm', async () => {
    const original = model(
      [
        node('Gemm', 'a', ['x', 'w'], ['a_sum']),
        node('Relu', 'relu', ['a_sum'], ['a_out']),
        node('Gemm', 'island', ['a_out', 'v', 'b'], ['mid'], { transB: { int: 1 } }),
        node('Gemm', 'c', ['mid', 'u'], ['y']),
      ],
      [
        weights('w', [8, 4]),
        floatTensor('v', [40, 0.1, 0.2, -0.1, 0.3, 0.1, 0.05, -0.2], [2, 4]),
        floatTensor('b', [1, -1]),
        weights('u', [2, 3], 3),
      ],
      [5, 8],
    );
    const plan = planWith({ a: 'w8a8', island: 'float', c: 'w8a8' });
    const { model: quantized } = await quantize(original, plan, samples([5, 8]));
    expect((await optimizedOpTypes(quantized)).filter((op) => op.endsWith('Gemm')).sort()).toEqual([
      'Gemm',
      'QGemm',
      'QGemm',
    ]);
    const [sample = {}] = samples([5, 8], 1);
    const { y: simulated = [] } = await run(quantized, sample, 'simulate');
    const { y: real = [] } = await run(quantized, sample, 'full');
    expect(sqnr(simulated, real)).toBeGreaterThan(40);
  });

  it('and the integer layers around it keep the pair with one scale', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        pointwise('Conv', ['a_out', 'v'], 'mid'),
        conv('b', ['a_out', 'u'], 'b_out', 1),
        conv('c', ['mid', 't'], 'c_out', 1),
        node('Add', 'add', ['b_out', 'c_out'], ['y']),
      ],
      [weights('w', [4, 3, 3, 3]), uneven(), weights('u', [3, 4, 1, 1], 3), weights('t', [3, 4, 1, 1], 4)],
      image,
    );
    const { model: quantized } = await quantize(original, planWith({ island: 'float' }), samples(image));
    const inputOf = (name: string) => nodes(quantized).find((each) => each.name === name)?.input[0];
    const reading = (value: string | undefined) => nodes(quantized).find(({ output }) => output[0] === value);
    const [own, shared] = [reading(inputOf('island')), reading(inputOf('b'))];
    expect([own?.opType, shared?.opType]).toEqual(['DequantizeLinear', 'DequantizeLinear']);
    expect(own?.input[0]).toBe(shared?.input[0]);
    expect(initializer(quantized, own?.input[1] ?? '').dims).toEqual([4]);
    expect(initializer(quantized, own?.input[2] ?? '')).toMatchObject({
      dims: [4],
      dataType: DataType.UINT8,
    });
    expect(initializer(quantized, shared?.input[1] ?? '').dims).toEqual([]);
    const optimized = await optimizedOpTypes(quantized);
    expect(optimized.filter((op) => op === 'QLinearConv')).toHaveLength(3);
    expect(optimized).toContain('QLinearAdd');
  });
});

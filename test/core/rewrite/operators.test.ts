import { describe, expect, it } from 'vitest';
import { floatTensor, int64Tensor } from '../../../src/core/onnx/build';
import { DataType, type Node, type Tensor } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import { lazyFloatTensor } from '../../../src/core/rewrite/lazyTensor';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, optimizedOpTypes, quantize, run, sqnr } from '../../support/rewriting';
import { conv, image, model, node, samples, weights } from './models';

/** conv → the operator → conv, with a second branch `b_out` for operators of two inputs. */
const between = (middle: readonly Node[], constants: readonly Tensor[], channels: number, opset = 17) =>
  model(
    [
      conv('a', ['x', 'w'], 'a_out'),
      conv('b', ['x', 'v'], 'b_out'),
      ...middle,
      conv('c', ['mid', 'u'], 'y', 1),
    ],
    [
      weights('w', [4, 3, 3, 3]),
      weights('v', [4, 3, 3, 3], 2),
      weights('u', [3, channels, 1, 1], 3),
      ...constants,
    ],
    image,
    ['y', 'b_out'],
    opset,
  );

async function check(original: ReturnType<typeof between>, plan: Plan) {
  const { model: quantized } = await quantize(original, plan, samples(image));
  let worst = Infinity;
  for (const sample of samples(image, 3)) {
    const { y: before = [] } = await run(original, sample, 'none');
    for (const optimization of ['none', 'full'] as const) {
      const { y: after = [] } = await run(quantized, sample, optimization);
      worst = Math.min(worst, sqnr(before, after));
    }
  }
  return { worst, optimized: await optimizedOpTypes(quantized) };
}

const signed = { ...defaultPlan, activationType: 'int8' as const };

describe('every operator with an integer kernel gets it', () => {
  const cases: [string, Node, Tensor[], number][] = [
    ['QLinearAdd', node('Add', 'n', ['a_out', 'b_out'], ['mid']), [], 4],
    [
      'QLinearAdd',
      node('Add', 'n', ['a_out', 'k'], ['mid']),
      [floatTensor('k', [0.5, 1, -1, 2, 0, 1, 1, 1])],
      4,
    ],
    ['QLinearMul', node('Mul', 'n', ['a_out', 'b_out'], ['mid']), [], 4],
    ['QLinearConcat', node('Concat', 'n', ['a_out', 'b_out'], ['mid'], { axis: { int: 1 } }), [], 8],
    ['QLinearMatMul', node('MatMul', 'n', ['a_out', 'b_out'], ['mid']), [], 4],
    [
      'QLinearAveragePool',
      node('AveragePool', 'n', ['a_out'], ['mid'], { kernel_shape: { ints: [2, 2] } }),
      [],
      4,
    ],
    ['QLinearGlobalAveragePool', node('GlobalAveragePool', 'n', ['a_out'], ['mid']), [], 4],
    ['QLinearLeakyRelu', node('LeakyRelu', 'n', ['a_out'], ['mid'], { alpha: { float: 0.1 } }), [], 4],
    ['QLinearSigmoid', node('Sigmoid', 'n', ['a_out'], ['mid']), [], 4],
    ['QLinearSoftmax', node('Softmax', 'n', ['a_out'], ['mid'], { axis: { int: 3 } }), [], 4],
  ];

  it.each(cases)('%s', async (kernel, middle, constants, channels) => {
    const { worst, optimized } = await check(between([middle], constants, channels), defaultPlan);
    expect(optimized).toContain(kernel);
    expect(optimized.filter((op) => op === 'QLinearConv')).toHaveLength(3);
    expect(worst).toBeGreaterThan(20);
  });

  it('QLinearGlobalAveragePool before a Relu', async () => {
    const middle = [
      node('GlobalAveragePool', 'pool', ['a_out'], ['mean']),
      node('Relu', 'relu', ['mean'], ['mid']),
    ];
    const { model: quantized } = await quantize(between(middle, [], 4), defaultPlan, samples(image));
    // The pool and its Relu are one unit, read by a static layer.
    expect(opTypes(quantized)).not.toContain('Relu');
    expect(await optimizedOpTypes(quantized)).toContain('QLinearGlobalAveragePool');
  });

  it('QLinearWhere', async () => {
    const middle = [
      node('Less', 'less', ['x', 'limit'], ['wide']),
      node('Slice', 'slice', ['wide', 'zero', 'one', 'one'], ['flag']),
      node('Where', 'n', ['flag', 'a_out', 'b_out'], ['mid']),
    ];
    const constants = [floatTensor('limit', [0.2], []), int64Tensor('zero', [0]), int64Tensor('one', [1])];
    const { worst, optimized } = await check(between(middle, constants, 4), defaultPlan);
    expect(optimized).toContain('QLinearWhere');
    expect(worst).toBeGreaterThan(25);
  });
});

describe('an operator that cannot be quantized', () => {
  it('masks scores with infinity in float, and the rest goes on', async () => {
    const middle = [
      node('Less', 'less', ['x', 'limit'], ['wide']),
      node('Slice', 'slice', ['wide', 'zero', 'one', 'one'], ['flag']),
      node('Where', 'mask', ['flag', 'a_out', 'masked'], ['scores']),
      node('Softmax', 'softmax', ['scores'], ['mid'], { axis: { int: 1 } }),
    ];
    const constants = [
      floatTensor('limit', [0.9], []),
      int64Tensor('zero', [0]),
      int64Tensor('one', [1]),
      floatTensor('masked', [-Infinity, 0, 0, 0], [1, 4, 1, 1]),
    ];
    const { worst, optimized } = await check(between(middle, constants, 4), defaultPlan);
    expect(optimized).toContain('Where');
    expect(worst).toBeGreaterThan(20);
  });

  it('is named', async () => {
    // Too large to be looked into before it is quantized.
    const large = lazyFloatTensor('large', [8], async () => new Float32Array(8).fill(NaN, 3, 4));
    const original = between([node('Add', 'sum', ['a_out', 'large'], ['mid'])], [large], 4);
    const ranges = new Map(['x', 'a_out', 'b_out', 'mid', 'y'].map((name) => [name, { min: -1, max: 1 }]));
    await expect(rewrite(original, defaultPlan, ranges)).rejects.toThrow(/^sum: .*NaN/);
  });
});

describe('operators that read codes', () => {
  it('ArgMax gives what it gives of the real numbers', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        conv('c', ['a_out', 'u'], 'scores', 1),
        node('ArgMax', 'best', ['scores'], ['best_out'], { axis: { int: 1 }, keepdims: { int: 0 } }),
        node('Cast', 'cast', ['best_out'], ['y'], { to: { int: DataType.FLOAT } }),
      ],
      [weights('w', [4, 3, 3, 3]), weights('u', [3, 4, 1, 1], 3)],
      image,
    );
    const { model: quantized } = await quantize(original, defaultPlan, samples(image));
    const optimized = await optimizedOpTypes(quantized);
    expect(optimized.filter((op) => op === 'DequantizeLinear')).toEqual([]);
    for (const sample of samples(image, 2)) {
      const { y: before = [] } = await run(original, sample, 'none');
      const { y: after = [] } = await run(quantized, sample, 'full');
      const same = Array.from(before).filter((value, i) => value === after[i]).length;
      expect(same / before.length).toBeGreaterThan(0.95);
    }
  });

  it('Split gives codes to each of its outputs', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        node('Split', 'split', ['a_out', 'parts'], ['left', 'right'], { axis: { int: 1 } }),
        node('Add', 'add', ['left', 'right'], ['mid']),
        conv('c', ['mid', 'u'], 'y', 1),
      ],
      [weights('w', [4, 3, 3, 3]), int64Tensor('parts', [2, 2]), weights('u', [3, 2, 1, 1], 3)],
      image,
    );
    const { model: quantized, ranges } = await quantize(original, defaultPlan, samples(image));
    expect([...ranges.keys()].sort()).toEqual(['a_out', 'mid', 'x', 'y']);
    const optimized = await optimizedOpTypes(quantized);
    expect(optimized).toContain('QLinearAdd');
    expect(optimized.filter((op) => op.endsWith('eLinear'))).toEqual(['DequantizeLinear', 'QuantizeLinear']);
  });

  it.each([-4, 0.3])('a Pad with %f has a range of its own', async (fill) => {
    const middle = node('Pad', 'n', ['a_out', 's', 'fill'], ['mid']);
    const constants = [int64Tensor('s', [0, 0, 1, 1, 0, 0, 1, 1]), floatTensor('fill', [fill], [])];
    const original = between([middle], constants, 4);
    const { ranges } = await quantize(original, defaultPlan, samples(image));
    expect(ranges.get('mid')?.min).toBe(Math.min(fill, ranges.get('a_out')?.min ?? NaN));
    for (const plan of [defaultPlan, signed]) {
      expect((await check(original, plan)).worst).toBeGreaterThan(25);
    }
  });

  it.each(['Sub', 'Div'])('%s, which has no kernel, stays float', async (op) => {
    const middle = node(op, 'n', op === 'Sub' ? ['a_out', 'b_out'] : ['a_out', 'two'], ['mid']);
    const { worst, optimized } = await check(
      between([middle], [floatTensor('two', [2], [])], 4),
      defaultPlan,
    );
    expect(optimized).toContain(op);
    expect(worst).toBeGreaterThan(25);
  });
});

describe('operators that pass values on keep them', () => {
  const ints = (name: string, values: number[]) => int64Tensor(name, values);
  const cases: [Node, Tensor[], number][] = [
    [node('MaxPool', 'n', ['a_out'], ['mid'], { kernel_shape: { ints: [2, 2] } }), [], 4],
    [node('Transpose', 'n', ['a_out'], ['mid'], { perm: { ints: [0, 1, 3, 2] } }), [], 4],
    [node('Reshape', 'n', ['a_out', 's'], ['mid']), [ints('s', [1, 8, 4, 8])], 8],
    [
      node('Slice', 'n', ['a_out', 'f', 't', 'ax'], ['mid']),
      [ints('f', [1]), ints('t', [3]), ints('ax', [1])],
      2,
    ],
    [node('Gather', 'n', ['a_out', 'i'], ['mid'], { axis: { int: 1 } }), [ints('i', [2, 0])], 2],
    [node('Expand', 'n', ['a_out', 's'], ['mid']), [ints('s', [2, 4, 8, 8])], 4],
    [node('Tile', 'n', ['a_out', 's'], ['mid']), [ints('s', [1, 2, 1, 1])], 8],
    [node('Pad', 'n', ['a_out', 's'], ['mid']), [ints('s', [0, 0, 1, 1, 0, 0, 1, 1])], 4],
    [node('ReduceMax', 'n', ['a_out'], ['mid'], { axes: { ints: [2] } }), [], 4],
    [node('ReduceMin', 'n', ['a_out'], ['mid'], { axes: { ints: [3] } }), [], 4],
    [node('DepthToSpace', 'n', ['a_out'], ['mid'], { blocksize: { int: 2 } }), [], 1],
    [node('SpaceToDepth', 'n', ['a_out'], ['mid'], { blocksize: { int: 2 } }), [], 16],
    [node('Resize', 'n', ['a_out', '', 'r'], ['mid']), [floatTensor('r', [1, 1, 2, 2])], 4],
    [
      node('Resize', 'n', ['a_out', '', 'r'], ['mid'], { mode: 'linear' }),
      [floatTensor('r', [1, 1, 2, 2])],
      4,
    ],
    [
      node('Resize', 'n', ['a_out', '', 'r'], ['mid'], { mode: 'cubic' }),
      [floatTensor('r', [1, 1, 2, 2])],
      4,
    ],
    [node('Split', 'n', ['a_out', 's'], ['mid', 'rest'], { axis: { int: 1 } }), [ints('s', [3, 1])], 3],
  ];

  it.each(
    cases.map((each): [string, (typeof cases)[number]] => [
      `${each[0].opType} ${each[0].attribute.map((a) => new TextDecoder().decode(a.s)).join('')}`,
      each,
    ]),
  )('%s', async (_name, [middle, constants, channels]) => {
    const original = between([middle], constants, channels);
    // Negative values too: with int8 some runtimes mistake them.
    for (const plan of [defaultPlan, signed]) {
      const { worst } = await check(original, plan);
      expect(worst).toBeGreaterThan(28);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import { readFloat32, readInt64 } from '../../../src/core/onnx/tensor';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import { opTypes, optimizedOpTypes, quantize, run, sqnr } from '../../support/rewriting';
import { initializer } from './inspecting';
import { conv, type Dims, image, model, node, samples, weights } from './models';

/** A plan of one format for every layer, as the command line takes it. */
function everyLayer(text: string, base?: Partial<Plan>): Plan {
  const format = parseFormat(text);
  if ('mistake' in format) throw new Error(format.mistake);
  const { scheme, ...defaultOptions } = format;
  return { ...defaultPlan, ...base, defaultScheme: scheme, defaultOptions };
}

async function check(original: Model, plan: Plan, dims: Dims = image) {
  const result = await quantize(original, plan, samples(dims));
  let worst = Infinity;
  for (const sample of samples(dims, 3)) {
    const { y: before = [] } = await run(original, sample, 'none');
    const { y: simulated = [] } = await run(result.model, sample, 'simulate');
    const { y: real = [] } = await run(result.model, sample, 'full');
    expect(sqnr(simulated, real)).toBeGreaterThan(40);
    worst = Math.min(worst, sqnr(before, real));
  }
  return { ...result, worst };
}

const two = () =>
  model(
    [
      conv('a', ['x', 'w', 'b'], 'mid'),
      node('Relu', 'relu', ['mid'], ['act']),
      conv('c', ['act', 'v', 'd'], 'y', 1),
    ],
    [
      weights('w', [4, 3, 3, 3]),
      floatTensor('b', [0.3, -0.1, 0.2, 0.05]),
      weights('v', [3, 4, 1, 1], 2),
      floatTensor('d', [0.1, 0.2, -0.3]),
    ],
    image,
  );

const mixed = () =>
  model(
    [node('MatMul', 'm', ['x', 'w'], ['h']), node('Gemm', 'g', ['h', 'v', 'c'], ['y'])],
    [weights('w', [8, 6]), weights('v', [6, 4], 2), floatTensor('c', [1, 0.5, -0.5, 0])],
    [5, 8],
  );

const formats = [
  'w8a8,tensor',
  'w8a8,channel',
  'w8a8,unsigned',
  'w8a8,unsigned,symmetric',
  'w8a8,unsigned,tensor',
  'w8a8,asymmetric',
  'w8a8,asymmetric,tensor',
  'w8a8,mse',
  'w8a8,percentile:99.9',
  'w8a8,signed-extreme',
  'w8a8,reduced',
];

describe('options of w8a8 keep the integer kernels', () => {
  it.each(formats)('%s', async (format) => {
    for (const activationType of ['uint8', 'int8'] as const) {
      const plan = everyLayer(format, { activationType });
      const convs = await check(two(), plan);
      expect((await optimizedOpTypes(convs.model)).filter((op) => op === 'QLinearConv')).toHaveLength(2);
      const matrices = await check(mixed(), plan, [5, 8]);
      const optimized = await optimizedOpTypes(matrices.model);
      expect(optimized).toEqual(expect.arrayContaining(['QLinearMatMul', 'QGemm']));
      expect(Math.min(convs.worst, matrices.worst)).toBeGreaterThan(format.includes('percentile') ? 22 : 26);
    }
  });

  it('and say what they are', async () => {
    const { model: quantized, layers } = await quantize(
      two(),
      everyLayer('w8a8,unsigned,tensor,mse'),
      samples(image),
    );
    expect(layers[0]).toMatchObject({
      scheme: 'w8a8',
      bits: 8,
      signed: false,
      granularity: 'per-tensor',
      range: 'mse',
      bias: 'int32',
    });
    expect(initializer(quantized, 'w_quantized').dataType).toBe(DataType.UINT8);
    expect(initializer(quantized, 'w_scale').dims).toEqual([]);
    const { model: even } = await quantize(two(), everyLayer('w8a8,unsigned,symmetric'), samples(image));
    expect(await readInt64(initializer(even, 'w_zero_point'))).toEqual([128n, 128n, 128n, 128n]);
    const { model: reduced } = await quantize(two(), everyLayer('w8a8,reduced'), samples(image));
    const codes = (await readInt64(initializer(reduced, 'w_quantized'))).map(Number);
    expect(Math.max(...codes.map(Math.abs))).toBe(64);
  });
});

describe('biases of static layers', () => {
  it.each(['float', 'u8', 'u4', 'lut8'] as const)('as %s', async (bias) => {
    const plan = everyLayer(`w8a8,bias:${bias}`);
    const { model: quantized, layers, worst, notes } = await check(two(), plan);
    expect(layers.map((layer) => layer.bias)).toEqual([bias, bias]);
    expect(quantized.graph?.initializer.some(({ dataType }) => dataType === (DataType.INT32 as number))).toBe(
      false,
    );
    expect(worst).toBeGreaterThan(bias === 'u4' ? 20 : 28);
    expect(notes.filter((note) => note.includes('computes'))).toEqual([]);
    // The runtime makes int32 of them when it loads the model.
    expect((await optimizedOpTypes(quantized)).filter((op) => op === 'QLinearConv')).toHaveLength(2);
    const gemm = await check(mixed(), plan, [5, 8]);
    expect(gemm.notes).toEqual([expect.stringMatching(/^g: .*not int32.*in float/)]);
    expect(await optimizedOpTypes(gemm.model)).toContain('Gemm');
  });

  it('too large for 32 bits are added in float, at full optimization too', async () => {
    const original = model(
      [
        conv('a', ['x', 'w', 'b'], 'mid', 1),
        node('Relu', 'relu', ['mid'], ['act']),
        conv('c', ['act', 'v'], 'y', 1),
      ],
      [
        floatTensor(
          'w',
          Float32Array.from({ length: 12 }, (_, i) => Math.sin(i) * 1e-9),
          [4, 3, 1, 1],
        ),
        floatTensor('b', [5, 1, -1, 0]),
        weights('v', [3, 4, 1, 1], 2),
      ],
      image,
    );
    const { model: quantized, notes, worst } = await check(original, everyLayer('w8a8,tensor'));
    expect(notes).toEqual([expect.stringMatching(/^a: The bias is too large/)]);
    expect(await optimizedOpTypes(quantized)).toContain('QLinearConv');
    expect(worst).toBeGreaterThan(28);
  });
});

describe('operators without an integer kernel', () => {
  const up = (group: number, dims: number[]) =>
    model(
      [
        conv('a', ['x', 'w'], 'mid'),
        node('ConvTranspose', 'up', ['mid', 'v', 'b'], ['wide'], {
          group: { int: group },
          strides: { ints: [2, 2] },
        }),
        conv('c', ['wide', 'u'], 'y', 1),
      ],
      [
        weights('w', [4, 3, 3, 3]),
        weights('v', dims, 2),
        floatTensor(
          'b',
          new Float32Array((dims[1] ?? 0) * group).map((_, i) => Math.sin(i)),
        ),
        weights('u', [2, (dims[1] ?? 0) * group, 1, 1], 3),
      ],
      image,
    );

  it.each([
    [1, [4, 3, 2, 2]],
    [2, [4, 2, 2, 2]],
  ])('have 8-bit activations when forced (group %i)', async (group, dims) => {
    const original = up(group, dims);
    const usual = await check(original, everyLayer('w8a8'));
    const layers = { up: { scheme: 'w8a8' as const, forced: true } };
    const forced = await check(original, { ...defaultPlan, layers });
    expect(usual.notes).toEqual([expect.stringMatching(/^up: Only the weight is 8-bit/)]);
    expect(forced.notes.join()).toMatch(/up: Its activations are 8-bit as the plan says, but .*not faster/);
    const hasIntegerBias = (each: Model) =>
      each.graph?.initializer.some(({ name }) => name === 'b_quantized');
    // With groups, the weight has a scale per input channel: no bias can have those steps.
    expect([usual, forced].map((each) => hasIntegerBias(each.model))).toEqual([false, group === 1]);
    expect(forced.notes.some((note) => note.includes('bias stays float'))).toBe(group !== 1);
    expect(initializer(forced.model, 'v_scale').dims).toEqual([group === 1 ? 3 : 4]);
    expect([...forced.ranges.keys()].sort()).toEqual([...usual.ranges.keys()].sort());
    expect(Math.min(usual.worst, forced.worst)).toBeGreaterThan(25);
  });

  it('and without a weight are float unless forced', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'mid'),
        node('InstanceNormalization', 'norm', ['mid', 'gamma', 'beta'], ['normal']),
        node('Sub', 'sub', ['normal', 'mid'], ['difference']),
        conv('c', ['difference', 'u'], 'y', 1),
      ],
      [
        weights('w', [4, 3, 3, 3]),
        floatTensor('gamma', [1, 2, 0.5, 1]),
        floatTensor('beta', [0, 0.1, 0, -0.1]),
        weights('u', [2, 4, 1, 1], 3),
      ],
      image,
    );
    const usual = await check(original, defaultPlan);
    expect([...usual.ranges.keys()].sort()).toEqual(['difference', 'mid', 'x', 'y']);
    const layers = { norm: { scheme: 'auto', forced: true }, sub: { scheme: 'auto', forced: true } } as const;
    const forced = await check(original, { ...defaultPlan, layers });
    expect([...forced.ranges.keys()].sort()).toEqual(['difference', 'mid', 'normal', 'x', 'y']);
    expect(opTypes(forced.model).filter((op) => op === 'QuantizeLinear')).toHaveLength(5);
    expect(usual.notes).toEqual([]);
    expect(forced.notes.join()).toMatch(
      /norm: .*no integer kernel for InstanceNormalization.*sub: .*for Sub/,
    );
    expect(Math.min(usual.worst, forced.worst)).toBeGreaterThan(25);
  });
});

it('stacked matrices have a scale per column where nothing computes on integers', async () => {
  const dims = [3, 4, 8];
  const original = model([node('MatMul', 'm', ['x', 'w'], ['y'])], [weights('w', [3, 8, 6])], dims);
  const narrow = await check(original, everyLayer('w8a8,channel'), dims);
  expect(narrow.layers[0]?.granularity).toBe('per-tensor');
  expect(narrow.notes).toEqual([expect.stringMatching(/^m: Its weight has one scale/)]);
  const wide = await check(original, everyLayer('w8a16'), dims);
  expect(wide.layers[0]?.granularity).toBe('per-channel');
  expect((await readFloat32(initializer(wide.model, 'w_scale'))).length).toBe(6);
});

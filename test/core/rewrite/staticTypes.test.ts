import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import { readFloat32, readInt64 } from '../../../src/core/onnx/tensor';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import type { LayerScheme } from '../../../src/core/quant/scheme';
import { optimizedOpTypes, planWith, quantize, run, sqnr } from '../../support/rewriting';
import { initializer, nodes, producerOf, worstSqnr } from './inspecting';
import { conv, image, model, node, residualBlock, samples, weights } from './models';

const choices = ['w8a8', 'w8a16', 'float'] as const;
const triples = choices.flatMap((a) => choices.flatMap((b) => choices.map((c) => [a, b, c] as const)));
const activationTypes = ['uint8', 'int8'] as const;

/** Element type of a model's codes: of the zero point that a Q or DQ node reads. */
function codesType(quantized: Model, value: string): DataType | undefined {
  const dequantize = producerOf(quantized, value);
  return dequantize && initializer(quantized, dequantize.input[2] ?? '').dataType;
}

/** Quantizes; checks full optimization against simulation, and both against the float model. */
async function check(original: Model, plan: Plan, least: number): Promise<Model> {
  const { model: quantized } = await quantize(original, plan, samples(image));
  expect(await worstSqnr(original, quantized)).toBeGreaterThan(least);
  for (const sample of samples(image, 2)) {
    const simulated = await run(quantized, sample, 'simulate');
    const real = await run(quantized, sample, 'full');
    // The integer kernels may round a code the other way here and there.
    for (const [name, values] of Object.entries(simulated)) {
      expect(sqnr(values, real[name] ?? [])).toBeGreaterThan(40);
    }
  }
  return quantized;
}

describe('w8a16', () => {
  it.each(activationTypes)('has 16-bit pairs of opset 21 (%s)', async (activationType) => {
    const plan: Plan = { ...defaultPlan, defaultScheme: 'w8a16', activationType };
    const original = residualBlock();
    const quantized = await check(original, plan, 38);
    expect(quantized.opsetImport).toEqual([{ domain: '', version: 21 }]);
    expect(quantized.irVersion).toBeGreaterThanOrEqual(10);
    const zeroPoint = initializer(quantized, 'skip_zero_point');
    expect(zeroPoint.dataType).toBe(activationType === 'uint8' ? DataType.UINT16 : DataType.INT16);
    expect(await readInt64(zeroPoint)).toEqual([activationType === 'uint8' ? 0n : -32768n]);
    // The bias is in steps of input scale × weight scale, as for 8 bits.
    const [inputScale = NaN] = await readFloat32(initializer(quantized, 'skip_scale'));
    const scales = await readFloat32(initializer(quantized, 'w1_scale'));
    const biasScales = await readFloat32(initializer(quantized, 'b1_quantized_scale'));
    expect(Array.from(biasScales)).toEqual(Array.from(scales, (scale) => Math.fround(inputScale * scale)));
    // No integer kernel has 16 bits, and the sum of two such tensors stays float.
    expect((await optimizedOpTypes(quantized)).filter((op) => op.startsWith('QLinear'))).toEqual([]);
    expect(nodes(quantized).find(({ name }) => name === 'add')?.output).toEqual(['sum']);
  });

  it('is limited by its weights alone', async () => {
    const original = residualBlock();
    const { model: wide } = await quantize(
      original,
      { ...defaultPlan, defaultScheme: 'w8a16' },
      samples(image),
    );
    const { model: weightOnly } = await quantize(original, { ...defaultPlan, defaultScheme: 'w8' }, []);
    const { model: narrow } = await quantize(original, defaultPlan, samples(image));
    const [a, b, c] = [
      await worstSqnr(original, wide),
      await worstSqnr(original, weightOnly),
      await worstSqnr(original, narrow),
    ];
    expect(a).toBeGreaterThan(b - 0.2);
    expect(a).toBeGreaterThan(c + 3);
  });

  it('uses the operators of com.microsoft where the opset cannot be raised', async () => {
    const grouped = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        node('GroupNormalization', 'norm', ['a_out', 'gamma', 'beta'], ['normal'], {
          num_groups: { int: 2 },
        }),
        conv('b', ['normal', 'v'], 'y', 1),
      ],
      [
        weights('w', [4, 3, 3, 3]),
        weights('v', [2, 4, 1, 1], 2),
        floatTensor('gamma', [1, 0.5]),
        floatTensor('beta', [0, 0.1]),
      ],
      image,
      ['y'],
      18,
    );
    const plan = { ...defaultPlan, defaultScheme: 'w8a16' as const };
    const { model: quantized, prepared } = await quantize(grouped, plan, samples(image));
    expect(prepared.notes.join()).toMatch(/norm \(GroupNormalization\)/);
    expect(quantized.opsetImport).toEqual([
      { domain: '', version: 18 },
      { domain: 'com.microsoft', version: 1 },
    ]);
    const domains = nodes(quantized).map(({ opType, domain }) => `${domain}:${opType}`);
    expect(domains).toContain('com.microsoft:QuantizeLinear');
    // Weights stay with the standard operator.
    expect(domains).toContain(':DequantizeLinear');
    expect(await worstSqnr(grouped, quantized)).toBeGreaterThan(38);
  });
});

describe('layers of 8 and of 16 bits in one model', () => {
  const chain = () =>
    model(
      [
        conv('a', ['x', 'w', 'bias'], 'a_out'),
        node('Relu', 'relu', ['a_out'], ['a_act']),
        conv('b', ['a_act', 'v'], 'b_out'),
        node('MaxPool', 'pool', ['b_out'], ['pooled'], { kernel_shape: { ints: [2, 2] } }),
        conv('c', ['pooled', 'u'], 'y', 1),
      ],
      [
        weights('w', [4, 3, 3, 3]),
        floatTensor('bias', [0.1, -0.2, 0.3, 0]),
        weights('v', [4, 4, 3, 3], 2),
        weights('u', [3, 4, 1, 1], 3),
      ],
      image,
    );

  it.each(triples)('follow each other: %s, %s, %s', async (a, b, c) => {
    for (const activationType of activationTypes) {
      await check(chain(), planWith({ a, b, c }, { activationType }), 28);
    }
  });

  const fork = () =>
    model(
      [
        conv('stem', ['x', 'w'], 'shared', 1),
        conv('a', ['shared', 'v'], 'a_out', 1),
        conv('b', ['shared', 'u'], 'b_out'),
        node('Add', 'add', ['a_out', 'b_out'], ['sum']),
        node('Relu', 'relu', ['sum'], ['act']),
        node('Concat', 'concat', ['act', 'shared'], ['joined'], { axis: { int: 1 } }),
        conv('last', ['joined', 't'], 'y', 1),
      ],
      [
        weights('w', [4, 3, 1, 1]),
        weights('v', [4, 4, 1, 1], 2),
        weights('u', [4, 4, 3, 3], 3),
        weights('t', [2, 8, 1, 1], 4),
      ],
      image,
      ['y', 'shared'],
    );

  it.each(triples)('fork and join: stem %s, branches %s and %s', async (stem, a, b) => {
    for (const last of ['w8a8', 'w8a16'] as const) await check(fork(), planWith({ stem, a, b, last }), 25);
  });

  it('share pairs by format, and change it on the edge', async () => {
    const schemes: Record<string, LayerScheme> = { stem: 'w8a8', a: 'w8a16', b: 'w8a8', last: 'w8a16' };
    const quantized = await check(fork(), planWith(schemes), 25);
    const inputOf = (name: string) => nodes(quantized).find((each) => each.name === name)?.input[0] ?? '';
    // The stem gives codes of 8 bits; `b` and the graph's output read them as they are, `a` in 16.
    expect(inputOf('b')).toBe('shared');
    expect(codesType(quantized, 'shared')).toBe(DataType.UINT8);
    expect(inputOf('a')).toBe('shared_convert_DequantizeLinear_Output');
    expect(codesType(quantized, inputOf('a'))).toBe(DataType.UINT16);
    expect(producerOf(quantized, 'shared_convert_QuantizeLinear_Output')?.input[0]).toBe('shared');
    // Widening loses nothing: 257 steps of 16 bits are one of 8.
    const [narrow = NaN] = await readFloat32(initializer(quantized, 'shared_scale'));
    const [wide = NaN] = await readFloat32(initializer(quantized, 'shared_scale_convert'));
    expect(narrow / wide).toBeCloseTo(257, 3);
    // One operand of the Add has 16 bits, so it is float, and so is the Concat; `last` quantizes what it reads.
    expect(codesType(quantized, inputOf('last'))).toBe(DataType.UINT16);
    expect(await optimizedOpTypes(quantized)).not.toContain('QLinearAdd');
  });

  it('read an input of the model in a pair each', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'a_out', 1),
        conv('b', ['x', 'v'], 'b_out', 1),
        conv('c', ['x', 'u'], 'c_out', 1),
        node('Sum', 'sum', ['a_out', 'b_out', 'c_out'], ['y']),
      ],
      [weights('w', [4, 3, 1, 1]), weights('v', [4, 3, 1, 1], 2), weights('u', [4, 3, 1, 1], 3)],
      image,
    );
    const quantized = await check(original, planWith({ a: 'w8a16', b: 'w8a8', c: 'w8a16' }), 30);
    const inputs = ['a', 'b', 'c'].map(
      (name) => nodes(quantized).find((each) => each.name === name)?.input[0] ?? '',
    );
    expect(inputs[0]).toBe(inputs[2]);
    expect(inputs.slice(0, 2).map((value) => codesType(quantized, value))).toEqual([
      DataType.UINT16,
      DataType.UINT8,
    ]);
    // Both pairs read the float tensor.
    const sources = nodes(quantized).filter(
      ({ opType, input }) => opType === 'QuantizeLinear' && input[0] === 'x',
    );
    expect(sources).toHaveLength(2);
  });

  it('give the codes of a Gemm to a layer of 16 bits, and the sums to float nodes', async () => {
    const original = model(
      [
        node('Flatten', 'flat', ['x'], ['rows']),
        node('Gemm', 'a', ['rows', 'w'], ['mid']),
        node('Gemm', 'b', ['mid', 'v'], ['y']),
      ],
      [weights('w', [192, 16]), weights('v', [16, 4], 2)],
      image,
    );
    const quantized = await check(original, planWith({ a: 'w8a8', b: 'w8a16' }), 28);
    const pairs = nodes(quantized).filter(({ opType }) => opType === 'QuantizeLinear');
    expect(pairs.map(({ input }) => input[0])).toEqual(['rows', 'mid', 'mid_DequantizeLinear_Output']);
    expect(await optimizedOpTypes(quantized)).toContain('QGemm');
    const apart = await check(original, planWith({ a: 'w8a8', b: 'float' }), 28);
    expect(nodes(apart).filter(({ opType }) => opType === 'QuantizeLinear')).toHaveLength(1);
  });
});

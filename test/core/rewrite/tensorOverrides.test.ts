import { describe, expect, it } from 'vitest';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { floatTensor } from '../../../src/core/onnx/build';
import { readFloat32, readInt64 } from '../../../src/core/onnx/tensor';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { needsData } from '../../../src/core/plan/editPlan';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan, TensorOverride } from '../../../src/core/plan/types';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { optimizedOpTypes, quantize, run, sqnr } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { count, initializer, producerOf, worstSqnr } from './inspecting';
import { conv, image, model, node, residualBlock, samples, weights } from './models';

const planFor = (tensors: Readonly<Record<string, TensorOverride>>, base?: Partial<Plan>): Plan => ({
  ...defaultPlan,
  ...base,
  tensors,
});
const slice = sliceOf(
  'calibrate',
  samples(image).map((feeds, index) => ({ index, feeds })),
);

async function paramsOf(quantized: Model, value: string) {
  const [scale] = await readFloat32(initializer(quantized, `${value}_scale`));
  const zeroPoint = initializer(quantized, `${value}_zero_point`);
  return { type: zeroPoint.dataType, scale, zeroPoint: Number((await readInt64(zeroPoint))[0]) };
}

/** At full optimization as in simulation, and close to the float model. */
async function expectRight(original: Model, quantized: Model, least = 28): Promise<void> {
  expect(await worstSqnr(original, quantized)).toBeGreaterThan(least);
  const [sample = {}] = samples(image, 1);
  const { y: simulated = [] } = await run(quantized, sample, 'simulate');
  const { y: real = [] } = await run(quantized, sample, 'full');
  expect(sqnr(simulated, real)).toBeGreaterThan(40);
}

describe('what a plan says about single tensors', () => {
  it('is a type, for everything that reads the tensor', async () => {
    const original = residualBlock();
    const { model: quantized } = await quantize(
      original,
      planFor({ skip: { type: 'uint16' } }),
      samples(image),
    );
    expect(await paramsOf(quantized, 'skip')).toMatchObject({ type: DataType.UINT16, zeroPoint: 0 });
    expect(await paramsOf(quantized, 'left_act')).toMatchObject({ type: DataType.UINT8 });
    expect(quantized.opsetImport).toEqual([{ domain: '', version: 21 }]);
    // The 8-bit layer after it reads it as it is; the Add has no kernel for 16 bits.
    expect(producerOf(quantized, 'skip_convert_DequantizeLinear_Output')).toBeUndefined();
    expect(await optimizedOpTypes(quantized)).not.toContain('QLinearAdd');
    await expectRight(original, quantized);
  });

  it('is a range, fixed or by a rule, or parameters', async () => {
    const original = residualBlock();
    const tensors = {
      x: { min: -1, max: 1 },
      skip: { scale: 0.01, zeroPoint: 3 },
      left_act: { symmetric: true },
      y: { range: 'percentile:90' },
    } as const;
    const {
      model: quantized,
      ranges,
      notes,
    } = await quantizeModel(original, planFor(tensors, { activationRange: 'max' }), { runtime, slice });
    expect(notes).toEqual([]);
    // What is fixed is not calibrated.
    expect([...ranges.keys()].sort()).toEqual(['left_act', 'right_out', 'y']);
    expect(await paramsOf(quantized, 'x')).toMatchObject({ scale: Math.fround(2 / 255), zeroPoint: 128 });
    expect(await paramsOf(quantized, 'skip')).toMatchObject({ scale: Math.fround(0.01), zeroPoint: 3 });
    expect(await paramsOf(quantized, 'left_act')).toMatchObject({ zeroPoint: 128 });
    const { ranges: usual } = await quantizeModel(
      original,
      { ...defaultPlan, activationRange: 'max' },
      { runtime, slice },
    );
    expect(ranges.get('y')?.max).toBeLessThan(0.8 * (usual.get('y')?.max ?? 0));
    expect(ranges.get('right_out')).toEqual(usual.get('right_out'));
  });

  it('needs no data when it fixes every tensor', async () => {
    const original = residualBlock();
    const all = Object.fromEntries(
      ['x', 'skip', 'left_act', 'right_out', 'y'].map((name) => [name, { min: -3, max: 3 }]),
    );
    const plan = planFor(all);
    expect(needsData(plan, [{ name: 'left', quantizable: true }])).toBe(false);
    const { model: quantized } = await quantizeModel(original, plan, undefined);
    expect(count(quantized, 'QuantizeLinear')).toBeGreaterThan(4);
    const { x: _, ...rest } = all;
    await expect(quantizeModel(original, planFor(rest), undefined)).rejects.toThrow(/come from data \(x\)/);
  });

  it('is refused as a whole: every mistake is named', async () => {
    const tensors = {
      skipp: { type: 'int8' },
      stem_out: { symmetric: true },
      left_act: { scale: 1, zeroPoint: 300 },
      'nowhere near': { min: 0, max: 1 },
      y: { scale: 0.1, zeroPoint: 255 },
    } as const;
    const job = quantizeModel(residualBlock(), planFor(tensors), { runtime, slice });
    const message = await job.then(
      () => '',
      (error: unknown) => (error as Error).message,
    );
    expect(message).toMatch(/skipp is not in the model \(did you mean skip\?\)/);
    expect(message).toMatch(/stem_out is not quantized as a tensor of its own/);
    expect(message).toMatch(/left_act is uint8, whose codes go from 0 to 255: 300 is none/);
    expect(message).toMatch(/nowhere near is not in the model\./);
    expect(message).not.toMatch(/\by is/);
  });

  it('gives a tensor that was passed on, or joined, a pair of its own', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        conv('b', ['x', 'v'], 'b_out'),
        node('MaxPool', 'pool', ['b_out'], ['b_pool'], {
          kernel_shape: { ints: [3, 3] },
          pads: { ints: [1, 1, 1, 1] },
        }),
        node('Concat', 'concat', ['a_out', 'b_pool'], ['joined'], { axis: { int: 1 } }),
        conv('c', ['joined', 'u'], 'y', 1),
      ],
      [weights('w', [4, 3, 3, 3]), weights('v', [2, 3, 3, 3], 5), weights('u', [3, 6, 1, 1], 6)],
      image,
    );
    const usual = await quantize(original, defaultPlan, samples(image));
    expect([...usual.ranges.keys()].sort()).toEqual(['joined', 'x', 'y']);
    const own = await quantize(original, planFor({ b_pool: { symmetric: true } }), samples(image));
    expect([...own.ranges.keys()].sort()).toEqual(['a_out', 'b_out', 'b_pool', 'joined', 'x', 'y']);
    expect(await paramsOf(own.model, 'b_pool')).toMatchObject({ zeroPoint: 128 });
    await expectRight(original, own.model);
  });
});

describe('a Relu goes only where the codes perform it', () => {
  const relu = (opType: 'Relu' | 'Clip') =>
    model(
      [
        conv('a', ['x', 'w', 'b'], 'mid'),
        node(opType, 'relu', opType === 'Relu' ? ['mid'] : ['mid', 'low', 'high'], ['act']),
        conv('c', ['act', 'v'], 'y', 1),
      ],
      [
        weights('w', [4, 3, 3, 3]),
        floatTensor('b', [0.3, -0.1, 0.2, 0.05]),
        weights('v', [3, 4, 1, 1], 2),
        floatTensor('low', [0], []),
        floatTensor('high', [0.7], []),
      ],
      image,
      ['y', 'act'],
    );

  const plans: [string, Plan, boolean][] = [
    ['asymmetric', defaultPlan, true],
    ['asymmetric int8', { ...defaultPlan, activationType: 'int8' }, true],
    ['symmetric', { ...defaultPlan, activationSymmetric: true }, false],
    ['symmetric int8', { ...defaultPlan, activationSymmetric: true, activationType: 'int8' }, false],
    ['16 bits', { ...defaultPlan, defaultScheme: 'w8a16' }, true],
    ['16 bits, symmetric', { ...defaultPlan, defaultScheme: 'w8a16', activationSymmetric: true }, false],
    ['one symmetric tensor', planFor({ act: { symmetric: true } }), false],
    ['a fixed range', planFor({ act: { min: -3, max: 3 } }), false],
    ['a zero point in the middle', planFor({ act: { scale: 0.02, zeroPoint: 100 } }), false],
    ['one asymmetric tensor', planFor({ act: { symmetric: false } }, { activationSymmetric: true }), true],
  ];

  it.each(plans)('%s', async (_name, plan, goes) => {
    for (const opType of ['Relu', 'Clip'] as const) {
      const original = relu(opType);
      const { model: quantized } = await quantize(original, plan, samples(image));
      expect(count(quantized, opType)).toBe(goes ? 0 : 1);
      for (const sample of samples(image, 2)) {
        for (const optimization of ['none', 'full'] as const) {
          const { act = [] } = await run(quantized, sample, optimization);
          expect(Math.min(...act)).toBeGreaterThanOrEqual(0);
          expect(Math.max(...act)).toBeLessThan(opType === 'Clip' ? 0.71 : Infinity);
        }
      }
      await expectRight(original, quantized, 24);
      // With int8 the runtime leaves tensors that are read twice float.
      if (plan.activationType === 'int8') continue;
      // The layer before it computes on integers all the same.
      const kernels = (await optimizedOpTypes(quantized)).filter((op) => op === 'QLinearConv');
      expect(kernels).toHaveLength(plan.defaultScheme === 'w8a16' ? 0 : 2);
    }
  });

  it('does not trust a rewrite with ranges of other plans', async () => {
    const ranges = new Map(['x', 'act', 'y'].map((name) => [name, { min: -2, max: 2 }]));
    const { model: quantized } = await rewrite(relu('Relu'), defaultPlan, ranges);
    expect(count(quantized, 'Relu')).toBe(1);
  });
});

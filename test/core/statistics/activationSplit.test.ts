import { describe, expect, it } from 'vitest';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { setScheme } from '../../../src/core/plan/editPlan';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import { activationSplit } from '../../../src/core/statistics/activationSplit';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import { rangeAt } from '../../../webview/charts/rangeText';
import { normalNoise } from '../../support/random';
import { run } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { floats, sliceOf } from '../../support/slices';
import { conv, image, model, node, weights } from '../rewrite/models';

const network = model(
  [
    conv('first', ['x', 'w'], 'mid'),
    node('Relu', 'relu', ['mid'], ['active']),
    conv('second', ['active', 'v'], 'y', 1),
  ],
  [weights('w', [8, 3, 3, 3]), weights('v', [2, 8, 1, 1])],
  image,
  ['y'],
  21,
);
const size = image.reduce((a, b) => a * b, 1);
const samples = [1, 2, 3, 4, 5, 6].map((seed) => ({
  index: seed,
  feeds: { x: floats(normalNoise(size, seed), image) },
}));
const source = { runtime, slice: sliceOf('calibrate', samples) };
const split = (plan: Plan, layer: string, of: 'input' | 'output') =>
  activationSplit(network, plan, { layer, of }, source);

describe('activationSplit(model, plan, value, source)', () => {
  it('tells within 2 % what a range costs the values that a layer gives', async () => {
    const curve = await split(defaultPlan, 'first', 'output');
    expect(curve).toMatchObject({
      value: 'active',
      type: 'uint8',
      samples: 6,
      method: 'histogram',
      symmetric: false,
      whyNotFixed: null,
    });
    expect(curve.extremes.min).toBe(0);
    const original = model(
      [conv('first', ['x', 'w'], 'mid'), node('Relu', 'relu', ['mid'], ['active'])],
      [weights('w', [8, 3, 3, 3])],
      image,
      ['active'],
      21,
    );
    const values: number[] = [];
    for (const { feeds } of samples) values.push(...((await run(original, feeds, 'none'))['active'] ?? []));
    for (const at of [60, 150, curve.thresholds.length - 1]) {
      const max = curve.thresholds[at] ?? NaN;
      const step = max / 255;
      const exact = values.reduce(
        (sum, x) => sum + (x - Math.max(0, Math.min(255, Math.round(x / step))) * step) ** 2,
        0,
      );
      const told = (curve.clipping[at] ?? NaN) + (curve.rounding[at] ?? NaN);
      expect(Math.abs(told / exact - 1)).toBeLessThan(0.02);
    }
  });

  it('can be fixed in the plan, which then is written with that range', async () => {
    const plan = { ...defaultPlan, activationRange: 'max' as const };
    const curve = await split(plan, 'second', 'input');
    const threshold = curve.thresholds[100] ?? NaN;
    const range = rangeAt(curve, threshold);
    const fixed: Plan = { ...plan, tensors: { [curve.value]: range } };
    const { model: written } = await quantizeModel(network, fixed, source);
    const reader = written.graph?.node.find(
      ({ opType, input }) => opType === 'QuantizeLinear' && input[0] === curve.value,
    );
    const scale = written.graph?.initializer.find(({ name }) => name === reader?.input[1]);
    if (!scale) throw new Error('no scale');
    expect((await readFloat32(scale))[0]).toBeCloseTo(range.max / 255, 6);
    expect((await split(fixed, 'second', 'input')).thresholds).toContain(range.max);
  });

  it.each([
    { min: -0.4, max: 6 },
    { min: -30, max: 40 },
    { min: 0.5, max: 2 },
  ])(
    'measures the range that the plan fixes, whether one of the curve or not: $min to $max',
    async (range) => {
      const plan: Plan = { ...defaultPlan, tensors: { x: range } };
      const { planned } = await split(plan, 'first', 'input');
      const min = Math.min(0, range.min);
      expect(planned).toMatchObject({ min, max: range.max });
      const scale = (range.max - min) / 255;
      const zero = Math.round(-min / scale);
      let exact = 0;
      for (const { feeds } of samples) {
        for (const x of feeds.x.data as Float32Array) {
          const code = Math.max(0, Math.min(255, Math.round(x / scale) + zero));
          exact += (x - (code - zero) * scale) ** 2;
        }
      }
      const told = (planned?.clipping ?? NaN) + (planned?.rounding ?? NaN);
      expect(Math.abs(told / exact - 1)).toBeLessThan(0.05);
      expect((await split(defaultPlan, 'first', 'input')).planned).toBeNull();
    },
  );

  it('says why the plan cannot fix it where it does not quantize the value', async () => {
    const plan = setScheme(defaultPlan, ['first', 'second'], 'float');
    const curve = await split(plan, 'second', 'input');
    expect(curve.whyNotFixed).toContain('does not quantize this value');
    expect(curve.type).toBe('uint8');
  });

  it('has the type that the layer or the plan gives the value', async () => {
    const wide = setScheme(defaultPlan, ['second'], 'w8a16');
    expect(await split(wide, 'second', 'input')).toMatchObject({ type: 'uint16', bits: 16 });
    const signed: Plan = { ...defaultPlan, tensors: { active: { type: 'int8', symmetric: true } } };
    expect(await split(signed, 'second', 'input')).toMatchObject({ type: 'int8', symmetric: true });
  });
});

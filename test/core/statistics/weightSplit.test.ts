import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/core/errors';
import { tryFormat } from '../../../src/core/explain/triedFormat';
import { sqnrOf } from '../../../src/core/explain/weightLoss';
import { floatTensor, makeGraph, makeModel, makeTensor, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { setScheme } from '../../../src/core/plan/editPlan';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { withFixedRange } from '../../../src/core/quant/fixedRange';
import { parseFormat, type LayerFormat } from '../../../src/core/quant/layerFormat';
import { weightSplit } from '../../../src/core/statistics/weightSplit';
import { normalNoise } from '../../support/random';
import { conv, image, model, node } from '../rewrite/models';

const dims = [16, 3, 3, 3];
const weight = floatTensor('w', normalNoise(16 * 27, 3), dims);

/** A convolution whose channels a normalization spreads over two decades. */
function normalized(): Model {
  const channels = (name: string, value: (at: number) => number) =>
    floatTensor(
      name,
      Array.from({ length: 16 }, (_, at) => value(at)),
      [16],
    );
  return model(
    [
      conv('c', ['x', 'w'], 'mid'),
      node('BatchNormalization', 'bn', ['mid', 'gain', 'shift', 'mean', 'variance'], ['y']),
    ],
    [
      weight,
      channels('gain', (at) => 10 ** (at / 8)),
      channels('shift', () => 0),
      channels('mean', () => 0),
      channels('variance', () => 1),
    ],
    image,
    ['y'],
    21,
  );
}

const plain = (): Model => model([conv('c', ['x', 'w'], 'y')], [weight], image, ['y'], 21);

function format(text: string): LayerFormat {
  const parsed = parseFormat(text);
  if ('mistake' in parsed) throw new Error(parsed.mistake);
  return parsed;
}

/** Of int8 codes with a range of ±a, by the definition. */
function sqnrOfInt8(values: Float32Array, a: number): number {
  let [energy, error] = [0, 0];
  for (const w of values) {
    const code = Math.max(-128, Math.min(127, Math.round((w * 127) / a)));
    energy += w * w;
    error += (w - (code * a) / 127) ** 2;
  }
  return 10 * Math.log10(energy / error);
}

describe('weightSplit(model, plan, value)', () => {
  it.each([
    ['w8', 8],
    ['w8,tensor', 8],
    ['w8,unsigned', 8],
    ['w8a8,reduced', 8],
    ['w4', 4],
    ['w4,asymmetric', 4],
  ] as const)('tells the error of %s with a fixed range, as it is written', async (scheme, bits) => {
    const plan = setScheme(defaultPlan, ['c'], format(scheme));
    const original = normalized();
    const curve = await weightSplit(original, plan, { layer: 'c', position: 0, bits });
    expect(curve).toMatchObject({
      value: 'w',
      isFolded: true,
      method: 'exact',
      whyNotFixed: null,
      elements: 432,
    });
    for (const at of [20, 120, curve.thresholds.length - 1]) {
      const fixed = withFixedRange(format(scheme), curve.thresholds[at] ?? NaN);
      const tried = await tryFormat(original, plan, 'c', fixed, {});
      if (!tried?.weight) throw new Error('not written');
      const { clipping, rounding, energy } = tried.weight;
      expect(curve.energy / energy).toBeCloseTo(1, 6);
      expect(((curve.clipping[at] ?? NaN) + (curve.rounding[at] ?? NaN)) / (clipping + rounding)).toBeCloseTo(
        1,
        4,
      );
    }
  });

  it('tells what the format of the plan gives, and where that fixes the range', async () => {
    const original = normalized();
    const perChannel = setScheme(defaultPlan, ['c'], format('w8,channel'));
    const curve = await weightSplit(original, perChannel, { layer: 'c', position: 0, bits: 8 });
    const tried = await tryFormat(original, perChannel, 'c', format('w8,channel'), {});
    expect(curve.plannedDb).toBeCloseTo((tried?.weight && sqnrOf(tried.weight)) ?? NaN, 6);
    const fixed = setScheme(defaultPlan, ['c'], format('w8,fixed:12.5'));
    expect((await weightSplit(original, fixed, { layer: 'c', position: 0, bits: 8 })).thresholds).toContain(
      12.5,
    );
    const four = await weightSplit(original, perChannel, { layer: 'c', position: 0, bits: 4 });
    expect(four).toMatchObject({ type: 'int4', plannedDb: null, possible: 16 });
  });

  it.each([
    ['w4,tensor', 3],
    ['w4,tensor', 100],
    ['w8,tensor', 100],
    ['w8,tensor,reduced', 5],
  ] as const)(
    'marks where the rule mse of %s puts the range, with an outlier of %d',
    async (scheme, outlier) => {
      const values = normalNoise(64 * 64 * 9, 3);
      values[100] = outlier;
      const large = floatTensor('w', values, [64, 64, 3, 3]);
      const original = model([conv('c', ['x', 'w'], 'y')], [large], [1, 64, 8, 8], ['y'], 21);
      const plan = setScheme(defaultPlan, ['c'], format(scheme));
      const bits = scheme.startsWith('w4') ? 4 : 8;
      const curve = await weightSplit(original, plan, { layer: 'c', position: 0, bits });
      const rule = await tryFormat(original, plan, 'c', format(`${scheme},mse`), {});
      if (!rule?.weight) throw new Error('not written');
      const mse = curve.markers.find((marker) => marker.rule === 'mse')?.threshold ?? NaN;
      const totals = curve.clipping.map((clipped, at) => clipped + (curve.rounding[at] ?? 0));
      const told = totals[curve.thresholds.indexOf(mse)] ?? NaN;
      expect(told / (rule.weight.clipping + rule.weight.rounding)).toBeCloseTo(1, 5);
      // The rule looks no further down than a seventh of the greatest weight: here the curve does.
      const isTooNarrow = bits === 4 && outlier === 100;
      expect(Math.min(...totals) / told < 0.9).toBe(isTooNarrow);
    },
  );

  it('is of the stored weight where nothing is folded into it', async () => {
    const curve = await weightSplit(plain(), defaultPlan, { layer: 'c', position: 0, bits: 6 });
    expect(curve).toMatchObject({ isFolded: false, type: null, possible: 63 });
    expect(curve.whyNotFixed).toContain('choose 8 or 4 bits');
    expect(JSON.stringify(curve).length).toBeLessThan(40_000);
  });

  it.each([
    ['u4', 'at the greatest magnitude'],
    ['pow2-4', 'at the greatest magnitude'],
    ['lut16', 'where it is least'],
  ] as const)('tells the error of the table of %s: that of the scheme is %s', async (table, where) => {
    const original = normalized();
    const options = { layer: 'c', position: 0, bits: 8, table };
    const plan = setScheme(
      defaultPlan,
      ['c'],
      format(`${table}${table === 'lut16' ? ',tensor,no-gain' : ''}`),
    );
    const curve = await weightSplit(original, plan, options);
    const totals = curve.clipping.map((clipped, at) => clipped + (curve.rounding[at] ?? 0));
    const atMax = totals.at(-1) ?? NaN;
    const noise = where === 'where it is least' ? Math.min(...totals) : atMax;
    expect(10 * Math.log10(curve.energy / noise)).toBeCloseTo(
      curve.plannedDb ?? NaN,
      table === 'lut16' ? 1 : 4,
    );
    expect(curve).toMatchObject({ table, type: null, isFolded: true, symmetric: table !== 'u4' });
    expect(curve.whyNotFixed).toContain(`${table} has no range to fix`);
    const unplanned = await weightSplit(original, defaultPlan, options);
    expect(unplanned).toMatchObject({ table, plannedDb: null });
  });

  it('takes a sample of a large weight, with its extremes, and is close to the exact figures', async () => {
    const noise = normalNoise(64 * 64 * 9, 11);
    noise[6] = 7;
    const large = model(
      [conv('c', ['x', 'w'], 'y')],
      [floatTensor('w', noise, [64, 64, 3, 3])],
      [1, 64, 8, 8],
      ['y'],
      21,
    );
    const ask = (mostExact: number) =>
      weightSplit(large, defaultPlan, { layer: 'c', position: 0, bits: 8, mostExact });
    const [exact, sampled] = [await ask(1e6), await ask(8_000)];
    expect(exact).toMatchObject({ method: 'exact', stride: 1 });
    expect(sampled).toMatchObject({ method: 'sampled', stride: 5, elements: 36_864, plannedDb: null });
    expect(sampled.thresholds.at(-1)).toBe(7);
    for (const a of [0.5, 1, 2, 3, 5, 7]) {
      const at = sampled.thresholds.findIndex((threshold) => threshold >= a);
      const error = (sampled.clipping[at] ?? NaN) + (sampled.rounding[at] ?? NaN);
      const told = 10 * Math.log10(sampled.energy / error);
      expect(Math.abs(told - sqnrOfInt8(noise, sampled.thresholds[at] ?? NaN))).toBeLessThan(0.3);
    }
    const magnitudes = Array.from(noise, Math.abs).sort((x, y) => x - y);
    const marked = sampled.markers.find(({ rule }) => rule === 'percentile:99.9')?.threshold ?? NaN;
    expect(Math.abs(marked / (magnitudes[Math.round(0.999 * magnitudes.length)] ?? NaN) - 1)).toBeLessThan(
      0.1,
    );
  });

  it.each([0.5, 5, 40])(
    'measures the range of ±%d that the plan fixes, on the curve or beyond',
    async (a) => {
      const values = normalNoise(16 * 27, 3);
      const plan = setScheme(defaultPlan, ['c'], format(`w8,tensor,fixed:${a}`));
      const { planned, energy } = await weightSplit(plain(), plan, { layer: 'c', position: 0, bits: 8 });
      expect(planned).toMatchObject({ min: -a, max: a });
      const error = (planned?.clipping ?? NaN) + (planned?.rounding ?? NaN);
      expect(10 * Math.log10(energy / error)).toBeCloseTo(sqnrOfInt8(values, a), 3);
      const codes = values.map((w) => Math.max(-128, Math.min(127, Math.round((w * 127) / a))));
      expect(planned?.codes).toBe(new Set(codes).size);
      const four = await weightSplit(plain(), plan, { layer: 'c', position: 0, bits: 4 });
      expect(four.planned).toBeNull();
    },
  );

  it('hears a cancel while it measures', async () => {
    const large = model(
      [conv('c', ['x', 'w'], 'y')],
      [floatTensor('w', normalNoise(128 * 128 * 9 * 4, 13), [512, 128, 3, 3])],
      [1, 128, 8, 8],
      ['y'],
      21,
    );
    const signal = { aborted: false };
    setTimeout(() => (signal.aborted = true), 1);
    const work = { signal, pause: () => setImmediate() };
    const curve = weightSplit(large, defaultPlan, { layer: 'c', position: 0, bits: 16 }, work);
    await expect(curve).rejects.toThrow(CancelledError);
  });

  it('names what is not there', async () => {
    const ask = (layer: string, position: number, bits: number) =>
      weightSplit(plain(), defaultPlan, { layer, position, bits });
    await expect(ask('d', 0, 8)).rejects.toThrow('The model has no layer d.');
    await expect(ask('c', 1, 8)).rejects.toThrow('Layer c has 1 weights: there is none at 1.');
    await expect(ask('c', 0, 1)).rejects.toThrow('Bits must be a whole number from 2 to 16, not 1.');
  });

  it.each([true, false])('tells float16 with a factor behind it from plain float16: %s', async (isScaled) => {
    const half = (name: string, of: readonly number[]) => {
      const length = of.reduce((product, size) => product * size, 1);
      // From 1 to 2, in steps of 1/1024.
      const bits = Uint16Array.from({ length }, (_, at) => 0x3c00 + ((37 * at) % 1024));
      return makeTensor(name, DataType.FLOAT16, of, new Uint8Array(bits.buffer));
    };
    const factor = node('Mul', 'factor', ['mid', 'f'], ['y']);
    const subject = makeModel(
      makeGraph({
        node: [conv('c', ['x', 'h'], isScaled ? 'mid' : 'y'), ...(isScaled ? [factor] : [])],
        initializer: [half('h', dims), half('f', [16, 1, 1])],
        input: [makeValueInfo('x', DataType.FLOAT16, image)],
        output: [makeValueInfo('y', DataType.FLOAT16, [1, 16, 6, 6])],
      }),
      { opset: 17, irVersion: 8 },
    );
    const plan = setScheme(defaultPlan, ['c'], format('w8'));
    const curve = await weightSplit(subject, plan, { layer: 'c', position: 0, bits: 8 });
    expect(curve.isFolded).toBe(isScaled);
  });
});

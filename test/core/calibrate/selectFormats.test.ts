import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fillPlan, type PresetRequest } from '../../../src/core/calibrate/selectFormats';
import { CancelledError, InputError } from '../../../src/core/errors';
import { floatTensor, makeGraph, makeModel, makeNode, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType } from '../../../src/core/onnx/types';
import { defaultPlan, parsePlan, serializePlan } from '../../../src/core/plan/planFile';
import { fitsBits, medianSqnr, withPicks } from '../../../src/core/plan/presets';
import type { Plan } from '../../../src/core/plan/types';
import type { Runtime } from '../../../src/core/ports';
import { formatText } from '../../../src/core/quant/layerFormat';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { openModelFile } from '../../../src/engine/files/modelFile';
import { normalNoise, uniform } from '../../support/random';
import { runtime } from '../../support/runtime';
import { floats, samplesFromNpz, sliceOf } from '../../support/slices';
import { image, residualBlock, samples } from '../rewrite/models';

const sample = join(import.meta.dirname, '../../../samples/mnist');
const opened = await openModelFile(join(sample, 'mnist_cnn.onnx'));
const mnist = opened.model;
afterAll(() => opened.close());
const digits = {
  runtime,
  slice: sliceOf('calibrate', samplesFromNpz(join(sample, 'calibration.npz'), 12)),
};
const source = {
  runtime,
  slice: sliceOf(
    'calibrate',
    samples(image, 6).map((feeds, index) => ({ index, feeds })),
  ),
};
const w4: PresetRequest = { preset: 'hybrid', format: { scheme: 'w4' } };

describe('fillPlan', () => {
  it('naive: gives every layer of MNIST the format, and says what each loses and takes', async () => {
    const format = { scheme: 'lut16', granularity: 'tensor' } as const;
    const { picks, figures } = await fillPlan(mnist, defaultPlan, { preset: 'naive', format }, digits);
    expect(picks.length).toBe(5);
    expect(picks.every((pick) => formatText(pick.format) === 'lut16,tensor')).toBe(true);
    expect(figures.every(({ measured, sqnrDb }) => measured === 'output' && (sqnrDb ?? 0) > 10)).toBe(true);
    const plan = withPicks({ ...defaultPlan, defaultScheme: 'float' }, picks);
    const { layers } = await quantizeModel(mnist, plan, undefined);
    expect(layers.map(({ name, scheme }) => [name, scheme])).toEqual(
      figures.map(({ layer }) => [layer, 'lut16']),
    );
    expect(figures.map(({ bytes }) => bytes)).toEqual(layers.map(({ bytesAfter }) => bytesAfter));
  });

  it('hybrid: keeps float what is the margin below the median', async () => {
    const all = await fillPlan(mnist, defaultPlan, { ...w4, marginDb: 1000 }, digits);
    expect(all.picks.every(({ format }) => format.scheme === 'w4')).toBe(true);
    const median = medianSqnr(all.figures);
    const some = await fillPlan(mnist, defaultPlan, { ...w4, marginDb: 0 }, digits);
    const kept = some.picks.flatMap(({ layer, format }) => (format.scheme === 'float' ? [layer] : []));
    const expected = all.figures.flatMap(({ layer, sqnrDb }) => ((sqnrDb ?? 0) < median ? [layer] : []));
    expect(kept).toEqual(expected);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(5);
    const float = some.figures.find(({ layer }) => layer === kept[0]);
    const quantized = all.figures.find(({ layer }) => layer === kept[0]);
    expect(float?.bytes).toBeGreaterThan(4 * (quantized?.bytes ?? Infinity));
  });

  it('hybrid: goes by the weights without data, and says so', async () => {
    const { figures, notes } = await fillPlan(mnist, defaultPlan, w4, undefined);
    expect(figures.every(({ measured, sqnrDb }) => measured === 'weight' && (sqnrDb ?? 0) > 5)).toBe(true);
    expect(notes.join()).toMatch(/All figures are errors of the weights themselves/);
  });

  it('hybrid: counts the rounding of the input of static layers', async () => {
    const sqnr = async (scheme: 'w8' | 'w8a8') => {
      const { figures } = await fillPlan(residualBlock(), defaultPlan, { ...w4, format: { scheme } }, source);
      return figures.map((figure) => figure.sqnrDb ?? Infinity);
    };
    const [weights, both] = [await sqnr('w8'), await sqnr('w8a8')];
    both.forEach((db, i) => expect(db).toBeLessThan(weights[i] ?? 0));
    expect(Math.min(...both)).toBeGreaterThan(25);
  });

  it('selective: is nowhere worse than w4 per channel, fits, and can be saved', async () => {
    const { picks, figures } = await fillPlan(mnist, defaultPlan, { ...w4, preset: 'selective' }, digits);
    const plain = await fillPlan(
      mnist,
      defaultPlan,
      { preset: 'naive', format: { scheme: 'w4', granularity: 'channel', range: 'max', gain: false } },
      digits,
    );
    const total = (all: typeof figures): number => all.reduce((sum, { sqnrDb }) => sum + (sqnrDb ?? 0), 0);
    expect(total(figures)).toBeGreaterThan(total(plain.figures));
    const plan: Plan = { ...withPicks(defaultPlan, picks), defaultScheme: 'float' };
    expect(parsePlan(serializePlan(plan), 'plan')).toEqual(plan);
    const { layers } = await quantizeModel(mnist, plan, undefined);
    const weights = mnist.graph?.initializer ?? [];
    const sizes = weights.map(({ dims }) => dims.reduce((product, size) => product * size, 1));
    // The largest weight is most of the model: its scales and tables must fit in half a bit.
    const bytes = Math.max(...layers.map(({ bytesAfter }) => bytesAfter));
    expect(fitsBits(bytes - 4 * 128, Math.max(...sizes), 4)).toBe(true);
    expect(layers.every(({ bits }) => bits === 4)).toBe(true);
  });

  it('selective with 8 bits: prefers a static format that costs little', async () => {
    const request: PresetRequest = {
      preset: 'selective',
      format: { scheme: 'w8a8' },
      bits: 8,
      marginDb: 100,
    };
    const kept = await fillPlan(residualBlock(), defaultPlan, request, source);
    expect(kept.picks.map(({ format }) => format.scheme)).toEqual(['w8a8', 'w8a8', 'w8a8']);
    const left = await fillPlan(residualBlock(), defaultPlan, { ...request, marginDb: -100 }, source);
    expect(left.picks.some(({ format }) => format.scheme === 'w8a8')).toBe(false);
  });

  it.each([
    [{ bits: 4 }, false, /needs data/],
    [{ bits: 3 }, true, /4 to 8, not 3/],
    [{ bits: 4.5 }, true, /4 to 8, not 4.5/],
  ])('selective %j, data %s: is refused', async (options, hasData, message) => {
    const job = fillPlan(
      mnist,
      defaultPlan,
      { ...w4, preset: 'selective', ...options },
      hasData ? digits : undefined,
    );
    await expect(job).rejects.toThrow(InputError);
    await expect(job).rejects.toThrow(message);
  });

  it('judges depthwise layers by groups, and tables by their weights', async () => {
    const subject = makeModel(
      makeGraph({
        input: [makeValueInfo('x', DataType.FLOAT, [1, 4, 6, 6]), makeValueInfo('i', DataType.INT64, [3])],
        output: [makeValueInfo('y', DataType.FLOAT), makeValueInfo('e', DataType.FLOAT)],
        initializer: [
          floatTensor('w', normalNoise(36, 1), [4, 1, 3, 3]),
          floatTensor('table', normalNoise(640, 2), [40, 16]),
        ],
        node: [
          makeNode({
            opType: 'Conv',
            name: 'depthwise',
            input: ['x', 'w'],
            output: ['y'],
            attributes: { group: { int: 4 } },
          }),
          makeNode({ opType: 'Gather', name: 'embedding', input: ['table', 'i'], output: ['e'] }),
        ],
      }),
    );
    const slice = sliceOf(
      'calibrate',
      [0, 1].map((index) => ({
        index,
        feeds: {
          x: floats(normalNoise(144, index), [1, 4, 6, 6]),
          i: { type: 'int64' as const, dims: [3], data: BigInt64Array.of(1n, 5n, 7n) },
        },
      })),
    );
    for (const preset of ['hybrid', 'selective'] as const) {
      const { figures, notes } = await fillPlan(subject, defaultPlan, { ...w4, preset }, { runtime, slice });
      expect(figures.map(({ layer, measured }) => [layer, measured])).toEqual([
        ['depthwise', 'output'],
        ['embedding', 'weight'],
      ]);
      expect(notes.join()).toMatch(/figures of 1 of 2 layers are errors of the weights/);
    }
  });

  it('stops at any moment when cancelled', async () => {
    const random = uniform(9);
    for (let trial = 0; trial < 6; trial++) {
      const signal = { aborted: false };
      let runs = 0;
      const moment = 1 + Math.floor(random() * 40);
      const cancelling: Runtime = {
        version: 'cancelling',
        async openModel(opened, options) {
          const session = await runtime.openModel(opened, options);
          return {
            inputNames: session.inputNames,
            outputNames: session.outputNames,
            run(feeds, fetches) {
              signal.aborted ||= ++runs === moment;
              return session.run(feeds, fetches);
            },
            release: () => session.release(),
          };
        },
      };
      const request = { ...w4, preset: 'selective' } as const;
      const job = fillPlan(
        residualBlock(),
        defaultPlan,
        request,
        { ...source, runtime: cancelling },
        { signal },
      );
      await expect(job).rejects.toThrow(CancelledError);
      expect(runs).toBeLessThanOrEqual(moment + 1);
    }
  });
});

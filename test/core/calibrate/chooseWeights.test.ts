import { describe, expect, it } from 'vitest';
import type { WeightCandidate } from '../../../src/core/calibrate/chooseWeight';
import { chooseWeights, undecidedLayers } from '../../../src/core/calibrate/chooseWeights';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { contendersFor } from '../../../src/core/calibrate/weightContenders';
import { CancelledError } from '../../../src/core/errors';
import { derive } from '../../../src/core/onnx/origin';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import type { Runtime } from '../../../src/core/ports';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { uniform } from '../../support/random';
import { run, sqnr } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { image, residualBlock, samples } from '../rewrite/models';

const inputs = samples(image, 8).map((feeds, index) => ({ index, feeds }));
const slice = sliceOf('calibrate', inputs);
const source = { runtime, slice };
const w4: Plan = { ...defaultPlan, defaultScheme: 'w4' };

describe('undecidedLayers(model, plan)', () => {
  it('names those whose format leaves something to data', async () => {
    const plan: Plan = {
      ...w4,
      layers: { left: { scheme: 'w8' }, right: { scheme: 'w4', range: 'mse', gain: false } },
    };
    const { model } = await prepareFloat(residualBlock(), plan);
    expect(undecidedLayers(model, plan).map(({ name }) => name)).toEqual(['stem']);
  });
});

describe('chooseWeights', () => {
  it('is at least as good on the judging samples as any one candidate for all layers', async () => {
    const { model } = await prepareFloat(residualBlock(), w4);
    const { choices, notes } = await chooseWeights(model, w4, source);
    expect([...choices.keys()]).toEqual(['stem', 'left', 'right']);
    expect(notes.join()).toMatch(/Weights of 3 layers: .* dB/);
    const quality = async (weights: Parameters<typeof rewrite>[4]): Promise<number> => {
      const trial = (await rewrite(model, w4, new Map(), {}, weights)).model;
      const [expected, actual]: number[][] = [[], []];
      for (const { index, feeds } of inputs) {
        if (index % 2 === 0) continue;
        expected?.push(...((await run(model, feeds))['y'] ?? []));
        actual?.push(...((await run(trial, feeds, 'simulate'))['y'] ?? []));
      }
      return sqnr(expected ?? [], actual ?? []);
    };
    const chosen = await quality(choices);
    for (const rule of ['max', 'narrow', 'signed', 'mse'] as const) {
      for (const gain of [false, true]) {
        const all = new Map([...choices.keys()].map((name) => [name, { rule, gain }]));
        expect(chosen).toBeGreaterThanOrEqual((await quality(all)) - 0.01);
      }
    }
  });

  it('has nothing to say where nothing is open', async () => {
    const plan: Plan = { ...defaultPlan, defaultScheme: 'w8' };
    const { model } = await prepareFloat(residualBlock(), plan);
    const silent: Runtime = { version: '', openModel: () => Promise.reject(new Error('opened')) };
    expect(await chooseWeights(model, plan, { runtime: silent, slice })).toEqual({
      choices: new Map(),
      notes: [],
    });
  });

  it('stops at any moment when cancelled, and releases every session', async () => {
    const { model } = await prepareFloat(residualBlock(), w4);
    const random = uniform(5);
    for (let trial = 0; trial < 12; trial++) {
      const signal = { aborted: false };
      let runs = 0;
      let open = 0;
      const moment = 1 + Math.floor(random() * 60);
      const cancelling: Runtime = {
        version: 'cancelling',
        async openModel(opened, options) {
          const session = await runtime.openModel(opened, options);
          open++;
          return {
            inputNames: session.inputNames,
            outputNames: session.outputNames,
            run(feeds, fetches) {
              signal.aborted ||= ++runs === moment;
              return session.run(feeds, fetches);
            },
            release: () => (open--, session.release()),
          };
        },
      };
      const job = chooseWeights(model, w4, { runtime: cancelling, slice }, { signal });
      await expect(job).rejects.toThrow(CancelledError);
      expect(runs).toBeLessThanOrEqual(moment + 1);
      expect(open).toBe(0);
    }
  });
});

describe('quantizeModel with data and nothing static', () => {
  it('takes the choices, and says what it does', async () => {
    const told: string[] = [];
    const onProgress = (_done: number, _total: number, message: string) => told.push(message);
    const { layers, notes } = await quantizeModel(residualBlock(), w4, source, { onProgress });
    expect(told).toContain('Reading layer inputs: sample 3 of 8');
    expect(told).toContain('Choosing the range of left');
    expect(notes.some((note) => note.startsWith('Weights of 3 layers'))).toBe(true);
    const { model } = await prepareFloat(residualBlock(), w4);
    const { choices } = await chooseWeights(model, w4, source);
    expect(layers.map(({ name, range, gain }) => ({ name, rule: range, gain }))).toEqual(
      [...choices].map(([name, { rule, gain }]) => ({ name, rule, gain })),
    );
  });

  it('needs no data for what data would decide', async () => {
    const { layers } = await quantizeModel(residualBlock(), w4, undefined);
    expect(layers.map(({ range, gain }) => [range, gain])).toEqual(Array(3).fill(['max', false]));
  });

  it('works for codebooks', async () => {
    const subject = residualBlock();
    for (const scheme of ['lut16', 'pow2-15'] as const) {
      const plan: Plan = { ...defaultPlan, defaultScheme: scheme };
      const { model } = await quantizeModel(subject, plan, source);
      const feeds = inputs[0]?.feeds ?? {};
      const [y, z] = [(await run(subject, feeds))['y'], (await run(derive(model, {}), feeds))['y']];
      expect(sqnr(y ?? [], z ?? [])).toBeGreaterThan(scheme === 'lut16' ? 18 : 12);
    }
  });
});

describe('contendersFor(least, candidates)', () => {
  it('gives each candidate to every layer that has it; others keep their own', () => {
    const max = { rule: 'max', gain: false } as const;
    const mse = { rule: 'mse', gain: true } as const;
    const least = new Map<string, WeightCandidate>([
      ['a', mse],
      ['b', max],
    ]);
    const contenders = contendersFor(
      least,
      new Map<string, WeightCandidate[]>([
        ['a', [max, mse]],
        ['b', [max]],
      ]),
    );
    expect(contenders.map(({ description, choices }) => [description, [...choices.values()]])).toEqual([
      ['each by the error at its output', [mse, max]],
      ['plain everywhere', [max, max]],
      ['mse + gain everywhere', [mse, max]],
    ]);
  });
});

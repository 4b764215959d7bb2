/** Scans with compensated candidates measure what `quantizeModel` makes of each, one at a time. */
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/core/errors';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import type { Model } from '../../../src/core/onnx/types';
import { isStatic, onlyLayer } from '../../../src/core/plan/editPlan';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { recoveringAlone, withRecover } from '../../../src/core/plan/recover';
import type { Plan, RecoverStep } from '../../../src/core/plan/types';
import type { Runtime } from '../../../src/core/ports';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import type { Candidate } from '../../../src/core/results';
import { placeQuantization } from '../../../src/core/rewrite/placement';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { compareSample } from '../../../src/core/scan/sampleFigures';
import { scan, type ScanOptions } from '../../../src/core/scan/scan';
import { metricOf, summarize } from '../../../src/core/scan/summary';
import { trialPlan, unitOutput } from '../../../src/core/scan/unitOutput';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/modelFile';
import { uniform } from '../../support/random';
import { MemoryCache } from '../../support/memoryCache';
import { runtime } from '../../support/runtime';
import { samplesFromNpz, sliceOf } from '../../support/slices';
import { model, node, samples, weights } from '../rewrite/models';
import { formatIn } from './wholeTrial';

const sample = resolve(import.meta.dirname, '../../../samples/mnist');
const slices = {
  calibrate: sliceOf('calibrate', samplesFromNpz(`${sample}/calibration.npz`, 24)),
  scan: sliceOf('scan', samplesFromNpz(`${sample}/test.npz`, 16)),
};
const outputs = [{ name: 'logits', kind: 'logits', classAxis: 1 }] as const;

function planWith(...steps: RecoverStep[]): Plan {
  return recoveringAlone(withRecover({ ...defaultPlan, activationRange: 'max' }, steps));
}

/** The file that `quantize` writes for only this layer, in a session of its own. */
async function sensitivityOfFile(
  original: Model,
  plan: Plan,
  { layer, scheme }: Candidate,
  given: Pick<ScanOptions, 'outputs'> & { slices: typeof slices },
): Promise<number> {
  const format = formatIn(scheme);
  const all: Plan = { ...plan, defaultScheme: format.scheme };
  const index = indexGraph((await prepareFloat(original, all)).model);
  const placement = placeQuantization(index, all);
  // Where activations are quantized, with a pair on the output where all the layers together have one.
  const alone = isStatic(format.scheme)
    ? trialPlan(plan, layer, format, placement, unitOutput(index, placement, layer))
    : onlyLayer(plan, layer, format);
  const source = { runtime, slice: given.slices.calibrate };
  const { model: written } = await quantizeModel(original, alone, source);
  const float = await runtime.openModel(original, { optimization: 'simulate' });
  const trial = await runtime.openModel(written, { optimization: 'simulate' });
  const figures = [];
  for await (const { feeds } of given.slices.scan.samples()) {
    const compared = compareSample(given.outputs, await float.run(feeds), await trial.run(feeds));
    figures.push({ ...compared, local: null });
  }
  await float.release();
  await trial.release();
  return summarize(figures, metricOf(given.outputs)).sensitivity;
}

async function expectAsFiles(
  original: Model,
  plan: Plan,
  schemes: readonly string[],
  given: Pick<ScanOptions, 'outputs'> & { slices: typeof slices },
): Promise<void> {
  const { candidates } = await scan(runtime, original, plan, given.slices, { ...given, schemes });
  expect(candidates.length).toBeGreaterThan(0);
  for (const candidate of candidates) {
    const { layer, scheme, sensitivity, error } = candidate;
    expect(error, `${layer} ${scheme}`).toBeUndefined();
    const expected = await sensitivityOfFile(original, plan, candidate, given);
    const difference = Math.abs((sensitivity ?? NaN) - expected);
    expect(difference, `${layer} ${scheme}: ${expected}`).toBeLessThanOrEqual(
      Math.max(1e-9, (scheme === 'w8a8' ? 0.02 : 1e-3) * expected),
    );
  }
}

describe('a scan of a plan that recovers accuracy', () => {
  let opened: OpenedModel;
  beforeAll(async () => {
    opened = await openModelFile(`${sample}/mnist_cnn.onnx`);
  });
  afterAll(() => opened.close());

  it('measures the files that quantize would write, candidate by candidate', () =>
    expectAsFiles(
      opened.model,
      planWith('gptq', 'refit', 'bias'),
      ['w4', 'pow2-5', 'lut4,bias:lut8', 'fp16'],
      {
        outputs,
        slices,
      },
    ));

  // A bias moves ranges a little, which a scan takes as they are in the float model.
  it('measures layers that compute on integers, with the ranges of the float model', () =>
    expectAsFiles(opened.model, planWith('gptq'), ['w8a8'], { outputs, slices }));

  it('measures a bias that stands in the Add behind the layer', () => {
    const added = model(
      [
        node('MatMul', 'first', ['x', 'w'], ['a']),
        node('Add', 'bias', ['a', 'b'], ['c']),
        node('Relu', 'relu', ['c'], ['d']),
        node('MatMul', 'second', ['d', 'v'], ['y']),
      ],
      [weights('w', [8, 8], 1), weights('b', [8], 2), weights('v', [8, 4], 3)],
      [16, 8],
    );
    const all = samples([16, 8], 24).map((feeds, index) => ({ index, feeds }));
    const own = { calibrate: sliceOf('calibrate', all.slice(0, 16)), scan: sliceOf('scan', all.slice(16)) };
    return expectAsFiles(added, planWith('gptq', 'bias'), ['u2'], {
      outputs: [{ name: 'y', kind: 'values' }],
      slices: own,
    });
  });

  it('says which candidates are compensated, and that they hurt less than plain ones', async () => {
    const schemes = ['u2', 'fp16'];
    const plain = await scan(runtime, opened.model, defaultPlan, slices, { outputs, schemes });
    const told = await scan(runtime, opened.model, planWith('gptq', 'bias'), slices, { outputs, schemes });
    for (const { scheme, recover } of told.candidates) {
      expect(recover).toBe(scheme === 'fp16' ? undefined : 'gptq,bias');
    }
    expect(told.candidates.filter(({ scheme }) => scheme === 'fp16')).toEqual(
      plain.candidates.filter(({ scheme }) => scheme === 'fp16'),
    );
    const sum = (candidates: readonly Candidate[]): number =>
      candidates.reduce(
        (total, { scheme, sensitivity }) => total + (scheme === 'u2' ? (sensitivity ?? 0) : 0),
        0,
      );
    expect(sum(told.candidates)).toBeLessThan(0.8 * sum(plain.candidates));
  });

  it('computes no codes a second time, and tells compensated figures from others', async () => {
    const cache = new MemoryCache();
    const run = async (plan: Plan, schemes: readonly string[]) => {
      const messages: string[] = [];
      const result = await scan(
        runtime,
        opened.model,
        plan,
        slices,
        { outputs, schemes, cache },
        { onProgress: (_done, _total, message) => messages.push(message) },
      );
      return {
        result,
        chosen: messages.filter((message) => message.startsWith('Choosing the codes')).length,
      };
    };
    const plan = planWith('gptq');
    const first = await run(plan, ['u3']);
    expect(first.chosen).toBe(first.result.candidates.length);
    const again = await run(plan, ['u3']);
    expect(again.chosen).toBe(0);
    expect(again.result.trials).toBe(0);
    expect(again.result.candidates).toEqual(first.result.candidates);
    // Other steps, and none: none of these figures.
    const others = await run(planWith('gptq', 'bias'), ['u3']);
    const plain = await run(defaultPlan, ['u3']);
    for (const { result } of [others, plain]) expect(result.trials).toBe(first.result.trials);
    expect(plain.chosen).toBe(0);
    // A file of several of these layers takes the codes from the cache.
    const before = cache.entries.size;
    const all: Plan = { ...plan, defaultScheme: 'u3' };
    await quantizeModel(opened.model, all, { runtime, slice: slices.calibrate, cache });
    expect(cache.entries.size).toBe(before);
  });

  it('goes on where it was cancelled, to the same figures', async () => {
    const plan = planWith('gptq', 'bias');
    const schemes = ['u3', 'lut4'];
    const whole = await scan(runtime, opened.model, plan, slices, { outputs, schemes });
    const cache = new MemoryCache();
    const random = uniform(5);
    let stops = 0;
    for (let attempt = 0; attempt < 12; attempt++) {
      const signal = { aborted: false };
      const moment = attempt < 8 ? 40 + Math.floor(random() * 400) : Infinity;
      let runs = 0;
      const cancelling: Runtime = {
        version: runtime.version,
        async openModel(given, options) {
          const session = await runtime.openModel(given, options);
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
      try {
        const options = { outputs, schemes, cache };
        const result = await scan(cancelling, opened.model, plan, slices, options, { signal });
        if (result.partial) {
          stops++;
          continue;
        }
        expect(result.candidates).toEqual(whole.candidates);
        expect(stops).toBeGreaterThan(0);
        return;
      } catch (error) {
        expect(error).toBeInstanceOf(CancelledError);
        stops++;
      }
    }
    expect.unreachable('it never came to its end');
  });

  it('measures the other direction with the same codes', async () => {
    const options = { outputs, schemes: ['u2'], direction: 'allBut' } as const;
    const plain = await scan(runtime, opened.model, defaultPlan, slices, options);
    const made = await scan(runtime, opened.model, planWith('gptq', 'bias'), slices, options);
    const sum = (candidates: readonly Candidate[]): number =>
      candidates.reduce((total, { restoring }) => total + Math.abs(restoring ?? 0), 0);
    expect(made.candidates.every(({ restoring }) => typeof restoring === 'number')).toBe(true);
    expect(sum(made.candidates)).toBeLessThan(sum(plain.candidates));
  });
});

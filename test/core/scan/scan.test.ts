import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/core/errors';
import { floatTensor } from '../../../src/core/onnx/build';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Runtime } from '../../../src/core/ports';
import type { Candidate } from '../../../src/core/results';
import { scan } from '../../../src/core/scan/scan';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/modelFile';
import { runtime } from '../../support/runtime';
import { samplesFromNpz, sliceOf } from '../../support/slices';
import { conv, image, model as smallModel, node, samples as smallSamples, weights } from '../rewrite/models';

const sample = resolve(import.meta.dirname, '../../../samples/mnist');
const slices = {
  calibrate: sliceOf('calibrate', samplesFromNpz(`${sample}/calibration.npz`, 64)),
  scan: sliceOf('scan', samplesFromNpz(`${sample}/test.npz`, 32)),
};
const logits = [{ name: 'logits', kind: 'logits', classAxis: 1 }] as const;
const values = [{ name: 'logits', kind: 'values' }] as const;
const plan = { ...defaultPlan, activationRange: 'max' as const };
const layers = ['node_conv2d', 'node_conv2d_1', 'node_conv2d_2', 'node_linear', 'node_linear_1'];

describe('scan(runtime, model, plan, slices, options)', () => {
  let opened: OpenedModel;
  beforeAll(async () => {
    opened = await openModelFile(`${sample}/mnist_cnn.onnx`);
  });
  afterAll(() => opened.close());

  it('measures every layer alone: finite, positive, and as said on the way', async () => {
    const told: Candidate[] = [];
    const kinds: unknown[] = [];
    const result = await scan(runtime, opened.model, plan, slices, {
      outputs: logits,
      schemes: ['w8a8'],
      onCandidate: (candidate, measured) => {
        told.push(candidate);
        kinds.push(measured);
      },
    });
    expect(result).toMatchObject({ metric: 'kl', slice: 'scan', samples: 32, partial: false });
    expect(result.candidates.map(({ layer }) => layer)).toEqual(layers);
    expect(new Set(told)).toEqual(new Set(result.candidates));
    expect(result.trials).toBe(layers.length * 32);
    expect(kinds).toEqual(layers.map(() => ({ metric: 'kl', samples: 32 })));
    for (const { sensitivity, localSqnrDb, bytes, error } of result.candidates) {
      expect(error).toBeUndefined();
      expect(sensitivity).toBeGreaterThan(1e-8);
      expect(sensitivity).toBeLessThan(0.01);
      expect(localSqnrDb).toBeGreaterThan(25);
      expect(localSqnrDb).toBeLessThan(60);
      expect(bytes).toBeGreaterThan(0);
    }
    expect(result.seconds).toBeGreaterThan(result.floatPassSeconds);
    // The images alone, and what is inside the model.
    expect(result.keptBytes).toBeGreaterThan(32 * 28 * 28 * 4);
  });

  it('measures layers whose weights only preparing uncovers, as it would quantize them', async () => {
    const original = smallModel(
      [
        node('Transpose', 'turn', ['stored'], ['w'], { perm: { ints: [3, 2, 0, 1] } }),
        conv('first', ['x', 'w'], 'mid'),
        conv('second', ['mid', 'v'], 'y', 1),
      ],
      [weights('stored', [3, 3, 3, 4]), weights('v', [2, 4, 1, 1])],
      image,
    );
    const feeds = smallSamples(image).map((each, index) => ({ index, feeds: each }));
    const both = { calibrate: sliceOf('calibrate', feeds), scan: sliceOf('scan', feeds) };
    const { candidates } = await scan(runtime, original, plan, both, {
      schemes: ['w8a8'],
      outputs: [{ name: 'y', kind: 'values' }],
    });
    expect(candidates.map(({ layer, error }) => [layer, error])).toEqual([
      ['first', undefined],
      ['second', undefined],
    ]);
  });

  it('rounds the output of a Gemm where all layers together would', async () => {
    const gemms = (last: string) =>
      smallModel(
        [node('Gemm', 'first', ['x', 'w'], ['mid']), node('Gemm', 'second', [last, 'v'], ['y'])],
        [weights('w', [8, 8]), weights('v', [8, 4], 2)],
        [5, 8],
        ['y', 'mid'],
      );
    const feeds = smallSamples([5, 8]).map((each, index) => ({ index, feeds: each }));
    const both = { calibrate: sliceOf('calibrate', feeds), scan: sliceOf('scan', feeds) };
    const options = { outputs: [{ name: 'mid', kind: 'values' }], layers: ['first', 'second'] } as const;
    const [chained, apart] = await Promise.all(
      ['mid', 'x'].map(async (last) => {
        const { candidates } = await scan(runtime, gemms(last), plan, both, options);
        return candidates.map(({ localSqnrDb }) => localSqnrDb ?? NaN);
      }),
    );
    // With the rounding of its output, the first layer's figure is lower; the last one has none in either model.
    expect(chained?.[0]).toBeLessThan((apart?.[0] ?? NaN) - 0.1);
  });

  it('counts NMSE for outputs that are values, and a coarse range hurts more', async () => {
    const options = { outputs: values, layers: ['node_linear'], schemes: ['w8a8'] };
    const fine = await scan(runtime, opened.model, plan, slices, options);
    const coarse = await scan(
      runtime,
      opened.model,
      { ...plan, activationRange: 'percentile:80' },
      slices,
      options,
    );
    expect(fine.metric).toBe('nmse');
    expect(coarse.candidates[0]?.sensitivity).toBeGreaterThan(10 * (fine.candidates[0]?.sensitivity ?? 1));
    expect(coarse.candidates[0]?.localSqnrDb).toBeLessThan(fine.candidates[0]?.localSqnrDb ?? 0);
  });

  it('goes on after a layer that fails, with its reason', async () => {
    const failing: Runtime = {
      version: 'failing',
      async openModel(model, options) {
        const isTrial = model.graph?.node.some(({ opType }) => opType === 'QuantizeLinear') ?? false;
        const isFirst = model.graph?.input[0]?.name === 'input';
        if (isTrial && isFirst) throw new Error('no kernel');
        return runtime.openModel(model, options);
      },
    };
    const { candidates, partial } = await scan(failing, opened.model, plan, slices, {
      outputs: logits,
      layers: ['node_conv2d', 'node_linear_1', 'nowhere'],
      schemes: ['w8a8', 'w8'],
    });
    expect(partial).toBe(false);
    expect(candidates.map(({ layer, scheme }) => `${layer} ${scheme}`)).toEqual([
      'node_conv2d w8a8',
      'node_conv2d w8',
      'node_linear_1 w8a8',
      'node_linear_1 w8',
      'nowhere w8a8',
      'nowhere w8',
    ]);
    expect(candidates[0]).toMatchObject({ sensitivity: null, localSqnrDb: null, error: 'no kernel' });
    for (const at of [1, 2, 3]) expect(candidates[at]?.sensitivity).toBeGreaterThan(0);
    expect(candidates[4]).toMatchObject({ layer: 'nowhere', sensitivity: null });
    expect(candidates[4]?.error).toBeTruthy();
  });

  it('guesses first, then measures the most promising layer first, each candidate announced', async () => {
    const events: string[] = [];
    const schemes = ['w8', 'w4'];
    const guesses = new Map<string, number>();
    await scan(runtime, opened.model, plan, slices, {
      outputs: logits,
      schemes,
      onProvisional: ({ layer, scheme, sensitivity, provisional }) => {
        expect(provisional).toBe(true);
        guesses.set(`${layer} ${scheme}`, sensitivity ?? NaN);
        events.push('guess');
      },
      onStart: ({ layer, scheme }) => events.push(`start ${layer} ${scheme}`),
      onCandidate: ({ layer, scheme }) => events.push(`done ${layer} ${scheme}`),
    });
    expect(events.slice(0, 10)).toEqual(Array(10).fill('guess'));
    for (const layer of layers) {
      const [eight = NaN, four = NaN] = schemes.map((scheme) => guesses.get(`${layer} ${scheme}`));
      // Four bits fewer: steps about 16 times as wide.
      expect(four / eight).toBeGreaterThan(100);
    }
    const measured = events.slice(10);
    expect(measured).toHaveLength(20);
    for (let at = 0; at < 20; at += 2) {
      expect(measured[at]?.replace('start', 'done')).toBe(measured[at + 1]);
    }
    // By far the most parameters.
    expect(measured[0]).toBe('start node_linear w8');
  });

  it('takes known candidates of the same samples as they are', async () => {
    const options = { outputs: logits, layers: ['node_linear', 'node_linear_1'], schemes: ['w8', 'w4'] };
    const whole = await scan(runtime, opened.model, plan, slices, options);
    const [first] = whole.candidates;
    if (!first) throw new Error('nothing measured');
    const given: Candidate[] = [
      { ...first, sensitivity: 42 },
      {
        layer: 'node_linear',
        scheme: 'w4',
        sensitivity: null,
        localSqnrDb: null,
        bytes: 0,
        error: 'crashed',
      },
      { ...first, layer: 'node_linear_1', trials: 3 },
    ];
    const { candidates, trials } = await scan(runtime, opened.model, plan, slices, {
      ...options,
      known: given,
    });
    expect(candidates.slice(0, 2)).toEqual(given.slice(0, 2));
    expect(candidates.slice(2)).toEqual(whole.candidates.slice(2));
    expect(trials).toBe(2 * 32);
  });

  it('reports agreement, SQNR and accuracy, and ranks by the metric asked for', async () => {
    const options = { outputs: logits, layers: ['node_conv2d_1'], schemes: ['lut2'] };
    const run = async (metric: 'kl' | 'nmse' | 'sqnr' | 'accuracy') => {
      const { candidates } = await scan(runtime, opened.model, plan, slices, { ...options, metric });
      return candidates[0];
    };
    const kl = await run('kl');
    expect(kl?.agreement).toBeGreaterThan(0.2);
    expect(kl?.agreement).toBeLessThan(1);
    expect(kl?.accuracy).toBeGreaterThan(0.2);
    expect(kl?.trials).toBe(32);
    expect(kl?.standardError).toBeGreaterThan(0);
    expect((await run('sqnr'))?.sensitivity).toBeCloseTo(-(kl?.sqnrDb ?? NaN), 9);
    expect((await run('nmse'))?.sensitivity).toBeCloseTo(10 ** (-(kl?.sqnrDb ?? NaN) / 10), 9);
    const lost = (await run('accuracy'))?.sensitivity ?? NaN;
    expect(lost + (kl?.accuracy ?? NaN)).toBeGreaterThan(0.9);
    await expect(
      scan(runtime, opened.model, plan, slices, { outputs: values, metric: 'kl', schemes: ['w8'] }),
    ).rejects.toThrow(/kl needs an output with classes/);
    await expect(
      scan(runtime, opened.model, plan, slices, { outputs: logits, schemes: ['float'] }),
    ).rejects.toThrow(/cannot try "float"/);
  });

  it('measures what restoring a layer gains, and marks disagreement', async () => {
    const { candidates } = await scan(runtime, opened.model, plan, slices, {
      outputs: logits,
      schemes: ['w8', 'lut2'],
      direction: 'allBut',
    });
    for (const { scheme, restoring, interaction, sensitivity } of candidates) {
      expect(typeof restoring).toBe('number');
      if (scheme === 'lut2' && interaction) {
        const [a, b] = [restoring ?? NaN, sensitivity ?? NaN];
        expect(Math.max(a, b) / Math.max(1e-12, Math.min(a, b))).toBeGreaterThan(4);
      }
    }
    // One bit a weight breaks the model: layers no longer add up.
    expect(candidates.some(({ scheme, interaction }) => scheme === 'lut2' && interaction)).toBe(true);
  });

  it('is not complete when cancelled while layers are restored, and goes on from there', async () => {
    const options = { outputs: logits, layers: layers.slice(3), schemes: ['w8'] };
    const signal = { aborted: false };
    const stopping = (candidate: Candidate) => (signal.aborted = candidate.restoring !== undefined);
    const cancelled = await scan(
      runtime,
      opened.model,
      plan,
      slices,
      { ...options, direction: 'allBut', onCandidate: stopping },
      { signal },
    );
    expect(cancelled.partial).toBe(true);
    expect(cancelled.candidates.map(({ restoring }) => typeof restoring)).toEqual(['number', 'undefined']);
    const again: string[] = [];
    const { candidates, partial } = await scan(runtime, opened.model, plan, slices, {
      ...options,
      direction: 'allBut',
      known: cancelled.candidates,
      onCandidate: ({ layer }) => again.push(layer),
    });
    expect([partial, again]).toEqual([false, ['node_linear_1']]);
    expect(candidates[0]).toEqual(cancelled.candidates[0]);
    const done = { ...options, direction: 'allBut', known: candidates } as const;
    expect(await scan(runtime, opened.model, plan, slices, done)).toMatchObject({
      partial: false,
      candidates,
      floatPassSeconds: 0,
    });
  });

  it('goes on with the other formats where all layers in one give nothing finite', async () => {
    const dims = [1, 2, 2, 2];
    const growing = floatTensor('w', Float32Array.of(2, 0, 0, 1.51), [2, 2, 1, 1]);
    const subject = smallModel(
      [conv('one', ['x', 'w'], 'h', 1), node('Relu', 'relu', ['h'], ['a']), conv('two', ['a', 'v'], 'y', 1)],
      [growing, { ...growing, name: 'v' }],
      dims,
    );
    const data = Float32Array.of(1, 1, 1, 1, 1.1e38, 1.1e38, 1e38, 1e38);
    const samplesFrom = (first: number, count: number) =>
      Array.from({ length: count }, (_, at) => ({
        index: first + at,
        feeds: { x: { type: 'float32' as const, dims, data } },
      }));
    const { candidates } = await scan(
      runtime,
      subject,
      plan,
      { calibrate: sliceOf('calibrate', samplesFrom(0, 4)), scan: sliceOf('scan', samplesFrom(4, 2)) },
      {
        outputs: [{ name: 'y', kind: 'values' }],
        metric: 'nmse',
        schemes: ['pow2-5,tensor,no-gain', 'w8'],
        direction: 'allBut',
      },
    );
    const restored = candidates.map(({ layer, scheme, restoring }) => [layer, scheme, restoring === null]);
    expect(restored).toEqual([
      ['one', 'pow2-5,tensor,no-gain', true],
      ['one', 'w8', false],
      ['two', 'pow2-5,tensor,no-gain', true],
      ['two', 'w8', false],
    ]);
  });

  it('gives what it has when cancelled, or nothing when there is nothing', async () => {
    const signal = { aborted: false };
    const options = { outputs: logits, schemes: ['w8a8'], onCandidate: () => (signal.aborted = true) };
    const { candidates, partial } = await scan(runtime, opened.model, plan, slices, options, { signal });
    expect([candidates.length, partial]).toEqual([1, true]);
    await expect(scan(runtime, opened.model, plan, slices, options, { signal })).rejects.toThrow(
      CancelledError,
    );
  });
});

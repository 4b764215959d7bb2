import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/core/errors';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Runtime } from '../../../src/core/ports';
import type { Candidate } from '../../../src/core/results';
import { scan } from '../../../src/core/scan/scan';
import { metricOf, Sensitivity } from '../../../src/core/scan/sensitivity';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/modelFile';
import { runtime } from '../../support/runtime';
import { floats, samplesFromNpz, sliceOf } from '../../support/slices';
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
      onCandidate: (candidate, measured) => {
        told.push(candidate);
        kinds.push(measured);
      },
    });
    expect(result).toMatchObject({ metric: 'kl', slice: 'scan', samples: 32, partial: false });
    expect(result.candidates.map(({ layer }) => layer)).toEqual(layers);
    expect(told).toEqual(result.candidates);
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
    const options = { outputs: values, layers: ['node_linear'] };
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
    let trials = 0;
    const failing: Runtime = {
      version: 'failing',
      async openModel(model, options) {
        // The float pass comes first, then one trial per layer.
        if (options.optimization === 'simulate' && ++trials === 2) throw new Error('no kernel');
        return runtime.openModel(model, options);
      },
    };
    const { candidates, partial } = await scan(failing, opened.model, plan, slices, {
      outputs: logits,
      layers: ['node_conv2d', 'node_linear_1', 'nowhere'],
    });
    expect(partial).toBe(false);
    expect(candidates[0]).toMatchObject({ sensitivity: null, localSqnrDb: null, error: 'no kernel' });
    expect(candidates[1]?.sensitivity).toBeGreaterThan(0);
    expect(candidates[2]).toMatchObject({ layer: 'nowhere', sensitivity: null });
    expect(candidates[2]?.error).toBeTruthy();
  });

  it('gives what it has when cancelled, or nothing when there is nothing', async () => {
    const signal = { aborted: false };
    const options = { outputs: logits, onCandidate: () => (signal.aborted = true) };
    const { candidates, partial } = await scan(runtime, opened.model, plan, slices, options, { signal });
    expect([candidates.length, partial]).toEqual([1, true]);
    await expect(scan(runtime, opened.model, plan, slices, options, { signal })).rejects.toThrow(
      CancelledError,
    );
  });
});

describe('Sensitivity', () => {
  it('adds KL over class outputs (mean over samples) and NMSE over the others', () => {
    const outputs = [
      { name: 'p', kind: 'probabilities', classAxis: 1 },
      { name: 'v', kind: 'values' },
    ] as const;
    expect(metricOf(outputs)).toBe('kl');
    const sensitivity = new Sensitivity(outputs);
    const reference = { p: floats([0.75, 0.25], [1, 2]), v: floats([3, 4], [2]) };
    sensitivity.add(reference, { p: floats([0.5, 0.5], [1, 2]), v: floats([3, 4.5], [2]) });
    sensitivity.add(reference, reference);
    const kl = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(sensitivity.value).toBeCloseTo(kl / 2 + 0.25 / 50, 6);
  });

  it('refuses an output that is not finite or missing', () => {
    const sensitivity = new Sensitivity(logits);
    const reference = { logits: floats([1, 2], [1, 2]) };
    expect(() => sensitivity.add(reference, { logits: floats([NaN, 2], [1, 2]) })).toThrow(/"logits" is NaN/);
    expect(() => sensitivity.add(reference, {})).toThrow(/no output "logits"/);
  });
});

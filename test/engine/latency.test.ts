import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { CancelledError } from '../../src/core/errors';
import { layerTimes } from '../../src/core/latency/layerTimes';
import { measureLatency } from '../../src/core/latency/measureLatency';
import { defaultPlan } from '../../src/core/plan/planFile';
import type { Runtime } from '../../src/core/ports';
import { rewrite } from '../../src/core/rewrite/rewrite';
import { activationsToCalibrate } from '../../src/core/rewrite/prepare';
import { scanFormats } from '../../src/core/scan/formats';
import { prepareScan } from '../../src/core/scan/prepareScan';
import { requireProfiles } from '../../src/core/search/planLatency';
import { schemeTimes } from '../../src/core/search/schemeTimes';
import { withFormats } from '../../src/core/plan/layerFormats';
import { openModelFile } from '../../src/engine/files/modelFile';
import { RuntimeFailure } from '../../src/engine/engineErrors';
import { runtime } from '../support/runtime';
import { samplesFromNpz, sliceOf } from '../support/slices';

const folder = join(import.meta.dirname, '../../samples/mnist');
const opened = await openModelFile(join(folder, 'mnist_cnn.onnx'));
afterAll(() => opened.close());
const [sample] = samplesFromNpz(join(folder, 'test.npz'), 1);
const feeds = sample?.feeds ?? {};
const texts = ['w8a8', 'w4,block:32', 'lut16'];
const ready = await prepareScan(opened.model, defaultPlan, scanFormats(texts));
const { names } = ready;
const every = [...ready.every.values()].map(({ plan }) => plan);
const values = every.flatMap((plan) => activationsToCalibrate(ready.prepared, plan, { trials: true }));
// Any range does: no kernel takes longer for other numbers.
const ranges = new Map(values.map((name) => [name, { min: -4, max: 8 }]));
const allIn = (text: string) => Object.fromEntries(names.map((name) => [name, text]));

function measured(parts: Partial<Parameters<typeof measureLatency>[1]> = {}, by: Runtime = runtime) {
  const request = {
    model: opened.model,
    prepared: ready.index.model,
    ranges,
    plan: defaultPlan,
    names,
    texts,
    canHave: () => true,
    feeds,
    dimensions: {},
    ...parts,
  };
  return measureLatency(by, request);
}

describe('measured latency', () => {
  it(
    'finds a positive time for every layer of the sample, float and quantized',
    { timeout: 60_000 },
    async () => {
      for (const text of ['float', ...texts]) {
        const { model } = await rewrite(ready.index.model, withFormats(defaultPlan, allIn(text)), ranges);
        const kernels = await runtime.profile(model, feeds, 5);
        const times = layerTimes(kernels, model, new Set(names), 1, text === 'w8a8');
        expect([...times.keys()].sort()).toEqual([...names].sort());
        for (const { milliseconds } of times.values()) expect(milliseconds).toBeGreaterThan(0);
      }
    },
  );

  it('tells that 4-bit weights run slower than float, and tables as fast', { timeout: 120_000 }, async () => {
    const latency = await measured();
    if (!latency) throw new Error('the runtime has profiles');
    const { floatMs } = latency;
    expect(floatMs).toBeGreaterThan(0);
    expect(latency.foretold(allIn('float'))).toBe(floatMs);
    // About eight times on a quiet machine: each run makes floats of the weights.
    expect(latency.foretold(allIn('w4,block:32'))).toBeGreaterThan(2 * floatMs);
    expect(latency.foretold(allIn('lut16')) ?? NaN).toBeLessThan(2 * floatMs);
    for (const text of texts) {
      for (const name of names) expect(latency.additiveMs(name, text)).not.toBeNull();
    }
  });

  it('leaves out formats that do not run, and layers that cannot have one', { timeout: 60_000 }, async () => {
    const failing: Runtime = {
      version: runtime.version,
      openModel: (model, options) => runtime.openModel(model, options),
      profile: async (model, ...rest) => {
        const isQuantized = model.graph?.node.some(({ opType }) => opType === 'QuantizeLinear');
        if (isQuantized) throw new RuntimeFailure('No.');
        return runtime.profile(model, ...rest);
      },
    };
    const latency = await measured(
      { texts: ['w8a8', 'w8'], canHave: (layer) => layer !== 'node_linear' },
      failing,
    );
    expect(latency?.additiveMs('node_conv2d', 'w8a8')).toBeNull();
    expect(latency?.additiveMs('node_conv2d', 'w8')).not.toBeNull();
    expect(latency?.additiveMs('node_linear', 'w8')).toBeNull();
  });

  it('is refused by a runtime without profiles', async () => {
    const blind: Runtime = { version: 'blind', openModel: () => Promise.reject(new Error('not called')) };
    expect(await measured({}, blind)).toBeUndefined();
    expect(() => requireProfiles(blind, 'latency')).toThrow(/cannot be measured with this runtime/);
    expect(() => requireProfiles(blind, 'bytes')).not.toThrow();
  });

  it('leaves no files behind, whether it ends, fails or is cancelled', { timeout: 60_000 }, async () => {
    // A folder of its own: tests that run beside this one put theirs where it is usual.
    const temporary = mkdtempSync(join(tmpdir(), 'latency-test-'));
    for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, temporary);
    try {
      await runtime.profile(opened.model, feeds, 2);
      await expect(runtime.profile(opened.model, {}, 2)).rejects.toThrow(RuntimeFailure);
      const signal = { aborted: true };
      await expect(runtime.profile(opened.model, feeds, 2, { signal })).rejects.toThrow(CancelledError);
      expect(readdirSync(temporary)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      rmSync(temporary, { recursive: true });
    }
  });
});

describe('schemeTimes(runtime, model, plan, slice)', () => {
  it('tells every layer of the sample in each scheme', { timeout: 60_000 }, async () => {
    const slice = sliceOf('scan', samplesFromNpz(join(folder, 'test.npz'), 6));
    const found = await schemeTimes(runtime, opened.model, defaultPlan, slice, { schemes: texts });
    expect(Object.keys(found.layers)).toEqual(names);
    expect(found.modelMs).toBeGreaterThan(0);
    for (const { floatMs, extraMs } of Object.values(found.layers)) {
      expect(floatMs).toBeGreaterThan(0);
      expect(Object.keys(extraMs)).toEqual(texts);
    }
    // The float layers make up the float model, but for rows that are no layers.
    const sum = Object.values(found.layers).reduce((total, { floatMs }) => total + (floatMs ?? 0), 0);
    expect(sum).toBeLessThanOrEqual(found.modelMs * 1.001);
  });
});

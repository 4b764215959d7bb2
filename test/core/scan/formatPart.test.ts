/** Weights and activations measured apart, against arithmetic done here. */
import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import { MemorySink } from '../../../src/core/onnx/memory';
import type { Model } from '../../../src/core/onnx/types';
import { modelSize, writeModel } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Feeds, ResultCache, Sample } from '../../../src/core/ports';
import type { Candidate, ScanPart } from '../../../src/core/results';
import { scan } from '../../../src/core/scan/scan';
import { RoundableModel } from '../../oracles/roundedModel';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { conv, image, model, node, residualBlock, samples, weights } from '../rewrite/models';

const plan = { ...defaultPlan, activationRange: 'max' as const };
const outputs = [{ name: 'y', kind: 'values' }] as const;
const all = samples(image, 12).map((feeds, index) => ({ index, feeds }));
const slices = {
  calibrate: sliceOf('calibrate', all.slice(0, 6)),
  scan: sliceOf('scan', all.slice(6)),
};

async function measured(
  original: Model,
  part: ScanPart | undefined,
  more: { schemes?: readonly string[]; layers?: readonly string[]; cache?: ResultCache } = {},
): Promise<{ candidates: Candidate[]; trials: number }> {
  const options = { schemes: ['w8a8'], outputs, ...more, ...(part && { part }) };
  return scan(runtime, original, plan, slices, options);
}

async function outputOf(whole: Model, feeds: readonly Feeds[]): Promise<Float32Array[]> {
  const session = await runtime.openModel(whole, { optimization: 'simulate' });
  const results: Float32Array[] = [];
  for (const each of feeds) results.push((await session.run(each))['y']?.data as Float32Array);
  await session.release();
  return results;
}

const feedsOf = (from: readonly Sample[]): Feeds[] => from.map(({ feeds }) => feeds);

function noiseOverSignal(float: readonly Float32Array[], trial: readonly Float32Array[]): number {
  let [noise, signal] = [0, 0];
  float.forEach((values, sample) =>
    values.forEach((value, at) => {
      noise += (value - (trial[sample]?.[at] ?? NaN)) ** 2;
      signal += value ** 2;
    }),
  );
  return noise / signal;
}

/** Rounds to 256 levels over the extremes that `seen` has, zero among them. */
function rounding(seen: readonly Float32Array[]): (values: Float32Array) => Float32Array {
  const min = Math.min(0, ...seen.map((values) => Math.min(...values)));
  const max = Math.max(0, ...seen.map((values) => Math.max(...values)));
  const scale = Math.fround((max - min) / 255);
  const zero = Math.round(-min / scale);
  return (values) =>
    values.map((value) => (Math.min(255, Math.max(0, Math.round(value / scale) + zero)) - zero) * scale);
}

async function bytesOf(original: Model): Promise<Uint8Array> {
  const sink = new MemorySink(await modelSize(original));
  await writeModel(original, sink);
  return sink.bytes();
}

const biased = model(
  [conv('only', ['x', 'w', 'b'], 'y')],
  [weights('w', [4, 3, 3, 3]), floatTensor('b', [0.1, -0.2, 0.3, -0.4])],
  image,
);

describe('scan({ part })', () => {
  it('rounds only what the layer reads and gives', async () => {
    const { candidates } = await measured(biased, 'activations');
    const [calibrate, scanned] = [feedsOf(all.slice(0, 6)), feedsOf(all.slice(6))];
    const input = rounding(calibrate.map(({ x }) => x?.data as Float32Array));
    const output = rounding(await outputOf(biased, calibrate));
    const rounded = scanned.map(({ x }): Feeds => {
      if (!x) throw new Error('no input');
      return { x: { type: 'float32', dims: x.dims, data: input(x.data as Float32Array) } };
    });
    const float = await outputOf(biased, scanned);
    const expected = noiseOverSignal(float, (await outputOf(biased, rounded)).map(output));
    expect(candidates).toHaveLength(1);
    expect(candidates[0]).toMatchObject({ layer: 'only', scheme: 'w8a8', part: 'activations' });
    expect((candidates[0]?.sensitivity ?? NaN) / expected).toBeCloseTo(1, 3);
    // The weight is as it was.
    expect(candidates[0]?.bytes).toBe(4 * (4 * 3 * 9 + 4));
  });

  it('rounds only weight and bias', async () => {
    const unbiased = model([conv('only', ['x', 'w'], 'y')], [weights('w', [4, 3, 3, 3])], image);
    const { candidates } = await measured(unbiased, 'weights');
    const scanned = feedsOf(all.slice(6));
    const changed = new RoundableModel(await bytesOf(unbiased)).weightOf('only', 'w8');
    const other = model([conv('only', ['x', 'w'], 'y')], [floatTensor('w', changed, [4, 3, 3, 3])], image);
    const expected = noiseOverSignal(await outputOf(unbiased, scanned), await outputOf(other, scanned));
    expect(candidates[0]).toMatchObject({ scheme: 'w8a8', part: 'weights' });
    expect((candidates[0]?.sensitivity ?? NaN) / expected).toBeCloseTo(1, 3);
  });

  it.each([residualBlock(), biased])(
    'has parts whose noise adds up to about that of the whole',
    async (whole) => {
      const [both, first, second] = await Promise.all([
        measured(whole, undefined),
        measured(whole, 'weights'),
        measured(whole, 'activations'),
      ]);
      for (const [at, { sensitivity, part }] of both.candidates.entries()) {
        expect(part).toBeUndefined();
        const parts = [first, second].map(({ candidates }) => candidates[at]?.sensitivity ?? NaN);
        for (const each of parts) expect(each).toBeGreaterThan(0);
        const sum = parts.reduce((a, b) => a + b, 0);
        expect((sensitivity ?? NaN) / sum).toBeGreaterThan(0.6);
        expect((sensitivity ?? NaN) / sum).toBeLessThan(1.6);
      }
    },
  );

  it('says where no activation is quantized', async () => {
    const transposed = model(
      [
        node('ConvTranspose', 'up', ['x', 'v'], ['a'], {
          strides: { ints: [2, 2] },
          kernel_shape: { ints: [2, 2] },
        }),
        conv('last', ['a', 'u'], 'y', 1),
      ],
      [weights('v', [3, 4, 2, 2]), weights('u', [2, 4, 1, 1])],
      image,
    );
    const { candidates } = await measured(transposed, 'activations');
    expect(candidates.map(({ layer, error }) => [layer, error])).toEqual([
      ['up', 'The activations of up stay float in this format.'],
      ['last', undefined],
    ]);
    const { candidates: stored } = await measured(transposed, 'weights');
    expect(stored.map(({ error }) => error)).toEqual([undefined, undefined]);
  });

  it('keeps parts apart in a cache, and gives whole formats to those that have no other part', async () => {
    const entries = new Map<string, unknown>();
    const cache: ResultCache = {
      model: 'biased',
      identify: ({ index }) => String(index),
      get: async (key) => entries.get(key),
      put: async (key, value) => void entries.set(key, value),
    };
    const more = { cache, schemes: ['w8a8', 'w4'] };
    const both = await measured(biased, undefined, more);
    const stored = await measured(biased, 'weights', more);
    const again = await measured(biased, 'weights', more);
    expect([both.trials, stored.trials, again.trials]).toEqual([12, 6, 0]);
    expect(stored.candidates.map(({ scheme, part }) => [scheme, part])).toEqual([
      ['w8a8', 'weights'],
      ['w4', undefined],
    ]);
    expect(again.candidates).toEqual(stored.candidates);
    expect(stored.candidates[0]?.sensitivity).not.toBe(both.candidates[0]?.sensitivity);
    expect(stored.candidates[1]).toEqual(both.candidates[1]);
  });

  it('refuses what has no meaning', async () => {
    await expect(measured(biased, 'activations', { schemes: ['w8a8', 'lut16'] })).rejects.toThrow(
      /lut16 quantizes no activations/,
    );
    await expect(
      scan(runtime, biased, plan, slices, { outputs, part: 'weights', direction: 'allBut' }),
    ).rejects.toThrow(/layer by layer/);
  });
});

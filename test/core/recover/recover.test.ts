import { describe, expect, it } from 'vitest';
import { CancelledError, InputError } from '../../../src/core/errors';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Plan } from '../../../src/core/plan/types';
import type { Runtime } from '../../../src/core/ports';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { recover } from '../../../src/core/recover/recover';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { MemoryCache } from '../../support/memoryCache';
import { uniform } from '../../support/random';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { conv, image, model, node, residualBlock, samples, weights } from '../rewrite/models';
import { inputs, planFor, quality, slice } from './smoothImages';

/** Codes, factors and biases: all that goes into the file. */
async function outcome(plan: Plan, source: Parameters<typeof recover>[2], signal = { aborted: false }) {
  const { model } = await prepareFloat(residualBlock(), plan);
  const recovered = await recover(model, plan, source, { signal });
  const { model: written } = await rewrite(recovered.model, plan, new Map(), {}, recovered.choices);
  const tensors: Record<string, number[]> = {};
  for (const { name, rawData } of written.graph?.initializer ?? []) {
    if (rawData) tensors[name] = [...(await rawData.read())];
  }
  return { tensors, layers: recovered.result.layers };
}

describe('recover', () => {
  it.each([
    ['w4', ['gptq'], 1],
    ['w4', ['gptq', 'descent', 'refit', 'bias'], 1],
    ['u3', ['gptq', 'bias'], 1],
    ['lut8', ['gptq', 'bias'], 0.1],
    ['pow2-15', ['inq', 'refit', 'bias'], 1],
    ['pow2-5', ['inq'], 1],
  ] as const)('%s with %j brings the output of unseen samples nearer', async (scheme, steps, decibels) => {
    const plain = await quality(planFor(scheme));
    expect(await quality(planFor(scheme, ...steps))).toBeGreaterThan(plain + decibels);
  });

  it('tells of every layer what was tried and what it did', async () => {
    const plan = planFor('w4', 'gptq', 'refit', 'bias');
    const { model } = await prepareFloat(residualBlock(), plan);
    const told: string[] = [];
    const { result, notes } = await recover(
      model,
      plan,
      { runtime, slice },
      { onProgress: (_done, _total, message) => told.push(message) },
    );
    expect(result.samples).toEqual({ fit: 21, judge: 3, heldOut: true });
    expect(result.layers.map(({ name }) => name)).toEqual(['stem', 'left', 'right']);
    for (const { tried, beforeDb, afterDb } of result.layers) {
      expect(tried.map(({ step }) => step)).toEqual(['gptq', 'refit', 'bias']);
      for (const { kept, beforeDb: before, afterDb: after } of tried) {
        expect((after ?? Infinity) > (before ?? Infinity)).toBe(kept);
      }
      // A bias is none of the weights.
      const areWeightsOther = tried.some(({ step, kept }) => kept && step !== 'bias');
      expect((afterDb ?? 0) > (beforeDb ?? Infinity)).toBe(areWeightsOther);
    }
    expect(result.layers.some(({ rule }) => rule === 'gptq')).toBe(true);
    expect(result.afterDb ?? 0).toBeGreaterThan(result.beforeDb ?? Infinity);
    expect(notes.join('\n')).toMatch(/Recovered by gptq, refit, bias: 3 layers, output .* dB → .* dB/);
    expect(told).toContain('GPTQ: layer 2 of 3, left');
  });

  it('keeps the nearest codes where all layers together are worse than those, and says so', async () => {
    // The squares of what the second layer reads are beyond float32, so that nothing makes up for its error.
    const subject = model(
      [
        conv('first', ['x', 'v'], 'h'),
        node('Mul', 'up', ['h', 'large'], ['a']),
        conv('second', ['a', 'w'], 'b'),
        node('Mul', 'down', ['b', 'small'], ['y']),
      ],
      [
        weights('v', [4, 3, 3, 3], 7),
        weights('w', [2, 4, 3, 3], 57),
        floatTensor('large', Float32Array.of(1e25), []),
        floatTensor('small', Float32Array.of(1e-25), []),
      ],
      image,
    );
    const noise = sliceOf(
      'calibrate',
      samples(image, 8).map((feeds, index) => ({ index, feeds })),
    );
    const plan = planFor('pow2-5', 'gptq');
    const { model: prepared } = await prepareFloat(subject, plan);
    const { result, choices, notes } = await recover(prepared, plan, { runtime, slice: noise });
    const [, before, after] =
      /gptq left out: with all layers quantized .*\(([\d.]+) dB → ([\d.]+) dB\)/.exec(notes.join('\n')) ?? [];
    expect(Number(after)).toBeLessThan(Number(before));
    expect(result.afterDb).toBe(result.beforeDb);
    expect([...choices.values()].filter(({ codes }) => codes)).toEqual([]);
  });

  it('leaves out what makes the output worse, and says so', async () => {
    // Samples that judge are unlike those that fit: there is nothing that they have in common.
    const unlike = inputs.slice(0, 16).map((sample, at) =>
      at % 8 === 7
        ? sample
        : {
            ...sample,
            feeds: Object.fromEntries(
              Object.entries(sample.feeds).map(([name, tensor]) => [
                name,
                { ...tensor, data: (tensor.data as Float32Array).map((_, i) => (i % 7 === 0 ? 5 : 0)) },
              ]),
            ),
          },
    );
    const plan = planFor('w4', 'bias');
    const { model } = await prepareFloat(residualBlock(), plan);
    const { result, notes } = await recover(model, plan, { runtime, slice: sliceOf('calibrate', unlike) });
    const rejected = result.layers.filter(({ tried }) => tried.some(({ kept }) => !kept));
    expect(rejected.length).toBeGreaterThan(0);
    expect(notes.some((note) => note.startsWith('bias left out where the output got no better'))).toBe(true);
    expect(result.afterDb ?? 0).toBeGreaterThanOrEqual(result.beforeDb ?? Infinity);
  });

  it('evens out channels without a look at single layers', async () => {
    const plans = (['equalize', 'bias'] as const).map((step): Plan => ({
      ...planFor('w4', step),
      defaultOptions: { granularity: 'tensor' },
    }));
    const [evened, biased] = await Promise.all(
      plans.map(async (plan) => {
        const { model } = await prepareFloat(residualBlock(), plan);
        return recover(model, plan, { runtime, slice });
      }),
    );
    // Before: the nearest codes of the model as it was.
    expect(evened?.result.beforeDb).toBe(biased?.result.beforeDb);
    expect(evened?.result.afterDb ?? 0).toBeGreaterThan((evened?.result.beforeDb ?? Infinity) + 0.1);
    expect(evened?.result.layers).toEqual([]);
    expect(evened?.notes.join('\n')).toMatch(/Recovered by equalize: output .* dB → .* dB/);
  });

  it('says that there is nothing to even out', async () => {
    const plan = planFor('w4', 'equalize');
    const alone = model([conv('layer', ['x', 'w'], 'y')], [weights('w', [4, 3, 3, 3])], image);
    const { result, notes } = await recover(alone, plan, { runtime, slice });
    expect(result.afterDb).toBe(result.beforeDb);
    expect(notes).toContain('equalize: no layers between which channels could be evened out.');
  });

  it('goes on where it was cancelled, to the same bytes', async () => {
    const plan = planFor('w4', 'gptq', 'refit', 'bias');
    const whole = await outcome(plan, { runtime, slice });
    const cache = new MemoryCache();
    const random = uniform(3);
    let stops = 0;
    for (let attempt = 0; attempt < 40; attempt++) {
      const signal = { aborted: false };
      let runs = 0;
      let open = 0;
      const moment = attempt > 30 ? Infinity : 40 + Math.floor(random() * 160);
      const cancelling: Runtime = {
        version: runtime.version,
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
      try {
        const resumed = await outcome(plan, { runtime: cancelling, slice, cache }, signal);
        expect(resumed).toEqual(whole);
        expect(stops).toBeGreaterThan(0);
        expect(cache.entries.size).toBe(3);
        return;
      } catch (error) {
        expect(error).toBeInstanceOf(CancelledError);
        expect(open).toBe(0);
        stops++;
      }
    }
    expect.unreachable('it never came to its end');
  });

  it('does anew what depends on something else', async () => {
    const cache = new MemoryCache();
    const keys = async (plan: Plan, runs = slice) => {
      await outcome(plan, { runtime, slice: runs, cache });
      return cache.entries.size;
    };
    expect(await keys(planFor('w4', 'gptq'))).toBe(3);
    expect(await keys(planFor('w4', 'gptq'))).toBe(3);
    expect(await keys(planFor('w4', 'gptq', 'bias'))).toBe(6);
    expect(await keys(planFor('w4', 'gptq'), sliceOf('calibrate', inputs.slice(0, 20)))).toBe(9);
    // What stands before the changed layer is the same.
    const fixed: Plan = { ...planFor('w4', 'gptq'), defaultOptions: { range: 'max', gain: false } };
    expect(await keys(fixed)).toBe(12);
    expect(await keys({ ...fixed, layers: { right: { scheme: 'u3' } } })).toBe(13);
  });

  it('keeps apart what was evened out with other folds', async () => {
    const spread = [1, 20, 0.1, 4];
    const uneven = (name: string, dims: readonly [number, number], factorAt: (at: number) => number) => {
      const random = uniform(dims[1]);
      const values = Float32Array.from(
        { length: dims[0] * dims[1] * 9 },
        (_, at) => (random() - 0.5) * factorAt(at),
      );
      return floatTensor(name, values, [...dims, 3, 3]);
    };
    const normalized = model(
      [
        conv('first', ['x', 'w0'], 'h'),
        node('Relu', 'relu', ['h'], ['a']),
        conv('second', ['a', 'w1'], 's'),
        node('BatchNormalization', 'norm', ['s', 'gain', 'shift', 'mean', 'variance'], ['y']),
      ],
      [
        uneven('w0', [4, 3], (at) => spread[Math.floor(at / 27)] ?? NaN),
        uneven('w1', [4, 4], (at) => 1 / (spread[Math.floor(at / 9) % 4] ?? NaN)),
        floatTensor('gain', [9, 1, 0.1, 1]),
        floatTensor('shift', [0, 1, 0, -1]),
        floatTensor('mean', [0, 0, 0, 0]),
        floatTensor('variance', [1, 1, 1, 1]),
      ],
      image,
    );
    const plain = { granularity: 'tensor', range: 'max', gain: false } as const;
    const cache = new MemoryCache();
    const codesOf = async (bias: 'float' | 'lut8', store?: MemoryCache) => {
      const plan: Plan = {
        ...planFor('w4', 'equalize', 'gptq'),
        defaultOptions: plain,
        layers: { second: { scheme: 'w4', ...plain, bias } },
      };
      const { model: prepared } = await prepareFloat(normalized, plan);
      const source = { runtime, slice, ...(store && { cache: store }) };
      const { choices, notes } = await recover(prepared, plan, source);
      expect(notes.join()).not.toContain('equalize left out');
      return choices.get('first')?.codes?.codes;
    };
    const folded = await codesOf('float', cache);
    const unfolded = await codesOf('lut8');
    expect(unfolded).not.toEqual(folded);
    expect(await codesOf('lut8', cache)).toEqual(unfolded);
  });

  it('passes over layers that have no codes', async () => {
    const plan: Plan = { ...planFor('w4', 'gptq'), layers: { stem: { scheme: 'float' } } };
    const { recovered } = await quantizeModel(residualBlock(), plan, { runtime, slice });
    expect(recovered?.layers.map(({ name }) => name)).toEqual(['left', 'right']);
  });

  it('recovers layers that compute on integers, to the codes in the file', async () => {
    const plan: Plan = { ...planFor('w8a8', 'gptq', 'refit', 'bias'), activationRange: 'max' };
    const { model: prepared } = await prepareFloat(residualBlock(), plan);
    const { choices, result } = await recover(prepared, plan, { runtime, slice });
    const { model: written, layers, notes } = await quantizeModel(residualBlock(), plan, { runtime, slice });
    expect(notes.filter((note) => note.includes('rounded to the nearest'))).toEqual([]);
    expect(result.layers.map(({ name }) => name)).toEqual(['stem', 'left', 'right']);
    expect(result.afterDb ?? 0).toBeGreaterThan((result.beforeDb ?? Infinity) + 1);
    const compensated = layers.filter(({ rounding }) => rounding === 'gptq');
    expect(compensated.length).toBeGreaterThan(0);
    const { initializer = [] } = written.graph ?? {};
    const stored = await Promise.all(
      initializer.flatMap(({ dataType, rawData }) => (dataType === 3 && rawData ? [rawData.read()] : [])),
    );
    for (const { name } of compensated) {
      const { codes = [] } = choices.get(name)?.codes ?? {};
      expect(stored.map((bytes) => [...Int8Array.from(bytes)])).toContainEqual([...codes]);
    }
  });

  it('corrects the biases of integer products where there are some, and adds none', async () => {
    const dims = [4, 8];
    const products = model(
      [
        node('MatMul', 'bare', ['x', 'v'], ['h']),
        node('Relu', 'relu', ['h'], ['a']),
        node('MatMul', 'biased', ['a', 'w'], ['p']),
        node('Add', 'bias', ['p', 'b'], ['y']),
      ],
      [weights('v', [8, 8]), weights('w', [8, 6], 2), weights('b', [6], 3)],
      dims,
    );
    const data = sliceOf(
      'calibrate',
      samples(dims, 24, { from: 0, to: 1 }).map((feeds, index) => ({ index, feeds })),
    );
    const triedBy = async (scheme: Plan['defaultScheme']) => {
      const { model: prepared } = await prepareFloat(products, planFor(scheme, 'bias'));
      const { result } = await recover(prepared, planFor(scheme, 'bias'), { runtime, slice: data });
      return result.layers.map(({ name, tried }) => [name, ...tried.map(({ step }) => step)]);
    };
    expect(await triedBy('w8a8')).toEqual([['bare'], ['biased', 'bias']]);
    expect(await triedBy('w4')).toEqual([
      ['bare', 'bias'],
      ['biased', 'bias'],
    ]);
  });

  it('needs data', async () => {
    const job = quantizeModel(residualBlock(), planFor('w4', 'gptq'), undefined);
    await expect(job).rejects.toThrow(InputError);
  });
});

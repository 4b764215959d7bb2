import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import type { Model } from '../../../src/core/onnx/types';
import { writeModel } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import type { Feeds, ResultCache } from '../../../src/core/ports';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { recover } from '../../../src/core/recover/recover';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { readNpz } from '../../support/npz';
import { optimizedOpTypes, run, sqnr } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';

const folder = join(import.meta.dirname, '../../../samples/mnist');

/** Some of the digits in an archive. */
function digits(archive: string, from: number, to: number): Feeds[] {
  const [name = '', images] =
    Object.entries(readNpz(join(folder, archive))).find(([each]) => each !== 'labels') ?? [];
  const [, ...dims] = images?.shape ?? [];
  const size = dims.reduce((product, each) => product * each, 1);
  return Array.from({ length: to - from }, (_, at) => {
    const data = (images?.data as Float32Array).slice((from + at) * size, (from + at + 1) * size);
    return { [name]: { type: 'float32', dims: [1, ...dims], data } };
  });
}

/** In memory. */
function cacheOf(): ResultCache {
  const entries = new Map<string, unknown>();
  return {
    model: 'mnist',
    identify: ({ index }) => `${index}`,
    get: async (key) => entries.get(key),
    put: async (key, value) => void entries.set(key, value),
  };
}

async function throughFile(model: Model): Promise<Model> {
  const sink = new MemorySink();
  await writeModel(model, sink);
  return readModel(new MemorySource(sink.bytes()));
}

it('writes the codes that were chosen for MNIST on integers, which brings its output nearer', async () => {
  const float = await readModel(new MemorySource(readFileSync(join(folder, 'mnist_cnn.onnx'))));
  const slice = sliceOf(
    'calibrate',
    digits('calibration.npz', 0, 32).map((feeds, index) => ({ index, feeds })),
  );
  const plain: Plan = { ...defaultPlan, defaultScheme: 'w8a8', activationRange: 'max' };
  const plan: Plan = { ...plain, recover: { steps: ['gptq', 'refit', 'bias'] } };
  const source = { runtime, slice, cache: cacheOf() };
  const { choices } = await recover((await prepareFloat(float, plan)).model, plan, source);
  const { model, layers } = await quantizeModel(float, plan, source);

  const file = await throughFile(model);
  const stored: string[] = [];
  for (const { dataType, rawData } of file.graph?.initializer ?? []) {
    const isInt8 = dataType === 3;
    if (isInt8 && rawData) stored.push(Int8Array.from(await rawData.read()).join());
  }
  const compensated = layers.filter(({ rounding }) => rounding === 'gptq');
  expect(compensated.length).toBeGreaterThan(2);
  for (const { name } of compensated) expect(stored).toContain(choices.get(name)?.codes?.codes.join());
  const operators = async (each: Model) => (await optimizedOpTypes(each)).sort();
  const nearest = (await quantizeModel(float, plain, { runtime, slice })).model;
  expect(await operators(file)).toEqual(await operators(nearest));

  const quality = async (each: Model): Promise<number> => {
    const [expected, actual]: [number[], number[]] = [[], []];
    for (const feeds of digits('test.npz', 0, 100)) {
      for (const values of Object.values(await run(float, feeds))) expected.push(...values);
      for (const values of Object.values(await run(each, feeds))) actual.push(...values);
    }
    return sqnr(expected, actual);
  };
  expect(await quality(file)).toBeGreaterThan((await quality(nearest)) + 2);
}, 60_000);

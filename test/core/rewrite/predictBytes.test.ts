import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { writeModel } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { withRecover } from '../../../src/core/plan/recover';
import type { Plan, PlanEntry, RecoverStep } from '../../../src/core/plan/types';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import { predictBytes } from '../../../src/core/rewrite/predictBytes';
import { readNpz } from '../../support/npz';
import { quantize } from '../../support/rewriting';

const folder = join(import.meta.dirname, '../../../samples/mnist');
const mnist = () => readModel(new MemorySource(readFileSync(join(folder, 'mnist_cnn.onnx'))));
const samples = Array.from({ length: 4 }, (_, at) => {
  const [name = '', array] =
    Object.entries(readNpz(join(folder, 'calibration.npz'))).find(([key]) => key !== 'labels') ?? [];
  const dims = [1, ...(array?.shape.slice(1) ?? [])];
  const size = dims.reduce((product, each) => product * each, 1);
  const data = (array?.data as Float32Array).slice(at * size, (at + 1) * size);
  return { [name]: { type: 'float32' as const, dims, data } };
});

function entry(text: string): PlanEntry {
  const format = parseFormat(text);
  if ('mistake' in format) throw new Error(format.mistake);
  return format;
}

const planOf = (text: string): Plan => {
  const { scheme, ...defaultOptions } = entry(text);
  return { ...defaultPlan, defaultScheme: scheme === 'auto' ? 'float' : scheme, defaultOptions };
};

const integers = ['w8', 'w4'].flatMap((scheme) => [
  ...['', ',tensor', ',kernel', ',block:16', ',block:32', ',block:256'].flatMap((granularity) =>
    ['', ',asymmetric', ',unsigned'].map((type) => `${scheme}${granularity}${type}`),
  ),
  ...['signed-extreme', 'mse', 'reduced', 'gain', 'percentile:99', 'bias:u1', 'bias:lut16'].map(
    (option) => `${scheme},${option}`,
  ),
]);
const tables = [
  ...Array.from({ length: 8 }, (_, at) => `u${at + 1}`),
  ...['lut2', 'lut7', 'lut16', 'lut256'].flatMap((scheme) =>
    ['', ',tensor', ',channel', ',group:4', ',gain', ',group:3,gain'].map((options) => scheme + options),
  ),
  ...['pow2-2', 'pow2-3', 'pow2-4', 'pow2-5', 'pow2-15'].flatMap((scheme) =>
    ['', ',channel', ',gain', ',bias:u3'].map((options) => scheme + options),
  ),
];

async function check(plan: Plan) {
  const float = await mnist();
  const { model, layers } = await quantize(float, plan, samples);
  const sink = new MemorySink();
  await writeModel(model, sink);
  const predicted = await predictBytes(float, plan);
  expect(predicted.bytes).toBe(sink.bytes().length);
  const words = ({
    name,
    scheme,
    bits,
    signed,
    granularity,
    bytesAfter,
  }: (typeof predicted.layers)[number]) => ({
    ...{ name, scheme, bits, signed, granularity, bytesAfter },
  });
  expect(predicted.layers.map(words)).toEqual(layers.map(words));
  const index = indexGraph(await readModel(new MemorySource(sink.bytes())));
  const found = findLayers(index, inferShapes(index, {}));
  expect(found.map(({ name, bytes }) => [name, bytes])).toEqual(
    layers.map(({ name, bytesAfter }) => [name, bytesAfter]),
  );
}

describe('predicted bytes are those of the written file and its layers', () => {
  it.each(['w8a8', 'w8a16', 'float', 'fp16', ...integers, ...tables])('%s', (text) => check(planOf(text)));

  it('of a mixed plan', async () => {
    const index = indexGraph(await mnist());
    const names = findLayers(index, inferShapes(index, {})).map(({ name }) => name);
    const formats = ['w8a8', 'w4,block:16,mse', 'lut5,group:2', 'pow2-15,gain,bias:u1', 'w8a16'];
    const layers = Object.fromEntries(
      names.map((name, at) => [name, entry(formats[at % formats.length] ?? 'float')]),
    );
    await check({ ...defaultPlan, layers });
    await check({ ...defaultPlan, layers, activationType: 'int8', activationSymmetric: true });
  });
});

it('refuses formats for tensors that the plan does not quantize, as writing does', async () => {
  const plan = { ...planOf('w8a8'), tensors: { nothing: { type: 'uint16' as const } } };
  await expect(predictBytes(await mnist(), plan)).rejects.toThrow(/nothing is not in the model/);
});

it('tells what recovering accuracy may add', async () => {
  const predicted = async (...steps: RecoverStep[]) =>
    predictBytes(await mnist(), withRecover(planOf('w4'), steps));
  const told = 'Recovering accuracy may add some bytes: ';
  expect((await predicted('gptq', 'refit')).notes).toEqual((await predicted()).notes);
  expect((await predicted('gptq', 'bias')).notes).toContain(`${told}biases of layers that have none.`);
  expect((await predicted('equalize', 'bias')).notes).toContain(
    `${told}biases of layers that have none, and bounds of channels in place of a Clip.`,
  );
  expect((await predicted('equalize', 'bias')).bytes).toBe((await predicted()).bytes);
});

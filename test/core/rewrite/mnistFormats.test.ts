import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import type { Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { readNpz } from '../../support/npz';
import { runtime } from '../../support/runtime';

const folder = join(import.meta.dirname, '../../../samples/mnist');
const test = readNpz(join(folder, 'test.npz'));
const labels = test['labels']?.data ?? [];
const [input = '', images] = Object.entries(test).find(([name]) => name !== 'labels') ?? [];

/** Part of the labelled digits that a model gets right, run at full optimization. */
async function accuracy(model: Model): Promise<number> {
  const [count = 0, ...dims] = images?.shape ?? [];
  const size = dims.reduce((product, each) => product * each, 1);
  const session = await runtime.openModel(model, { optimization: 'full' });
  let right = 0;
  for (let at = 0; at < count; at++) {
    const data = (images?.data as Float32Array).slice(at * size, (at + 1) * size);
    const [scores] = Object.values(
      await session.run({ [input]: { type: 'float32', dims: [1, ...dims], data } }),
    );
    const values = Array.from(scores?.data as Float32Array);
    if (values.indexOf(Math.max(...values)) === Number(labels[at])) right++;
  }
  await session.release();
  return right / count;
}

describe('digits are told as well as by float weights', () => {
  it.each([
    ['u8,bias:u2', 0.005],
    ['lut8', 0.01],
    ['lut8,tensor', 0.01],
    ['w4,bias:u4', 0.005],
    ['lut16,group:8,gain', 0.005],
    ['pow2-15,channel,gain,bias:lut4', 0.025],
    // Of the layers' own biases, which no normalization has spread.
    ['u8,bias:u1', 0.005],
    ['lut8,bias:u1', 0.01],
  ])('by %s, within %d', async (text, allowed) => {
    const format = parseFormat(text);
    if ('mistake' in format) throw new Error(format.mistake);
    const { scheme, ...defaultOptions } = format;
    const float = await readModel(new MemorySource(readFileSync(join(folder, 'mnist_cnn.onnx'))));
    const plan = { ...defaultPlan, defaultScheme: scheme, defaultOptions };
    const { model } = await rewrite(float, plan, new Map());
    expect(await accuracy(model)).toBeGreaterThan(0.9765 - allowed);
  });
});

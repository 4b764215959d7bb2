import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import type { Model } from '../../../src/core/onnx/types';
import { modelSize } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Feeds } from '../../../src/core/ports';
import { raiseOpset } from '../../../src/core/rewrite/opset';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { readNpz } from '../../support/npz';
import { optimizedOpTypes, quantize, run, sqnr } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { sharedModel } from '../../support/sharedModels';

const read = (path: string) => readModel(new MemorySource(readFileSync(path)));

/** The first `count` rows of the first array of an `.npz`, one sample each, starting at `start`. */
function rows(path: string, start: number, count: number): Feeds[] {
  const [name, array] = Object.entries(readNpz(path)).find(([key]) => key !== 'labels') ?? [];
  if (name === undefined || !array) throw new Error(`${path} has no array`);
  const dims = array.shape.slice(1);
  const size = dims.reduce((product, each) => product * each, 1);
  return Array.from({ length: count }, (_, i) => {
    const data = Float32Array.from(
      array.data.subarray((start + i) * size, (start + i + 1) * size) as Float32Array,
    );
    return { [name]: { type: 'float32' as const, dims: [1, ...dims], data } };
  });
}

/** All outputs of a model over `feeds`, in one array. */
async function outputs(model: Model, feeds: readonly Feeds[]): Promise<number[]> {
  const session = await runtime.openModel(model, { optimization: 'full' });
  const values: number[] = [];
  for (const sample of feeds) {
    for (const { data } of Object.values(await session.run(sample))) {
      for (const value of data as Float32Array) values.push(value);
    }
  }
  await session.release();
  return values;
}

async function quantizeAndMeasure(modelPath: string, calibration: string, test: string) {
  const original = await read(modelPath);
  const { model: quantized, notes } = await quantize(original, defaultPlan, rows(calibration, 0, 64));
  const feeds = rows(test, test === calibration ? 64 : 0, 64);
  const sqnrDb = sqnr(await outputs(original, feeds), await outputs(quantized, feeds));
  return { sqnrDb, optimized: await optimizedOpTypes(quantized), notes };
}

describe('the sample', () => {
  it('runs on integer kernels', async () => {
    const folder = join(import.meta.dirname, '../../../samples/mnist');
    const result = await quantizeAndMeasure(
      join(folder, 'mnist_cnn.onnx'),
      join(folder, 'calibration.npz'),
      join(folder, 'test.npz'),
    );
    expect(result.sqnrDb).toBeGreaterThan(35);
    expect(result.optimized.filter((op) => ['Conv', 'Gemm', 'BatchNormalization'].includes(op))).toEqual([]);
  });
});

describe('models of the shared corpus', () => {
  it.each([
    ['cifar10_resnet18/model.onnx', 'cifar10_resnet18/calibration.npz', 36],
    ['cifar10_mobilenetv2/model.onnx', 'cifar10_mobilenetv2/calibration.npz', 31],
    ['cifar10_mobilenetv2/raw.onnx', 'cifar10_mobilenetv2/calibration.npz', 31],
  ])('%s has no float Conv, Gemm or Add left', async (modelFile, data, leastSqnr) => {
    const [modelPath, dataPath] = [sharedModel(modelFile), sharedModel(data)];
    if (!modelPath || !dataPath) return;
    const { sqnrDb, optimized, notes } = await quantizeAndMeasure(modelPath, dataPath, dataPath);
    expect(notes).toEqual([]);
    const left = [
      'Conv',
      'Gemm',
      'Add',
      'BatchNormalization',
      'ReduceMean',
      'GlobalAveragePool',
      'Clip',
      'Relu',
    ];
    expect(optimized.filter((op) => left.includes(op))).toEqual([]);
    expect(sqnrDb).toBeGreaterThan(leastSqnr);
  });

  it.each([
    ['cifar10_resnet18/model.onnx', 'cifar10_resnet18/calibration.npz', 18],
    ['cifar10_mobilenetv2/raw.onnx', 'cifar10_mobilenetv2/calibration.npz', 13],
    ['unet/model.onnx', 'unet/calibration.npz', 23],
  ])('%s runs with 16 k-means values a weight, in 4 bits', async (modelFile, data, leastSqnr) => {
    const [modelPath, dataPath] = [sharedModel(modelFile), sharedModel(data)];
    if (!modelPath || !dataPath) return;
    const original = await read(modelPath);
    const plan = { ...defaultPlan, defaultScheme: 'lut16' } as const;
    const { model: written, layers } = await rewrite(original, plan, new Map());
    expect(new Set(layers.map(({ scheme }) => scheme))).toEqual(new Set(['lut16']));
    expect((await modelSize(written)) / (await modelSize(original))).toBeLessThan(0.17);
    const feeds = rows(dataPath, 0, 16);
    expect(sqnr(await outputs(original, feeds), await outputs(written, feeds))).toBeGreaterThan(leastSqnr);
  });

  it('a U-Net keeps only its ConvTranspose float', async () => {
    const paths = ['unet/model.onnx', 'unet/calibration.npz', 'unet/test.npz'].map(sharedModel);
    const [modelPath, calibration, test] = paths;
    if (!modelPath || !calibration || !test) return;
    const { sqnrDb, optimized, notes } = await quantizeAndMeasure(modelPath, calibration, test);
    expect(notes).toHaveLength(1);
    expect(optimized.filter((op) => op === 'ConvTranspose')).toHaveLength(4);
    expect(optimized).not.toContain('Conv');
    expect(sqnrDb).toBeGreaterThan(38);
  });

  it('raises SqueezeNet from opset 7 without a difference', async () => {
    const modelPath = sharedModel('squeezenet/fp32.onnx');
    if (!modelPath) return;
    const original = await read(modelPath);
    const stored = new Set(original.graph?.initializer.map(({ name }) => name));
    const input = original.graph?.input.find(({ name }) => !stored.has(name));
    const data = Float32Array.from(
      { length: 3 * 224 * 224 },
      (_, i) => Math.sin(i / 1000) + Math.cos(i / 77),
    );
    const sample: Feeds = { [input?.name ?? '']: { type: 'float32', dims: [1, 3, 224, 224], data } };
    const { prepared, model: quantized } = await quantize(original, defaultPlan, [sample]);
    expect(prepared.notes).toEqual([expect.stringMatching(/raised from 7 to 13/)]);
    const [before = []] = Object.values(await run(original, sample, 'none'));
    const [raised = []] = Object.values(await run(prepared.model, sample, 'none'));
    expect(raised).toEqual(before);
    const [raisedFurther = []] = Object.values(await run(raiseOpset(original, 21).model, sample, 'none'));
    expect(raisedFurther).toEqual(before);
    const optimized = await optimizedOpTypes(quantized);
    expect(optimized.filter((op) => op === 'QLinearConv')).toHaveLength(26);
    expect(optimized).toContain('QLinearConcat');
  });
});

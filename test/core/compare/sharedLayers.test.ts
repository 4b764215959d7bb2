import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareLayers } from '../../../src/core/compare/compareLayers';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import type { Model } from '../../../src/core/onnx/types';
import { writeModel } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Feeds } from '../../../src/core/ports';
import type { LayerScheme } from '../../../src/core/quant/scheme';
import { normalNoise } from '../../support/random';
import { quantize, sqnr } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { sharedModel } from '../../support/sharedModels';
import { samplesFromNpz, sliceOf } from '../../support/slices';
import { between, insideOf, type OracleTensor } from './layerOracle';

const read = (bytes: Uint8Array): Promise<Model> => readModel(new MemorySource(bytes));

async function bytesOf(model: Model): Promise<Uint8Array> {
  const sink = new MemorySink();
  await writeModel(model, sink);
  return sink.bytes();
}

/** Feeds of a model of images: rows of a file, or noise. */
function feedsOf(data: string, input: string): Feeds[] {
  if (data.endsWith('.npz')) return samplesFromNpz(data, 4).map(({ feeds }) => feeds);
  const tensor = (seed: number) => ({
    type: 'float32' as const,
    dims: [1, 3, 224, 224],
    data: normalNoise(3 * 224 * 224, seed),
  });
  return [1, 2].map((seed) => ({ [input]: tensor(seed) }));
}

/** The values from a layer's own output to `value`, which the BatchNormalization and Relu behind it give. */
function unitBehind({ graph }: Model, value: string): Set<string> {
  const own = new Set([value]);
  for (let at = value; ;) {
    const producer = graph?.node.find(({ output }) => output.includes(at));
    if (!producer || ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'].includes(producer.opType)) return own;
    at = producer.input[0] ?? '';
    own.add(at);
  }
}

/**
 * Every layer of b that reads values of a, by brute force: values keep their names when Roundoff quantizes, so that the values
 * of a by their names stand for those of b.
 */
async function expectAsByBruteForce(a: Uint8Array, b: Uint8Array, feeds: Feeds): Promise<void> {
  const [modelA, modelB] = [await read(a), await read(b)];
  const found = await compareLayers(runtime, modelA, modelB, sliceOf('verify', [{ index: 0, feeds }]));
  expect(found.unmatched).toEqual({ a: [], b: [] });
  const fed = Object.fromEntries(
    Object.entries(feeds).map(([name, { dims, data }]) => [name, { dims, data: data as Float32Array }]),
  );
  const values: string[] = [];
  const reached = new Set(Object.keys(feeds));
  for (const { opType, input, output } of modelA.graph?.node ?? []) {
    const read = opType === 'CastLike' ? input.slice(0, 1) : input;
    if (!read.some((value) => reached.has(value))) continue;
    for (const value of output) reached.add(value);
    values.push(...output.slice(0, 1));
  }
  const inA: Record<string, OracleTensor> = { ...fed, ...(await insideOf(a, values, fed)) };
  const inB = await insideOf(
    b,
    found.layers.map((layer) => layer.b.value),
    fed,
  );
  for (const layer of found.layers) {
    const name = layer.layer;
    expect(layer.reason, name).toBeUndefined();
    expect(layer.b.value.replace(/_DequantizeLinear_Output$/, ''), name).toBe(layer.a.value);
    const own = unitBehind(modelA, layer.a.value);
    const others = Object.fromEntries(Object.entries(inA).filter(([value]) => !own.has(value)));
    const reference = inA[layer.a.value]?.data ?? [];
    const alone = await between(b, others, layer.b.value);
    const figures = [
      ['accumulated', layer.accumulated, sqnr(reference, inB[layer.b.value]?.data ?? [])],
      ['local', layer.local, sqnr(reference, alone.data)],
    ] as const;
    for (const [kind, figure, wanted] of figures) {
      if (wanted > 100 && (figure?.sqnrDb ?? Infinity) > 100) continue;
      // Deep in a model, kernels that add in another order have tipped many values to the next code.
      const difference = Math.abs((figure?.sqnrDb ?? Infinity) - wanted);
      expect(difference, `${kind} of ${name}: ${figure?.sqnrDb} dB, by brute force ${wanted}`).toBeLessThan(
        kind === 'local' ? 0.2 : 0.5,
      );
    }
  }
}

describe('compareLayers on real models', () => {
  it.each<readonly [string, string, string, LayerScheme]>([
    ['cifar10_resnet18/model.onnx', 'cifar10_resnet18/calibration.npz', '', 'w8a8'],
    ['cifar10_resnet18/model.onnx', 'cifar10_resnet18/calibration.npz', '', 'w4'],
    ['cifar10_mobilenetv2/raw.onnx', 'cifar10_mobilenetv2/calibration.npz', '', 'w8a8'],
    ['squeezenet/fp32.onnx', 'squeezenet/fp32.onnx', 'data_0', 'w8a8'],
    ['unet/model.onnx', 'unet/calibration.npz', '', 'w8a8'],
  ])(
    '%s (%s%s) as %s',
    async (file, data, input, scheme) => {
      const [path, dataPath] = [sharedModel(file), sharedModel(data)];
      if (!path || !dataPath) return;
      const bytes = readFileSync(path);
      const feeds = feedsOf(dataPath, input);
      const [sample, ...calibration] = feeds;
      if (!sample) throw new Error('no sample');
      const plan = { ...defaultPlan, defaultScheme: scheme };
      const { model } = await quantize(await read(bytes), plan, calibration);
      await expectAsByBruteForce(bytes, await bytesOf(model), sample);
    },
    120_000,
  );

  it.each([
    ['fp32', 'qdq'],
    ['fp32', 'qoperator'],
    ['qoperator', 'qdq'],
  ])("matches what ONNX Runtime's tool wrote: %s against %s", async (...forms) => {
    const [first, second] = forms.map((form) => sharedModel(`micro_kws/micro_kws_m_static_${form}.onnx`));
    if (!first || !second) return;
    const [a, b] = [await read(readFileSync(first)), await read(readFileSync(second))];
    const found = await compareLayers(runtime, a, b, sliceOf('verify', [{ index: 0, feeds: noiseFor(a) }]));
    expect(found.layers.length).toBeGreaterThan(5);
    expect(found.unmatched).toEqual({ a: [], b: [] });
    for (const { layer, accumulated, local, reason } of found.layers) {
      expect(reason, layer).toBeUndefined();
      expect(accumulated?.sqnrDb, layer).toBeGreaterThan(15);
      expect(local?.sqnrDb, layer).toBeGreaterThan(20);
    }
  });

  it('feeds a model of half precision in its own type', async () => {
    const [float, half] = ['fp32', 'fp16'].map((form) => sharedModel(`squeezenet/${form}.onnx`));
    if (!float || !half) return;
    const [a, b] = [await read(readFileSync(float)), await read(readFileSync(half))];
    const found = await compareLayers(runtime, a, b, sliceOf('verify', [{ index: 0, feeds: noiseFor(a) }]));
    expect(found.unmatched).toEqual({ a: [], b: [] });
    expect(found.layers).toHaveLength(26);
    for (const { layer, accumulated, local } of found.layers) {
      expect(accumulated?.sqnrDb, layer).toBeGreaterThan(50);
      expect(local?.sqnrDb, layer).toBeGreaterThan(50);
    }
  });
});

/** Noise for the one input of a model. */
function noiseFor({ graph }: Model): Feeds {
  const stored = new Set(graph?.initializer.map(({ name }) => name));
  const input = graph?.input.find(({ name }) => !stored.has(name));
  const dims = (input?.type?.tensorType?.shape?.dim ?? []).map(({ dimValue }) => Number(dimValue ?? 1));
  const size = dims.reduce((product, each) => product * each, 1);
  return { [input?.name ?? '']: { type: 'float32', dims, data: normalNoise(size, 1) } };
}

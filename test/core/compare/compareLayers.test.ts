import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compareLayers } from '../../../src/core/compare/compareLayers';
import type { LayerDifference } from '../../../src/core/compareResults';
import { CancelledError } from '../../../src/core/errors';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import type { Model } from '../../../src/core/onnx/types';
import { writeModel } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Sample } from '../../../src/core/ports';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import { quantize, sqnr } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { samplesFromNpz, sliceOf } from '../../support/slices';
import { between, insideOf, renamed, type OracleTensor } from './layerOracle';

const folder = join(import.meta.dirname, '../../../samples/mnist');
const floatBytes = readFileSync(join(folder, 'mnist_cnn.onnx'));
const all = samplesFromNpz(join(folder, 'test.npz'), 12);
const samples = all.slice(0, 4);
const slice = sliceOf('verify', samples);

async function bytesOf(model: Model): Promise<Uint8Array> {
  const sink = new MemorySink();
  await writeModel(model, sink);
  return sink.bytes();
}

const read = (bytes: Uint8Array): Promise<Model> => readModel(new MemorySource(bytes));

/** The sample model with every layer in one format, as a file. */
async function mnistAs(format: string): Promise<Uint8Array> {
  const parsed = parseFormat(format);
  if ('mistake' in parsed) throw new Error(parsed.mistake);
  const { scheme, ...defaultOptions } = parsed;
  const plan = { ...defaultPlan, defaultScheme: scheme, defaultOptions };
  const { model } = await quantize(
    await read(floatBytes),
    plan,
    all.slice(4).map(({ feeds }) => feeds),
  );
  return bytesOf(model);
}

/** Where the layers of the sample begin, and what they give, in the names of its file. */
const units = [
  { layer: 'node_conv2d', from: 'input', to: 'relu' },
  { layer: 'node_conv2d_1', from: 'relu', to: 'relu_1' },
  { layer: 'node_conv2d_2', from: 'max_pool2d', to: 'relu_2' },
  { layer: 'node_linear', from: 'view', to: 'linear' },
  { layer: 'node_linear_1', from: 'linear', to: 'logits' },
] as const;

interface Expected {
  readonly accumulated: number;
  readonly local: number;
}

/** SQNR of every layer over the samples, by brute force. @param seen value of b for a value of a. */
async function bruteForce(
  b: Uint8Array,
  seen: (value: string) => string,
  on: readonly Sample[],
): Promise<Map<string, Expected>> {
  const parts = new Map<string, { reference: number[]; accumulated: number[]; local: number[] }>();
  for (const { feeds } of on) {
    const input = { input: { dims: [1, 1, 28, 28], data: feeds['input']?.data as Float32Array } };
    const inA: Record<string, OracleTensor> = {
      ...input,
      ...(await insideOf(floatBytes, units.flatMap(({ from, to }) => [from, to]).slice(1), input)),
    };
    const inB = await insideOf(
      b,
      units.map(({ to }) => seen(to)),
      input,
    );
    for (const { layer, from, to } of units) {
      const part = parts.get(layer) ?? { reference: [], accumulated: [], local: [] };
      parts.set(layer, part);
      const given = inA[from];
      if (!given) throw new Error(`no ${from}`);
      part.reference.push(...(inA[to]?.data ?? []));
      part.accumulated.push(...(inB[seen(to)]?.data ?? []));
      part.local.push(...(await between(b, { [from]: given }, seen(to))).data);
    }
  }
  return new Map(
    [...parts].map(([layer, { reference, accumulated, local }]) => [
      layer,
      { accumulated: sqnr(reference, accumulated), local: sqnr(reference, local) },
    ]),
  );
}

/** As the oracle, within rounding: kernels add in other orders, which tips a few values to the next code. */
function expectAlike(found: readonly LayerDifference[], expected: ReadonlyMap<string, Expected>): void {
  expect(found.map(({ layer }) => layer)).toEqual([...expected.keys()]);
  for (const { layer, accumulated, local, reason } of found) {
    expect(reason, layer).toBeUndefined();
    for (const [name, figure] of [
      ['accumulated', accumulated],
      ['local', local],
    ] as const) {
      const wanted = expected.get(layer)?.[name] ?? NaN;
      // Both beyond what float32 can tell.
      if (wanted > 110 && (figure?.sqnrDb ?? Infinity) > 110) continue;
      expect(
        Math.abs((figure?.sqnrDb ?? Infinity) - wanted),
        `${name} of ${layer}: ${figure?.sqnrDb} dB, by brute force ${wanted}`,
      ).toBeLessThan(0.1);
    }
  }
}

describe('compareLayers(runtime, a, b, slice), the sample against itself quantized', () => {
  const weightOnly = (value: string): string => value;
  const behindPairs = (value: string): string =>
    value === 'logits' ? value : `${value}_DequantizeLinear_Output`;

  it.each([
    ['w8', weightOnly],
    ['lut16', weightOnly],
    ['fp16', weightOnly],
    ['w4,block:32', weightOnly],
    ['w8a8', behindPairs],
    ['w8a16', behindPairs],
  ] as const)('%s: accumulated and local errors as by brute force', async (format, seen) => {
    const bytes = await mnistAs(format);
    const found = await compareLayers(runtime, await read(floatBytes), await read(bytes), slice);
    expect(found.samples).toBe(4);
    expect(found.unmatched).toEqual({ a: [], b: [] });
    expect(found.layers.map(({ a, b }) => [a.value, b.value])).toEqual(units.map(({ to }) => [to, seen(to)]));
    expectAlike(found.layers, await bruteForce(bytes, seen, samples));
  });

  it('tells the nodes of each unit: n of one model to m of the other', async () => {
    const { layers } = await compareLayers(
      runtime,
      await read(floatBytes),
      await read(await mnistAs('w8a8')),
      slice,
    );
    expect(layers[1]?.a.nodes).toEqual([
      'node_conv2d_1',
      'node__native_batch_norm_legit_no_training_1__0',
      'node_relu_1',
    ]);
    expect(layers[1]?.b.nodes).toEqual([
      'node_conv2d_1',
      'relu_QuantizeLinear',
      'relu_DequantizeLinear',
      'relu_1_QuantizeLinear',
      'relu_1_DequantizeLinear',
    ]);
  });

  describe('whatever the nodes and values are called', () => {
    let plain: Uint8Array;
    beforeAll(async () => {
      plain = await mnistAs('w8a8');
    });

    it('finds the same figures', async () => {
      const model = await read(floatBytes);
      const named = await compareLayers(runtime, model, await read(plain), slice);
      const others = await compareLayers(runtime, model, await read(renamed(plain)), slice);
      expect(others.unmatched).toEqual({ a: [], b: [] });
      const figures = ({ layers }: typeof named) =>
        layers.map(({ layer, accumulated, local }) => ({ layer, accumulated, local }));
      expect(figures(others)).toEqual(figures(named));
    });

    it('and with groups that hold one layer at a time', async () => {
      const model = await read(floatBytes);
      const together = await compareLayers(runtime, model, await read(plain), slice);
      const apart = await compareLayers(runtime, model, await read(plain), slice, { groupBytes: 1 });
      expect(apart.layers).toEqual(together.layers);
    });
  });

  it('is exact where nothing differs', async () => {
    const model = await read(floatBytes);
    const { layers } = await compareLayers(runtime, model, model, slice);
    for (const { accumulated, local } of layers) {
      expect(accumulated?.sqnrDb).toBeNull();
      expect(local?.sqnrDb ?? Infinity).toBeGreaterThan(120);
    }
  });

  it('takes as many samples as it is told, and stops when cancelled', async () => {
    const [a, b] = [await read(floatBytes), await read(await mnistAs('w8'))];
    expect(await compareLayers(runtime, a, b, slice, { samples: 2 })).toMatchObject({ samples: 2 });
    const signal = { aborted: false };
    const onProgress = () => (signal.aborted = true);
    await expect(compareLayers(runtime, a, b, slice, {}, { signal, onProgress })).rejects.toThrow(
      CancelledError,
    );
  });
});

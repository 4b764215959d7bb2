import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import type { Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import { layerTasks, encodeTask, type LayerTask } from '../../../src/core/recover/layerTask';
import { rewrite, type Rewritten } from '../../../src/core/rewrite/rewrite';
import type { EncodingChoice } from '../../../src/core/rewrite/weights/encodeWeight';
import { uniform } from '../../support/random';
import { quantize } from '../../support/rewriting';
import { conv, type Dims, image, model, node, samples, weights } from './models';

function planOf(text: string): Plan {
  const format = parseFormat(text);
  if ('mistake' in format) throw new Error(format.mistake);
  const { scheme, ...defaultOptions } = format;
  return { ...defaultPlan, defaultScheme: scheme, defaultOptions };
}

const convs = (): Model =>
  model(
    [
      conv('a', ['x', 'w', 'b'], 'mid'),
      node('Relu', 'relu', ['mid'], ['act']),
      conv('c', ['act', 'v'], 'y', 1),
    ],
    [weights('w', [4, 3, 3, 3]), floatTensor('b', [0.3, -0.1, 0.2, 0.05]), weights('v', [3, 4, 1, 1], 2)],
    image,
  );
const matrices = (): Model =>
  model(
    [node('MatMul', 'a', ['x', 'w'], ['h']), node('Gemm', 'c', ['h', 'v', 'd'], ['y'])],
    [weights('w', [8, 6]), weights('v', [6, 4], 2), floatTensor('d', [1, 0.5, -0.5, 0])],
    [5, 8],
  );
const left = (): Model =>
  model(
    [
      node('MatMul', 'a', ['w', 'x'], ['h']),
      node('Relu', 'relu', ['h'], ['act']),
      node('MatMul', 'c', ['act', 'v'], ['y']),
    ],
    [weights('w', [6, 5]), weights('v', [8, 3], 2)],
    [5, 8],
  );
const stacked = (): Model =>
  model(
    [node('MatMul', 'a', ['x', 'w'], ['h']), node('MatMul', 'c', ['h', 'v'], ['y'])],
    [weights('w', [2, 8, 6]), weights('v', [2, 6, 4], 2)],
    [2, 5, 8],
  );
const models: Readonly<Record<string, readonly [() => Model, Dims]>> = {
  convolutions: [convs, image],
  matrices: [matrices, [5, 8]],
  'matrices on the left': [left, [5, 8]],
  'stacked matrices': [stacked, [2, 5, 8]],
};

/** Codes, scales and zero points of the constant that the weight input of a layer comes from. */
async function storedWeight({ graph }: Model, layer: string, position: number) {
  const nodeOf = (name: string) => graph?.node.find(({ output }) => output[0] === name);
  const reader = graph?.node.find(({ name }) => name === layer);
  const dequantize = nodeOf(reader?.input[position] ?? '');
  expect(dequantize?.opType).toBe('DequantizeLinear');
  const [codes, scales, zeros] = await Promise.all(
    (dequantize?.input ?? []).map(async (name) => {
      const tensor = graph?.initializer.find((each) => each.name === name);
      const bytes = await tensor?.rawData?.read();
      if (!tensor || !bytes) throw new Error(`${name} is not stored`);
      if (tensor.dataType === 1) return readFloat32(tensor);
      if (tensor.dataType === 6) return new Int32Array(bytes.slice().buffer);
      return tensor.dataType === 3 ? Int8Array.from(bytes) : Uint8Array.from(bytes);
    }),
  );
  if (!codes || !scales || !zeros) throw new Error('a weight needs codes, scales and zero points');
  return { codes, scales, zeros };
}

/** Codes that are not the nearest, and a factor for each scale. */
async function otherChoice(task: LayerTask, random: () => number): Promise<EncodingChoice> {
  const encoded = encodeTask(task, {});
  const grid = await encoded.grid();
  const values = await readFloat32(task.weight.tensor);
  const codes = Int16Array.from(values, (value, at) => grid?.codeOf(at, 1.2 * value + 0.1 * random()) ?? 0);
  const channels = task.weight.tensor.dims[encoded.scaledAxis ?? -1];
  const factors =
    channels === undefined ? undefined : Float32Array.from({ length: channels }, () => 1 + random());
  return { codes: { codes, rounding: 'gptq', ...(factors && { factors }) } };
}

async function rewritten(float: Model, plan: Plan, dims: Dims) {
  const plain = await quantize(float, plan, samples(dims));
  const { tasks, passedOver } = layerTasks(plain.prepared.model, plan, new Map());
  expect([...passedOver.keys()]).toEqual([]);
  const random = uniform(5);
  const choices = new Map<string, EncodingChoice>();
  for (const task of tasks) choices.set(task.layer.name, await otherChoice(task, random));
  const chosen: Rewritten = await rewrite(plain.prepared.model, plan, plain.ranges, {}, choices);
  return { plain, tasks, choices, chosen };
}

describe.each(Object.entries(models))('codes of %s that compute on integers', (_, [float, dims]) => {
  it.each([
    'w8a8',
    'w8a8,tensor',
    'w8a8,unsigned',
    'w8a8,asymmetric',
    'w8a8,reduced',
    'w8a8,signed-extreme',
    'w8a16',
  ])('as %s are what the file holds', async (text) => {
    const { plain, tasks, choices, chosen } = await rewritten(float(), planOf(text), dims);
    expect(tasks.map(({ layer }) => layer.name)).toEqual(['a', 'c']);
    expect(chosen.layers.map(({ rounding }) => rounding)).toEqual(['gptq', 'gptq']);
    for (const task of tasks) {
      const { layer, weight } = task;
      const before = await storedWeight(plain.model, layer.name, weight.inputIndex);
      const after = await storedWeight(chosen.model, layer.name, weight.inputIndex);
      const { codes } = choices.get(layer.name) ?? {};
      expect([...after.codes]).toEqual([...(codes?.codes ?? [])]);
      expect(after.codes).not.toEqual(before.codes);
      expect(after.zeros).toEqual(before.zeros);
      const scales = before.scales.map((scale, at) => scale * (codes?.factors?.[at] ?? 1));
      expect(Float32Array.from(after.scales)).toEqual(Float32Array.from(scales));
      // What was judged is what the file gives.
      const values = await encodeTask(task, choices.get(layer.name) ?? {}).values();
      const axis = encodeTask(task, {}).scaledAxis;
      const inner = weight.tensor.dims.slice((axis ?? 0) + 1).reduce((product, size) => product * size, 1);
      const back = [...after.codes].map((code, at) => {
        const slice = after.scales.length === 1 ? 0 : Math.floor(at / inner) % after.scales.length;
        return Math.fround((code - (after.zeros[slice] ?? 0)) * (after.scales[slice] ?? 0));
      });
      expect([...values]).toEqual(back);
      const nearest = (await plain.layers.find(({ name }) => name === layer.name)?.measureWeight())?.sse;
      const measured = await chosen.layers.find(({ name }) => name === layer.name)?.measureWeight();
      const float32 = await readFloat32(weight.tensor);
      const sse = float32.reduce((sum, value, at) => sum + (value - (back[at] ?? 0)) ** 2, 0);
      expect(measured?.sse).toBeCloseTo(sse, 4);
      expect(measured?.sse).toBeGreaterThan(nearest ?? Infinity);
    }
  });
});

describe('the bias of a layer with chosen codes', () => {
  it('is counted in steps of the scales as they are then', async () => {
    const { chosen } = await rewritten(convs(), planOf('w8a8'), image);
    const { graph } = chosen.model;
    const layer = graph?.node.find(({ name }) => name === 'a');
    const scalesOf = async (position: number): Promise<number[]> => {
      const dequantize = graph?.node.find(({ output }) => output[0] === layer?.input[position]);
      const tensor = graph?.initializer.find(({ name }) => name === dequantize?.input[1]);
      if (!tensor) throw new Error(`input ${position} has no scales`);
      return [...(await readFloat32(tensor))];
    };
    const [[input = NaN], steps, biasSteps] = [await scalesOf(0), await scalesOf(1), await scalesOf(2)];
    expect(biasSteps).toEqual(steps.map((step) => Math.fround(input * step)));
    const { codes } = await storedWeight(chosen.model, 'a', 2);
    const bias = [0.3, -0.1, 0.2, 0.05];
    for (const [channel, code] of [...codes].entries())
      expect(Math.abs(code * (biasSteps[channel] ?? NaN) - (bias[channel] ?? NaN))).toBeLessThan(1e-4);
  });
});

describe('a channel whose bias needs another scale', () => {
  it('is rounded to the nearest there, the others keep their codes', async () => {
    const dead = (await readFloat32(weights('w', [4, 3, 3, 3]))).map((value, at) =>
      at < 27 ? value * 1e-9 : value,
    );
    const float = model(
      [
        conv('a', ['x', 'w', 'b'], 'mid'),
        node('Relu', 'relu', ['mid'], ['act']),
        conv('c', ['act', 'v'], 'y', 1),
      ],
      [
        floatTensor('w', dead, [4, 3, 3, 3]),
        floatTensor('b', [9, -0.1, 0.2, 0.05]),
        weights('v', [3, 4, 1, 1], 2),
      ],
      image,
    );
    const { choices, plain, chosen } = await rewritten(float, planOf('w8a8'), image);
    const before = await storedWeight(plain.model, 'a', 1);
    const after = await storedWeight(chosen.model, 'a', 1);
    const codes = choices.get('a')?.codes?.codes ?? new Int16Array(0);
    expect(after.codes.slice(0, 27)).toEqual(before.codes.slice(0, 27));
    expect(after.scales[0]).toBe(before.scales[0]);
    expect([...after.codes.slice(27)]).toEqual([...codes.slice(27)]);
    expect([...after.codes.slice(0, 27)]).not.toEqual([...codes.slice(0, 27)]);
  });
});

import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import type { Model } from '../../../src/core/onnx/types';
import { floatTensor } from '../../../src/core/onnx/build';
import { derive } from '../../../src/core/onnx/origin';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import { parseFormat, type LayerFormat } from '../../../src/core/quant/layerFormat';
import type { CompensatedCodes } from '../../../src/core/quant/weightGrid';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { encodeWeight, type EncodingChoice } from '../../../src/core/rewrite/weights/encodeWeight';
import { weightSite } from '../../../src/core/rewrite/weights/weightSite';
import { uniform } from '../../support/random';
import { run, sqnr } from '../../support/rewriting';
import { conv, type Dims, model, node, samples, weights } from './models';

const operators: Readonly<Record<string, { readonly input: Dims; readonly float: Model }>> = {
  Conv: {
    input: [1, 5, 6, 6],
    float: model([conv('layer', ['x', 'w'], 'y')], [weights('w', [6, 5, 3, 3])], [1, 5, 6, 6]),
  },
  // Its channels lie along the second axis.
  MatMul: {
    input: [2, 3, 64],
    float: model([node('MatMul', 'layer', ['x', 'w'], ['y'])], [weights('w', [64, 8])], [2, 3, 64]),
  },
};

const formats = [
  'w8',
  'w8,asymmetric',
  'w8,tensor',
  'w8,kernel',
  'w8,gain',
  'w4',
  'w4,unsigned',
  'w4,asymmetric',
  'w4,block:32',
  'w4,signed-extreme',
  'u3',
  'lut16',
  'lut16,tensor',
  'lut16,channel,no-gain',
  'lut16,group:2',
  'lut20',
  'pow2-5',
  'pow2-15,channel,gain',
];

/** Formats that store a scale for each channel, or more. */
const hasFactors = (text: string): boolean => !/tensor|u3|group|pow2-5/.test(text);

function formatOf(text: string): LayerFormat {
  const format = parseFormat(text);
  if ('mistake' in format) throw new Error(format.mistake);
  return format;
}

function planOf(text: string): Plan {
  const { scheme, ...defaultOptions } = formatOf(text);
  return { ...defaultPlan, defaultScheme: scheme, defaultOptions };
}

/** The weight of the only layer as a plan prepares it, and how to encode it. */
async function weightOf(float: Model, text: string) {
  const { model: prepared } = await prepareFloat(float, planOf(text));
  const index = indexGraph(prepared);
  const [layer] = findLayers(index, inferShapes(index, {}));
  if (!layer?.weight) throw new Error('no layer');
  const { tensor } = layer.weight;
  const site = weightSite(layer.ref, layer.weight, prepared.opsetImport[0]?.version ?? 0);
  const encode = (choice?: EncodingChoice) => encodeWeight(tensor, site, formatOf(text), choice);
  return { prepared, tensor, encode, values: await readFloat32(tensor), name: layer.name };
}

/** Some codes that are not the nearest: those of other values. */
async function otherCodes({ encode, values }: Awaited<ReturnType<typeof weightOf>>): Promise<Int16Array> {
  const grid = await encode().grid();
  const random = uniform(3);
  return Int16Array.from(values, (value, at) => grid?.codeOf(at, 1.2 * value + 0.3 * (random() - 0.5)) ?? 0);
}

describe.each(Object.entries(operators))('codes chosen for a %s', (_, { input, float }) => {
  it.each(formats)('as %s are what the file holds and the runtime computes from', async (text) => {
    const weight = await weightOf(float, text);
    const grid = await weight.encode().grid();
    const codes = await otherCodes(weight);
    const back = Float32Array.from(codes, (code, at) => grid?.valueOf(at, code) ?? NaN);
    const plain = await weight.encode().values();
    expect(back).not.toEqual(plain);

    const choice: EncodingChoice = { codes: { codes, rounding: 'gptq' } };
    const compensated = weight.encode(choice);
    expect(await compensated.values()).toEqual(back);
    expect(compensated.bytes).toBe(weight.encode().bytes);
    const use = await compensated.codeUse();
    const counted = codes.filter((code) => code === (codes[0] ?? 0)).length;
    expect(use?.counts[(codes[0] ?? 0) - use.first]).toBe(counted);

    const written = await rewrite(float, planOf(text), new Map(), {}, new Map([[weight.name, choice]]));
    expect(written.layers[0]).toMatchObject({ rounding: 'gptq' });
    const { graph } = weight.prepared;
    if (!graph) throw new Error('no graph');
    const reference = derive(weight.prepared, {
      graph: derive(graph, { initializer: [floatTensor('w', back, weight.tensor.dims)] }),
    });
    const [sample = {}] = samples(input, 1);
    const { y: expected = [] } = await run(reference, sample, 'none');
    const { y: after = [] } = await run(written.model, sample, 'none');
    expect(sqnr(expected, after)).toBeGreaterThan(120);
  });

  it.each(formats)('as %s: the grid knows the nearest, with ties as rounding has them', async (text) => {
    const { encode, values } = await weightOf(float, text);
    const encoded = encode();
    const grid = await encoded.grid();
    const use = await encoded.codeUse();
    if (!grid || !use) throw new Error('no grid');
    const codes = Array.from({ length: use.tables?.[0]?.length ?? use.possible }, (_, at) => use.first + at);
    for (const [at, value] of values.subarray(0, 100).entries()) {
      const least = Math.min(...codes.map((code) => Math.abs(grid.valueOf(at, code) - value)));
      const found = Math.abs(grid.valueOf(at, grid.codeOf(at, value)) - value);
      expect(found - least).toBeLessThan(1e-6);
    }
    // With a gain, values are rounded before they are multiplied.
    if (encoded.words.gain) return;
    const rounded = values.map((value, at) => grid.valueOf(at, grid.codeOf(at, value)));
    expect(rounded).toEqual(await encoded.values());
  });

  it.each(formats)('as %s: factors multiply the scales of the channels', async (text) => {
    const weight = await weightOf(float, text);
    const { scaledAxis } = weight.encode();
    const codes = await otherCodes(weight);
    if (!hasFactors(text)) {
      expect(scaledAxis).toBeUndefined();
      const choice = { codes: { codes, factors: new Float32Array(8) } };
      await expect(weight.encode(choice).fit()).rejects.toThrow('no scales of their own');
      return;
    }
    const { dims } = weight.tensor;
    const channels = dims[scaledAxis ?? 0] ?? 0;
    const factors = Float32Array.from({ length: channels }, (_, channel) => 0.75 + 0.125 * channel);
    const before = await weight.encode({ codes: { codes } }).values();
    const after = await weight.encode({ codes: { codes, factors } }).values();
    const inner = scaledAxis === 0 ? before.length / channels : 1;
    const ratios = Array.from(before, (value, at) => {
      const factor = factors[Math.floor(at / inner) % channels] ?? 0;
      return value === 0 ? 0 : (after[at] ?? 0) / value / factor - 1;
    });
    expect(Math.max(...ratios.map(Math.abs))).toBeLessThan(1e-6);
    const grid = await weight.encode({ codes: { codes, factors } }).grid();
    expect(Float32Array.from(codes, (code, at) => grid?.valueOf(at, code) ?? NaN)).toEqual(after);
  });
});

describe('codes that do not fit', () => {
  const fitted = async (text: string, codes: CompensatedCodes) => {
    const { float } = operators['Conv'] ?? {};
    if (!float) throw new Error('no model');
    return (await weightOf(float, text)).encode({ codes }).fit();
  };

  it.each([
    ['w4', -9],
    ['w4,unsigned', -1],
    ['w8', 128],
    ['lut16', 16],
    ['pow2-15', 15],
  ])('%s has no code %i', async (text, code) => {
    await expect(fitted(text, { codes: new Int16Array(270).fill(code) })).rejects.toThrow(`a code ${code}`);
    await expect(fitted(text, { codes: new Int16Array(9) })).rejects.toThrow('9 codes for 270 weights');
  });

  it('half precision has none', async () => {
    await expect(fitted('fp16', { codes: new Int16Array(270) })).rejects.toThrow('no codes');
  });
});

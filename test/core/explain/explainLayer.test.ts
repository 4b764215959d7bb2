import { describe, expect, it } from 'vitest';
import { explainLayer } from '../../../src/core/explain/explainLayer';
import type { LayerExplanation } from '../../../src/core/explainResults';
import { floatTensor } from '../../../src/core/onnx/build';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import type { Model, Tensor } from '../../../src/core/onnx/types';
import { onlyLayer } from '../../../src/core/plan/editPlan';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import type { Candidate } from '../../../src/core/results';
import { predictBytes } from '../../../src/core/rewrite/predictBytes';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { normalNoise } from '../../support/random';
import { runtime } from '../../support/runtime';
import { floats, sliceOf } from '../../support/slices';
import { conv, image, model, node, weights } from '../rewrite/models';

const plan = { ...defaultPlan, activationRange: 'max' as const };

/** x → first (3×3) → Relu → second (1×1) → y, opset 21; `first` has the weight given. */
function network(first: Tensor): Model {
  const [channels = 0] = first.dims;
  return model(
    [
      conv('first', ['x', 'w'], 'mid'),
      node('Relu', 'relu', ['mid'], ['active']),
      conv('second', ['active', 'v'], 'y', 1),
    ],
    [first, weights('v', [2, channels, 1, 1])],
    image,
    ['y'],
    21,
  );
}

const dims = [16, 3, 3, 3];

/** Normal weights, each made by `change` from its channel and the noise. */
function weightOf(change: (noise: number, channel: number, at: number) => number, seed = 5): Tensor {
  const noise = normalNoise(16 * 27, seed);
  return floatTensor(
    'w',
    noise.map((value, at) => change(value, Math.floor(at / 27), at)),
    dims,
  );
}

const plain = weightOf((value) => value);
const oneWideChannel = weightOf((value, channel) => (channel === 5 ? 60 * value : value));
const heavyTail = weightOf((value) => value ** 3);

function kinds({ causes }: LayerExplanation): string[] {
  return causes.map(({ kind }) => kind);
}

/** Clipping and rounding by what is written: codes, scales and zero points of the rewritten file. Axis 0, or one scale. */
async function writtenSplit(weight: Tensor, scheme: string): Promise<{ clipping: number; rounding: number }> {
  const format = parseFormat(scheme);
  if ('mistake' in format) throw new Error(format.mistake);
  const only = onlyLayer(plan, 'first', format);
  const prepared = await prepareFloat(network(weight), only);
  const { model: written } = await rewrite(prepared.model, only, new Map());
  const { graph } = written;
  const dequantize = graph?.node.find(({ opType }) => opType === 'DequantizeLinear');
  const stored = (at: number) => graph?.initializer.find(({ name }) => name === dequantize?.input[at]);
  const [codes, scales, zeros] = [stored(0), stored(1), stored(2)];
  if (!codes || !scales) throw new Error('nothing is dequantized');
  const values = await readFloat32(weight);
  const integers = await readFloat32(codes);
  const steps = await readFloat32(scales);
  const zeroPoints = zeros ? await readFloat32(zeros) : [];
  const [low, high] = format.scheme === 'w4' ? [-8, 7] : [-128, 127];
  let [clipping, rounding] = [0, 0];
  values.forEach((value, at) => {
    const slice = steps.length === 1 ? 0 : Math.floor(at / 27);
    const step = steps[slice] ?? NaN;
    const zero = zeroPoints[slice] ?? 0;
    const error = (value - ((integers[at] ?? NaN) - zero) * step) ** 2;
    const [first, last] = [(low - zero) * step, (high - zero) * step];
    const [min, max] = [Math.min(first, last), Math.max(first, last)];
    const beyond = value > max ? value - max : value < min ? min - value : 0;
    clipping += beyond ** 2;
    rounding += error - beyond ** 2;
  });
  return { clipping, rounding };
}

describe('explainLayer(model, plan, options), of the weight', () => {
  it.each([
    'w8',
    'w8,tensor',
    'w8,percentile:95',
    'w8,asymmetric,mse',
    'w4',
    'w4,mse',
    'w4,signed-extreme',
    'w4,gain',
  ])('splits the error of %s as what is written has it', async (scheme) => {
    for (const weight of [plain, oneWideChannel, heavyTail]) {
      const { weight: split } = await explainLayer(network(weight), plan, { layer: 'first', scheme });
      const { clipping, rounding } = await writtenSplit(weight, scheme);
      const energy = (await readFloat32(weight)).reduce((sum, value) => sum + value * value, 0);
      if (!split) throw new Error('no weight');
      expect(split.clipping + split.rounding).toBeCloseTo(1, 9);
      expect(split.clipping).toBeCloseTo(clipping / (clipping + rounding), 4);
      expect(split.sqnrDb).toBeCloseTo(10 * Math.log10(energy / (clipping + rounding)), 4);
      expect(split.worstChannels).toHaveLength(5);
    }
  });

  it('blames the spread of channels where one decides the scale of all', async () => {
    const wide = await explainLayer(network(oneWideChannel), plan, { layer: 'first', scheme: 'w8,tensor' });
    expect(kinds(wide)[0]).toBe('channelSpread');
    // 15 of 16 channels would have steps sixty times finer.
    expect(wide.causes[0]?.share).toBeGreaterThan(0.9);
    expect(wide.causes[0]?.text).toMatch(/^The widest channel reaches \d+ times as far as the median one/);
    expect(wide.weight?.channelSpread).toBeGreaterThan(30);
    expect(wide.remedies[0]?.scheme).toMatch(/^(w8,channel|w8,block:32|fp16)$/);
    const perChannel = await explainLayer(network(oneWideChannel), plan, { layer: 'first', scheme: 'w8' });
    expect(kinds(perChannel)).toEqual(['rounding']);
    expect(perChannel.weight?.worstChannels[0]?.channel).toBe(5);
    const even = await explainLayer(network(plain), plan, { layer: 'first', scheme: 'w8,tensor' });
    expect(kinds(even)).toEqual(['rounding']);
  });

  it('blames clipping where the range leaves the tail outside', async () => {
    const clipped = await explainLayer(network(heavyTail), plan, {
      layer: 'first',
      scheme: 'w8,percentile:95',
    });
    expect(kinds(clipped)[0]).toBe('clipping');
    expect(clipped.causes[0]?.text).toMatch(
      /^Values beyond the range make \d+ % of the weight's squared error/,
    );
    expect(clipped.remedies.some(({ scheme }) => scheme === 'w8,max')).toBe(true);
    const byError = await explainLayer(network(heavyTail), plan, { layer: 'first', scheme: 'w4,tensor,mse' });
    expect(kinds(byError)).toContain('clipping');
  });

  it('blames rounding where the range keeps everything', async () => {
    const rounded = await explainLayer(network(plain), plan, { layer: 'first', scheme: 'w4,narrow' });
    expect(rounded.weight).toMatchObject({ clipping: 0, rounding: 1 });
    expect(kinds(rounded)).toEqual(['rounding']);
    expect(rounded.causes[0]).toMatchObject({ share: 1 });
  });

  it('takes both weights of a recurrent layer together', async () => {
    const [W, R] = [weights('W', [1, 32, 6]), weights('R', [1, 32, 8], 2)];
    const lstm = node('LSTM', 'lstm', ['x', 'W', 'R'], ['y'], { hidden_size: { int: 8 } });
    const recurrent = model([lstm], [W, R], [5, 1, 6], ['y'], 21);
    const { weight, causes } = await explainLayer(recurrent, plan, { layer: 'lstm', scheme: 'w8,tensor' });
    let [noise, energy] = [0, 0];
    for (const tensor of [W, R]) {
      const values = await readFloat32(tensor);
      const step = (2 * Math.max(...values.map(Math.abs))) / 254;
      for (const value of values) {
        noise += (value - step * Math.round(value / step)) ** 2;
        energy += value * value;
      }
    }
    expect(weight?.sqnrDb).toBeCloseTo(10 * Math.log10(energy / noise), 2);
    expect(weight).toMatchObject({ clipping: 0, rounding: 1 });
    expect(weight?.worstChannels).toHaveLength(5);
    expect(causes[0]?.kind).toMatch(/channelSpread|rounding/);
  });

  it('says nothing against a format that loses nothing', async () => {
    const exact = weightOf((_, __, at) => ((at % 27) - 13) / 8);
    const explained = await explainLayer(network(exact), plan, { layer: 'first', scheme: 'fp16' });
    expect(explained.causes).toEqual([]);
    expect(explained.weight).toMatchObject({ sqnrDb: null, clipping: 0, rounding: 0, worstChannels: [] });
  });
});

describe('its remedies', () => {
  it('tell the bytes of the dry run, gain most first, and end with float', async () => {
    const original = network(oneWideChannel);
    const { remedies, weight } = await explainLayer(original, plan, { layer: 'first', scheme: 'w4,tensor' });
    expect(remedies.length).toBeGreaterThan(4);
    expect(remedies.at(-1)).toMatchObject({ scheme: 'float', bytes: 4 * 16 * 27, sensitivity: null });
    for (const { scheme, bytes, sensitivity, text } of remedies) {
      const format = parseFormat(scheme);
      if ('mistake' in format) throw new Error(format.mistake);
      const { layers } = await predictBytes(original, onlyLayer(plan, 'first', format));
      expect([scheme, bytes]).toEqual([scheme, layers.find(({ name }) => name === 'first')?.bytesAfter]);
      expect(sensitivity).toBeNull();
      expect(text).toMatch(/, for (the same bytes|[\d,]+ bytes? (more|less) \([+−][\d.]+ %\))/);
    }
    const gains = remedies.slice(0, -1).map(({ weightSqnrDb }) => weightSqnrDb ?? Infinity);
    expect(gains).toEqual(gains.toSorted((a, b) => b - a));
    for (const gain of gains) expect(gain).toBeGreaterThan(weight?.sqnrDb ?? Infinity);
    expect(remedies.map(({ scheme }) => scheme)).toContain('w4,block:32');
  });

  it('are the measured formats that hurt less, where there are figures', async () => {
    const candidates = [
      candidate('first', 'w4,block:32', 0.02),
      candidate('first', 'lut16', 0.03, { standardError: 0.08 }),
      candidate('first', 'w8a8', 0.5),
      { ...candidate('first', 'w8a16', 0.001), provisional: true as const },
      { ...candidate('first', 'pow2-5', 0), sensitivity: null, error: 'failed' },
      candidate('first', 'w4', 0.1),
      candidate('second', 'w8', 0.001),
    ];
    const { remedies, measured } = await explainLayer(network(plain), plan, {
      layer: 'first',
      scheme: 'w4',
      measured: { metric: 'kl', candidates },
    });
    expect(measured).toEqual({ metric: 'kl', sensitivity: 0.1, standardError: null, rank: 1, of: 1 });
    expect(remedies.map(({ scheme, sensitivity }) => [scheme, sensitivity])).toEqual([
      ['w4,block:32', 0.02],
      ['lut16', 0.03],
      ['float', 0],
    ]);
    expect(remedies[0]?.text).toMatch(/^Sensitivity 2\.0e-2 instead of 1\.0e-1, for /);
    expect(remedies.map(({ text }) => text.includes('too few samples'))).toEqual([false, true, false]);
    expect(remedies[0]?.weightSqnrDb).toBeGreaterThan(15);
  });
});

function candidate(
  layer: string,
  scheme: string,
  sensitivity: number,
  more: Partial<Candidate> = {},
): Candidate {
  return { layer, scheme, sensitivity, localSqnrDb: 30, sqnrDb: 30, bytes: 1, ...more };
}

describe('of activations', () => {
  const sample = (change: (value: number, at: number) => number, seed: number) =>
    floats(normalNoise(192, seed).map(change), image);
  const slice = (change: (value: number, at: number) => number) =>
    sliceOf(
      'calibrate',
      Array.from({ length: 16 }, (_, index) => ({ index, feeds: { x: sample(change, index) } })),
    );

  it('blames the input whose range a few values stretch', async () => {
    const outliers = slice((value, at) => (at === 7 ? 300 * Math.sign(value) : value));
    const explained = await explainLayer(network(plain), plan, {
      layer: 'first',
      scheme: 'w8a8',
      calibration: { runtime, slice: outliers },
    });
    expect(explained.activations.map(({ value, role }) => [value, role])).toEqual([
      ['x', 'input'],
      ['active', 'output'],
    ]);
    expect(kinds(explained)[0]).toBe('activationRange');
    expect(explained.causes[0]?.text).toMatch(/^Its input x reaches .* as uint8 has an SQNR of/);
    expect(explained.remedies[0]?.scheme).toMatch(/^(w8a16|w8|fp16)/);
    for (const { clipping, rounding, sqnrDb } of explained.activations) {
      expect(clipping + rounding).toBeCloseTo(1, 9);
      expect(sqnrDb).toBeGreaterThan(5);
    }
  });

  it('tells what rounding does to them, by their ranges', async () => {
    const calm = slice((value) => Math.max(-2, Math.min(2, value)));
    const { activations } = await explainLayer(network(plain), plan, {
      layer: 'first',
      scheme: 'w8a8',
      calibration: { runtime, slice: calm },
    });
    const [input] = activations;
    let [noise, energy] = [0, 0];
    const step = 4 / 255;
    for (let index = 0; index < 16; index++) {
      for (const value of normalNoise(192, index)) {
        const x = Math.max(-2, Math.min(2, value));
        noise += (x - step * Math.round(x / step)) ** 2;
        energy += x * x;
      }
    }
    expect(Math.abs((input?.sqnrDb ?? NaN) - 10 * Math.log10(energy / noise))).toBeLessThan(0.1);
    expect(input?.tail).toBeCloseTo(1, 1);
  });

  it('takes what the plan fixes for a tensor', async () => {
    const values = slice((value) => value);
    const fixed = { ...plan, tensors: { x: { min: -1, max: 1 } } };
    const options = { layer: 'first', scheme: 'w8a8', calibration: { runtime, slice: values } };
    const open = await explainLayer(network(plain), plan, options);
    const clipped = await explainLayer(network(plain), fixed, options);
    expect(open.activations[0]?.clipping).toBeLessThan(0.01);
    expect(clipped.activations[0]?.clipping).toBeGreaterThan(0.99);
  });

  it('does not look at them for formats that leave them float, nor without data', async () => {
    const values = slice((value) => value);
    const calibration = { runtime, slice: values };
    for (const options of [{ scheme: 'w8', calibration }, { scheme: 'w8a8' }]) {
      const { activations } = await explainLayer(network(plain), plan, { layer: 'first', ...options });
      expect(activations).toEqual([]);
    }
  });
});

describe('by a scan', () => {
  const others = (sensitivities: readonly number[], locals: readonly number[]): Candidate[] =>
    sensitivities.map((sensitivity, at) =>
      candidate(at === 0 ? 'first' : `layer ${at}`, 'w8', sensitivity, { localSqnrDb: locals[at] ?? null }),
    );
  const explain = (candidates: readonly Candidate[]) =>
    explainLayer(network(plain), plan, {
      layer: 'first',
      scheme: 'w8',
      measured: { metric: 'kl', candidates },
    });

  it('blames propagation where the weight is fine and the layer sensitive all the same', async () => {
    const explained = await explain(
      others([0.3, 0.1, 0.01, 0.01, 0.5, 0.01, 0.01, 0.01], [40, 35, 30, 30, 30, 30, 30, 30]),
    );
    expect(explained.measured).toMatchObject({ rank: 2, of: 8 });
    expect(kinds(explained)[0]).toBe('propagation');
    expect(explained.causes[0]).toMatchObject({ share: null });
    expect(explained.causes[0]?.text).toMatch(
      /40\.0 dB; the median layer has 30\.0 dB, yet .* number 2 of 8/,
    );
  });

  it('does not where its own error is large, or it is not sensitive', async () => {
    const loud = await explain(others([0.3, 0.1, 0.01, 0.01, 0.01], [20, 35, 30, 30, 30]));
    expect(kinds(loud)).not.toContain('propagation');
    const calm = await explain(others([0.01, 0.1, 0.2, 0.3, 0.4], [40, 35, 30, 30, 30]));
    expect(kinds(calm)).not.toContain('propagation');
  });

  it('tells that the error grows on its way to the outputs', async () => {
    const [first] = others([0.3], [40]);
    const grown = await explain([{ ...first, sqnrDb: 25 } as Candidate]);
    expect(grown.causes[0]?.text).toMatch(/40\.0 dB; at the model's outputs 25\.0 dB are left/);
  });

  it('tells of interaction, in the direction that it has', async () => {
    const [first] = others([0.01], [30]);
    const worse = await explain([{ ...first, restoring: 0.2, interaction: true } as Candidate]);
    expect(worse.causes[0]).toMatchObject({ kind: 'interaction', share: null });
    expect(worse.causes[0]?.text).toMatch(/costs 1\.0e-2, .* gains 2\.0e-1: the others make its error worse/);
    const less = await explain([{ ...first, restoring: 0.0001, interaction: true } as Candidate]);
    expect(less.causes[0]?.text).toMatch(/matter less/);
    const none = await explain([{ ...first, restoring: 0.011 } as Candidate]);
    expect(kinds(none)).not.toContain('interaction');
  });

  it('weighs weight and activations by what was measured of each', async () => {
    const slice = sliceOf('calibrate', [{ index: 0, feeds: { x: floats(normalNoise(192, 3), image) } }]);
    const whole = candidate('first', 'w8a8', 0.1);
    const parts = (ofWeights: number, ofActivations: number): Candidate[] => [
      whole,
      { ...whole, part: 'weights', sensitivity: ofWeights },
      { ...whole, part: 'activations', sensitivity: ofActivations },
    ];
    const explained = async (candidates: Candidate[]) =>
      kinds(
        await explainLayer(network(plain), plan, {
          layer: 'first',
          scheme: 'w8a8',
          calibration: { runtime, slice },
          measured: { metric: 'kl', candidates },
        }),
      );
    expect(await explained(parts(0.1, 0.001))).toEqual(['rounding']);
    expect(await explained(parts(0.001, 0.1))).toEqual(['activationRange', 'activationRange']);
    expect(await explained(parts(0.09, 0.08))).toEqual(['rounding']);
    expect(new Set(await explained(parts(0.08, 0.09)))).toEqual(new Set(['rounding', 'activationRange']));
  });
});

describe('what it refuses', () => {
  it.each([
    ['nothing', 'w8', /no layer nothing/],
    ['first', 'w3', /no scheme "w3"/],
    ['first', 'float', /float layer has no error/],
  ])('%s as %s', async (layer, scheme, message) => {
    await expect(explainLayer(network(plain), plan, { layer, scheme })).rejects.toThrow(message);
  });
});

import { describe, expect, it } from 'vitest';
import { packedView } from '../../../src/core/calibrate/weightMatrix';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import type { Feeds } from '../../../src/core/ports';
import { analyticBiasDelta } from '../../../src/core/recover/bias';
import { clippedMean, normalMeans } from '../../../src/core/recover/normalMeans';
import { recover } from '../../../src/core/recover/recover';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { normalNoise } from '../../support/random';
import { run } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { conv, model, node, weights } from '../rewrite/models';

describe('clippedMean', () => {
  it('is the mean of clipped normal numbers', () => {
    const noise = normalNoise(400_000, 3);
    for (const [mean, deviation, min, max] of [
      [0, 1, 0, Infinity],
      [-1.5, 0.7, 0, Infinity],
      [0.4, 2, 0, 6],
      [5, 3, 0, 6],
      [7, 0.5, 0, 6],
      [0.3, 1, -1, 0.5],
      [0.3, 1, -Infinity, 1],
      [0.3, 1, -Infinity, Infinity],
    ] as const) {
      const sum = noise.reduce((all, x) => all + Math.min(max, Math.max(min, mean + deviation * x)), 0);
      // Four standard errors, at least.
      expect(Math.abs(clippedMean(mean, deviation, { min, max }) - sum / noise.length)).toBeLessThan(
        0.007 * deviation,
      );
    }
  });

  it('is exact to the last digits', () => {
    const relu = { min: 0, max: Infinity };
    expect(clippedMean(0, 1, relu)).toBeCloseTo(1 / Math.sqrt(2 * Math.PI), 14);
    expect(clippedMean(-1, 1, relu)).toBeCloseTo(0.08331547058768626, 14);
    expect(clippedMean(-100, 1, relu)).toBe(0);
    expect(clippedMean(100, 1, relu)).toBe(100);
    expect(clippedMean(-1, 0, relu)).toBe(0);
    expect(clippedMean(8, 0, { min: 0, max: 6 })).toBe(6);
    expect(clippedMean(3, 2, { min: 0, max: 6 })).toBeCloseTo(3, 14);
    expect(clippedMean(NaN, 1, relu)).toBeNaN();
  });
});

const channels = 3;
const [shift, scale] = [
  [0.5, -0.4, 1.2],
  [1, -0.5, 2],
];
const ones = () => [
  floatTensor('scale', scale ?? []),
  floatTensor('shift', shift ?? []),
  floatTensor('mean', [0, 0, 0]),
  floatTensor('variance', [1, 1, 1]),
];
const normalize = (input: string, output: string) =>
  node('BatchNormalization', `${output}_bn`, [input, 'scale', 'shift', 'mean', 'variance'], [output]);

describe('normalMeans', () => {
  const behind = (opset: number): Model =>
    model(
      [
        normalize('x', 'plain'),
        node('Relu', 'relu', ['plain'], ['rectified']),
        opset < 11
          ? node('Clip', 'clip', ['plain'], ['clipped'], { min: { float: 0 }, max: { float: 1 } })
          : node('Clip', 'clip', ['plain', 'zero', 'one'], ['clipped']),
        node('Add', 'add', ['rectified', 'clipped'], ['sum']),
        node('GlobalAveragePool', 'pool', ['sum'], ['pooled']),
        node('Flatten', 'flatten', ['pooled'], ['flat']),
        node('Relu', 'second', ['sum'], ['unknown']),
        node('Sigmoid', 'sigmoid', ['plain'], ['other']),
      ],
      [...ones(), floatTensor('zero', [0], []), floatTensor('one', [1], [])],
      [1, channels, 200, 200],
      ['plain', 'rectified', 'clipped', 'sum', 'pooled', 'flat', 'unknown', 'other'],
      opset,
    );

  it.each([9, 17])('are those of normal inputs (opset %i)', async (opset) => {
    const data = normalNoise(channels * 40_000, 5);
    const outputs = await run(behind(opset), { x: { type: 'float32', dims: [1, channels, 200, 200], data } });
    const means = await normalMeans(behind(opset));
    expect([...means.keys()]).toEqual(['plain', 'rectified', 'clipped', 'sum', 'pooled', 'flat']);
    for (const [value, own] of means) {
      const measured = outputs[value] ?? new Float32Array(0);
      const each = measured.length / channels;
      for (let c = 0; c < channels; c++) {
        const sum = measured.subarray(c * each, (c + 1) * each).reduce((all, x) => all + x, 0);
        expect(Math.abs((own[c] ?? NaN) - sum / each)).toBeLessThan(0.04);
      }
    }
  });
});

describe('analyticBiasDelta', () => {
  it('gives all taps of a channel its mean, and knows where the channels are', () => {
    const view = packedView(2, 1, 4);
    const layerOf = (float: Model) => {
      const index = indexGraph(float);
      const [layer] = findLayers(index, inferShapes(index, {}));
      if (!layer) throw new Error('no layer');
      return layer;
    };
    const delta = (float: Model, means: readonly number[]) =>
      analyticBiasDelta(
        layerOf(float),
        Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
        new Float32Array(8),
        view,
        Float64Array.from(means),
        { channels: 2, columnsPerChannel: 1, share: 1 },
      );
    const convolution = model([conv('a', ['x', 'w'], 'y')], [weights('w', [2, 2, 3, 3])], [1, 2, 8, 8]);
    // Two channels a group, two taps a channel.
    expect([...(delta(convolution, [1, 10, 100, 1000]) ?? [])]).toEqual([73, 16_100]);
    expect(delta(convolution, [1, 10, 100])).toBeUndefined();
    const product = model([node('MatMul', 'a', ['x', 'w'], ['y'])], [weights('w', [8, 2])], [1, 8, 8]);
    expect(delta(product, [1, 10, 100, 1000])).toBeUndefined();
  });
});

describe('the bias correction', () => {
  const size = [1, channels, 6, 6];
  const float = (): Model =>
    model(
      [
        // One tap with the weight 1: what it gives is as normal as its input.
        conv('first', ['x', 'w'], 'h', 1),
        normalize('h', 'n'),
        // As exporters write it: the bounds are computed from constants.
        node('Squeeze', 'bound', ['most'], ['six']),
        node('Clip', 'relu', ['n', 'zero', 'six'], ['act']),
        conv('second', ['act', 'v', 'b'], 'y', 1),
      ],
      [
        floatTensor('w', [1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3, 1, 1]),
        ...ones(),
        weights('v', [16, 3, 1, 1], 9),
        floatTensor('b', new Float32Array(16)),
        floatTensor('zero', [0], []),
        floatTensor('most', [6], [1]),
      ],
      size,
    );
  const plan: Plan = {
    ...defaultPlan,
    defaultScheme: 'u2',
    layers: { first: { scheme: 'float' } },
    recover: { steps: ['bias'] },
  };
  const noise = normalNoise(16 * 108, 8);
  const normal = (at: number): Feeds => ({
    x: { type: 'float32', dims: size, data: noise.slice(108 * at, 108 * (at + 1)) },
  });
  const tried = async (feedsOf: (at: number) => Feeds) => {
    const { model: prepared } = await prepareFloat(float(), plan);
    expect(prepared.graph?.node.map(({ opType }) => opType)).not.toContain('BatchNormalization');
    const slice = sliceOf(
      'calibrate',
      Array.from({ length: 16 }, (_, index) => ({ index, feeds: feedsOf(index) })),
    );
    const { result } = await recover(prepared, plan, { runtime, slice });
    return result.layers.find(({ name }) => name === 'second')?.tried[0];
  };

  it('takes what the normalization tells where samples mislead', async () => {
    const far: Feeds = { x: { type: 'float32', dims: size, data: new Float32Array(108).fill(-3) } };
    // Every eighth judges.
    expect(await tried((at) => (at % 8 === 7 ? normal(at) : far))).toMatchObject({
      step: 'bias',
      version: 'analytic',
      kept: true,
    });
  });

  it('takes what was measured where inputs are not as normal as that', async () => {
    const positive = (at: number): Feeds => ({
      x: { type: 'float32', dims: size, data: noise.slice(108 * at, 108 * (at + 1)).map((x) => 2 + 0.1 * x) },
    });
    expect(await tried(positive)).toMatchObject({ step: 'bias', version: 'empirical', kept: true });
  });
});

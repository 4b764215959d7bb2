import { describe, expect, it } from 'vitest';
import { inputOf } from '../../../src/core/calibrate/layerRows';
import { matrixView, packedView } from '../../../src/core/calibrate/weightMatrix';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Model } from '../../../src/core/onnx/types';
import { biasDelta, biasMap } from '../../../src/core/recover/bias';
import { collectMoments } from '../../../src/core/recover/collectMoments';
import { addToBiases } from '../../../src/core/rewrite/addToBiases';
import { normalNoise } from '../../support/random';
import { runtime } from '../../support/runtime';
import { floats } from '../../support/slices';
import { type LayerCase, layerCases } from '../calibrate/layerCases';
import { type Dims, model, node } from '../rewrite/models';

const size = (dims: Dims) => dims.reduce((product, each) => product * each, 1);

/** Means of the output of a layer over all elements of each channel. */
async function channelMeans(
  subject: Model,
  { input, op, columnOf }: LayerCase,
  x: Float32Array,
): Promise<number[]> {
  const session = await runtime.openModel(subject, { optimization: 'simulate' });
  const { y } = await session.run({ x: floats(x, input) });
  await session.release();
  if (!y) throw new Error('no output');
  const sums: { sum: number; count: number }[] = [];
  for (const [at, value] of (y.data as Float32Array).entries()) {
    let rest = at;
    const indices = y.dims
      .toReversed()
      .map((length) => [rest % length, (rest = Math.floor(rest / length))][0] ?? 0)
      .toReversed();
    const isSpatial = op === 'Conv' || op === 'ConvTranspose';
    const channel = isSpatial ? (indices[1] ?? 0) : columnOf(indices, y.dims);
    const { sum, count } = sums[channel] ?? { sum: 0, count: 0 };
    sums[channel] = { sum: sum + value, count: count + 1 };
  }
  return sums.map(({ sum, count }) => sum / count);
}

const scaled = { alpha: { float: -0.5 }, transB: { int: 1 } };
const scaledGemm: LayerCase = {
  what: 'Gemm with a factor',
  op: 'Gemm',
  input: [5, 7],
  weight: [3, 7],
  attributes: scaled,
  columnOf: (at) => at[1] ?? 0,
};

describe('biasMap', () => {
  it.each([...layerCases, scaledGemm])('gives $what the means of the float output', async (each) => {
    const { op, input, weight, attributes, left } = each;
    const operands = left ? ['w', 'x'] : ['x', 'w'];
    const values = normalNoise(size(weight), 3);
    const rounded = values.map((value) => Math.round(2 * value) / 2);
    const modelWith = (w: Float32Array) =>
      model([node(op, 'layer', operands, ['y'], attributes)], [floatTensor('w', w, weight)], input);
    const [float, coarse] = [modelWith(values), modelWith(rounded)];
    const index = indexGraph(float);
    const [layer] = findLayers(index, inferShapes(index, {}));
    const view = layer && matrixView(layer);
    const map = layer && view && biasMap(layer, view);
    if (!layer || !view) throw new Error('no layer');
    if (!map) {
      expect(view.groups).toBeGreaterThan(1);
      return;
    }
    const x = normalNoise(size(input), 5).map((value) => value + 0.5);
    const source = { runtime, float, current: float, batches: [{ x: floats(x, input) }] };
    const moments = await collectMoments(layer, view, inputOf(layer), source);
    if (!moments) throw new Error('no moments');
    const delta = Float32Array.from(biasDelta(values, rounded, view, moments, map));
    const corrected = addToBiases(coarse, new Map([['layer', delta]]));
    const [wanted, before, after] = [
      await channelMeans(float, each, x),
      await channelMeans(coarse, each, x),
      await channelMeans(corrected, each, x),
    ];
    expect(Math.max(...before.map((mean, c) => Math.abs(mean - (wanted[c] ?? NaN))))).toBeGreaterThan(0.01);
    after.forEach((mean, c) => expect(mean).toBeCloseTo(wanted[c] ?? NaN, 5));
  });
});

describe('biasDelta', () => {
  it('gives the output the mean of the float output', () => {
    const view = packedView(2, 1, 2);
    const weights = Float32Array.of(1, 2, 3, 4);
    const rounded = Float32Array.of(1, 1, 3, 5);
    const means = { floatMean: Float64Array.of(1, 1, 2, 2), mean: Float64Array.of(1, 2, 2, 2) };
    const map = { channels: 2, columnsPerChannel: 1, share: 1 };
    expect([...biasDelta(weights, rounded, view, means, map)]).toEqual([0, -2]);
  });

  it('adds up the taps of a transposed filter that land on a pixel', () => {
    // [I = 1, O = 2, k = 2]: as MatrixView has it, 4 columns of depth 1; stride 1: both taps land on every pixel.
    const view = { groups: 1, columns: 4, depth: 1, groupStep: 4, columnStep: 1, depthStep: 4 };
    const means = { floatMean: Float64Array.of(2), mean: Float64Array.of(2) };
    const delta = (share: number) => [
      ...biasDelta(Float32Array.of(1, 2, 3, 4), new Float32Array(4), view, means, {
        channels: 2,
        columnsPerChannel: 2,
        share,
      }),
    ];
    expect(delta(1)).toEqual([6, 14]);
    expect(delta(1 / 2)).toEqual([3, 7]);
  });
});

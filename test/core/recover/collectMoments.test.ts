import { describe, expect, it } from 'vitest';
import { inputOf } from '../../../src/core/calibrate/layerRows';
import { matrixView } from '../../../src/core/calibrate/weightMatrix';
import { CancelledError } from '../../../src/core/errors';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Model } from '../../../src/core/onnx/types';
import type { Feeds } from '../../../src/core/ports';
import { collectMoments } from '../../../src/core/recover/collectMoments';
import type { LayerMoments } from '../../../src/core/recover/moments';
import { normalNoise } from '../../support/random';
import { runtime } from '../../support/runtime';
import { floats } from '../../support/slices';
import { type LayerCase, layerCases } from '../calibrate/layerCases';
import { type Dims, model, node } from '../rewrite/models';

const size = (dims: Dims) => dims.reduce((product, each) => product * each, 1);

function caseModel({ op, input, weight, attributes, left }: LayerCase, seed = 3): Model {
  const operands = left ? ['w', 'x'] : ['x', 'w'];
  const values = normalNoise(size(weight), seed);
  return model([node(op, 'layer', operands, ['y'], attributes)], [floatTensor('w', values, weight)], input);
}

function feedsOf(dims: Dims, count: number): Feeds[] {
  return Array.from({ length: count }, (_, at) => ({ x: floats(normalNoise(size(dims), 11 + at), dims) }));
}

async function momentsOf(
  float: Model,
  batches: readonly Feeds[],
  { current = float, layerName = 'layer' } = {},
): Promise<LayerMoments> {
  const index = indexGraph(current);
  const layer = findLayers(index, inferShapes(index)).find(({ name }) => name === layerName);
  const view = layer && matrixView(layer);
  if (!layer || !view) throw new Error('no layer');
  const source = { runtime, float, current, batches };
  const moments = await collectMoments(layer, view, inputOf(layer), source);
  if (!moments) throw new Error('no moments');
  return moments;
}

/** Mean of x·xᵀ over the windows of a Conv with explicit pads, straight from the definition. */
function windowMoments(
  x: Float32Array,
  [, channels = 0, height = 0, width = 0]: Dims,
  kernel: readonly [number, number],
  [top, left, bottom, right]: readonly [number, number, number, number],
  [down, across]: readonly [number, number],
  [dilateY, dilateX]: readonly [number, number],
  groups: number,
): { second: number[]; mean: number[]; rows: number } {
  const own = channels / groups;
  const depth = own * kernel[0] * kernel[1];
  const second = Array<number>(groups * depth * depth).fill(0);
  const mean = Array<number>(groups * depth).fill(0);
  let rows = 0;
  for (let y = -top; y + (kernel[0] - 1) * dilateY < height + bottom; y += down) {
    for (let z = -left; z + (kernel[1] - 1) * dilateX < width + right; z += across) {
      rows++;
      for (let group = 0; group < groups; group++) {
        const row: number[] = [];
        for (let channel = 0; channel < own; channel++) {
          for (let i = 0; i < kernel[0]; i++) {
            for (let j = 0; j < kernel[1]; j++) {
              const [at, to] = [y + i * dilateY, z + j * dilateX];
              const inside = at >= 0 && to >= 0 && at < height && to < width;
              row.push(inside ? (x[((group * own + channel) * height + at) * width + to] ?? 0) : 0);
            }
          }
        }
        row.forEach((a, k) => {
          mean[group * depth + k] = (mean[group * depth + k] ?? 0) + a;
          row.forEach((b, l) => {
            const flat = (group * depth + k) * depth + l;
            second[flat] = (second[flat] ?? 0) + a * b;
          });
        });
      }
    }
  }
  return { second: second.map((sum) => sum / rows), mean: mean.map((sum) => sum / rows), rows };
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, scale = 1): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++)
    worst = Math.max(worst, Math.abs((actual[i] ?? 0) - (expected[i] ?? 0)));
  expect(worst).toBeLessThan(1e-5 * scale);
}

describe('collectMoments', () => {
  it.each([
    { pads: [1, 0, 2, 3], strides: [2, 3], dilations: [2, 1], groups: 1, kernel: [3, 2] },
    { pads: [1, 1, 1, 1], strides: [1, 1], dilations: [1, 1], groups: 3, kernel: [3, 3] },
    { pads: [0, 0, 0, 0], strides: [2, 1], dilations: [1, 2], groups: 6, kernel: [2, 2] },
  ] as const)('gives the moments of windows: %j', async ({ pads, strides, dilations, groups, kernel }) => {
    const dims = [1, 6, 9, 8];
    const each: LayerCase = {
      what: '',
      op: 'Conv',
      input: dims,
      weight: [6, 6 / groups, ...kernel],
      attributes: {
        pads: { ints: pads },
        strides: { ints: strides },
        dilations: { ints: dilations },
        group: { int: groups },
      },
      columnOf: () => 0,
    };
    const [feeds = {}] = feedsOf(dims, 1);
    const moments = await momentsOf(caseModel(each), [feeds]);
    const x = feeds['x']?.data as Float32Array;
    const expected = windowMoments(x, dims, kernel, pads, strides, dilations, groups);
    expect(moments.rows).toBe(expected.rows);
    expectClose(moments.second, expected.second);
    expectClose(moments.mean, expected.mean);
    expectClose(moments.floatMean, expected.mean);
  });

  it.each(layerCases)('foretells the energy and sum of the outputs: $what', async (each) => {
    const subject = caseModel(each);
    const batches = feedsOf(each.input, 5);
    const { view, rows, second, mean } = await momentsOf(subject, batches);
    const { groups, columns, depth } = view;
    const energies = Array<number>(groups * columns).fill(0);
    const sums = Array<number>(groups * columns).fill(0);
    const session = await runtime.openModel(subject, { optimization: 'none' });
    for (const feeds of batches) {
      const { y } = await session.run(feeds);
      if (!y) throw new Error('no output');
      (y.data as Float32Array).forEach((value, flat) => {
        const at = [...y.dims];
        for (let axis = at.length - 1, rest = flat; axis >= 0; axis--) {
          const length = y.dims[axis] ?? 1;
          at[axis] = rest % length;
          rest = Math.floor(rest / length);
        }
        const column = each.columnOf(at, y.dims);
        energies[column] = (energies[column] ?? 0) + value ** 2;
        sums[column] = (sums[column] ?? 0) + value;
      });
    }
    await session.release();
    const weight = normalNoise(size(each.weight), 3);
    for (let group = 0; group < groups; group++) {
      for (let column = 0; column < columns; column++) {
        const w = (k: number) =>
          weight[group * view.groupStep + column * view.columnStep + k * view.depthStep] ?? 0;
        let [energy, sum] = [0, 0];
        for (let k = 0; k < depth; k++) {
          sum += w(k) * (mean[group * depth + k] ?? 0);
          for (let l = 0; l < depth; l++)
            energy += w(k) * w(l) * (second[(group * depth + k) * depth + l] ?? 0);
        }
        const at = group * columns + column;
        const expected = energies[at] ?? 0;
        expect(Math.abs(rows * energy - expected)).toBeLessThan(1e-4 * expected);
        expect(Math.abs(rows * sum - (sums[at] ?? 0))).toBeLessThan(1e-4 * Math.sqrt(rows * expected));
      }
    }
  });

  it('takes an even choice where there are very many rows', async () => {
    const each: LayerCase = {
      what: '',
      op: 'Conv',
      input: [1, 2, 60, 50],
      weight: [3, 2, 3, 3],
      attributes: { pads: { ints: [1, 1, 1, 1] } },
      columnOf: () => 0,
    };
    const batches = feedsOf(each.input, 12);
    const all = await momentsOf(caseModel(each), batches.slice(0, 4));
    expect(all.rows).toBe(4 * 3000);
    const some = await momentsOf(caseModel(each), batches);
    expect(some.rows).toBeLessThanOrEqual(16_384);
    expect(some.rows).toBeGreaterThan(16_000);
    // White noise has the unit matrix, but for what padding takes.
    expectClose(some.second, all.second, 1e4);
    let trace = 0;
    for (let k = 0; k < 18; k++) trace += some.second[k * 18 + k] ?? 0;
    expect(trace / 18).toBeGreaterThan(0.93);
    expect(trace / 18).toBeLessThan(1.03);
  });

  it('takes a choice from where there turn out to be very many rows', async () => {
    const subject = model(
      [node('MatMul', 'layer', ['x', 'w'], ['y'])],
      [floatTensor('w', normalNoise(6, 4), [2, 3])],
      [null, 2],
    );
    const rowsOf = (rows: number, value: number): Feeds => ({
      x: floats(new Float32Array(rows * 2).fill(value), [rows, 2]),
    });
    const { rows, mean } = await momentsOf(subject, [rowsOf(384, 1), rowsOf(90_000, 2), rowsOf(20_000, 3)]);
    expect(rows).toBe(16_384);
    // Half of what is left for each of the large ones.
    expectClose(mean, Array<number>(2).fill((384 + 8000 * (2 + 3)) / 16_384));
  });

  it.each([
    ['first', 2],
    ['later, where rows are chosen', 20_000],
  ])('passes over samples without rows that come %s', async (_what, count) => {
    const subject = model(
      [node('Conv', 'layer', ['x', 'w'], ['y'])],
      [floatTensor('w', normalNoise(18, 4), [3, 3, 2])],
      [null, 3, 2],
    );
    const rowsOf = (rows: number): Feeds => ({ x: floats(normalNoise(rows * 6, 5), [rows, 3, 2]) });
    const [some, none] = [rowsOf(count), rowsOf(0)];
    const moments = await momentsOf(subject, count === 2 ? [none, some, none] : [some, none]);
    const expected = await momentsOf(subject, [some]);
    expect(moments.rows).toBe(Math.min(count, 8192));
    expectClose(moments.second, expected.second, count === 2 ? 1 : 1e4);
    expect(moments.mean.every(Number.isFinite)).toBe(true);
  });

  it('tells the float model’s input from that of the model so far', async () => {
    const subject = (scale: number): Model =>
      model(
        [node('MatMul', 'before', ['x', 'v'], ['a']), node('MatMul', 'layer', ['a', 'w'], ['y'])],
        [floatTensor('v', [scale, 0, 0, scale], [2, 2]), floatTensor('w', normalNoise(6, 4), [2, 3])],
        [8, 2],
      );
    const batches = feedsOf([8, 2], 3);
    const plain = await momentsOf(subject(1), batches);
    expect(plain.cross).toBeUndefined();
    const current = subject(0.5);
    const both = await momentsOf(subject(1), batches, { current });
    expectClose(
      both.mean,
      plain.mean.map((value) => value / 2),
    );
    expectClose(both.floatMean, plain.mean);
    expectClose(
      both.second,
      Float64Array.from(plain.second, (value) => value / 4),
    );
    expectClose(
      both.cross ?? [],
      Float64Array.from(plain.second, (value) => value / 2),
    );
  });

  it.each([
    ['are not finite', NaN],
    ['have no finite squares', 1e30],
  ])('knows nothing of inputs that %s', async (_what, value) => {
    const subject = model(
      [node('MatMul', 'layer', ['x', 'w'], ['y'])],
      [floatTensor('w', normalNoise(6, 4), [2, 3])],
      [1, 2],
    );
    const batches = [{ x: floats([value, 1], [1, 2]) }];
    await expect(momentsOf(subject, batches)).rejects.toThrow('no moments');
  });

  it('stops between batches', async () => {
    const subject = caseModel(layerCases[0] as LayerCase);
    const index = indexGraph(subject);
    const [layer] = findLayers(index, inferShapes(index));
    const view = layer && matrixView(layer);
    if (!layer || !view) throw new Error('no layer');
    const source = { runtime, float: subject, current: subject, batches: feedsOf([2, 3, 6, 5], 2) };
    const job = collectMoments(layer, view, 'x', source, { signal: { aborted: true } });
    await expect(job).rejects.toThrow(CancelledError);
  });
});

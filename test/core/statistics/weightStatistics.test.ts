import { describe, expect, it } from 'vitest';
import type { Layer } from '../../../src/core/graph/types';
import { bytesOf, makeTensor } from '../../../src/core/onnx/build';
import { FilePayload } from '../../../src/core/onnx/payload';
import { DataType, type Tensor } from '../../../src/core/onnx/types';
import { weightStatistics } from '../../../src/core/statistics/weightStatistics';
import { normalNoise } from '../../support/random';
import { modelOf, study } from '../graph/support';

/** A layer with this weight. */
function layerWith(opType: 'Conv' | 'MatMul', tensor: Tensor): Layer {
  const isConv = opType === 'Conv';
  const [layer] = study(
    modelOf({
      inputs: { x: isConv ? [1, tensor.dims[1] ?? 0, 8, 8] : [1, tensor.dims[0] ?? 0] },
      initializer: [tensor],
      nodes: [{ opType, name: 'layer', input: ['x', tensor.name], output: ['y'] }],
      outputs: ['y'],
    }),
  ).layers;
  if (!layer) throw new Error('no layer');
  return layer;
}

async function statisticsOf(opType: 'Conv' | 'MatMul', tensor: Tensor, exactElements?: number) {
  const layer = layerWith(opType, tensor);
  if (!layer.weight) throw new Error('no weight');
  return weightStatistics(layer, layer.weight, { bits: 8, exactElements });
}

const float = (values: Float32Array, dims: readonly number[]): Tensor =>
  makeTensor('w', DataType.FLOAT, dims, bytesOf(values));

/** Straight from the definitions. */
function direct(values: readonly number[]) {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const moment = (power: number): number =>
    values.reduce((sum, value) => sum + (value - mean) ** power, 0) / n;
  return {
    min: Math.min(...values),
    max: Math.max(...values),
    mean,
    standardDeviation: Math.sqrt(moment(2)),
    kurtosis: moment(4) / moment(2) ** 2,
    sparsity: values.filter((value) => value === 0).length / n,
  };
}

/** As NumPy's percentile. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? NaN;
  return low + ((sorted[Math.ceil(at)] ?? NaN) - low) * (at % 1);
}

describe('weightStatistics(layer, weight)', () => {
  const dims = [6, 5, 3, 3];
  const values = normalNoise(270, 1).map((value, i) =>
    i % 10 === 0 ? 0 : value * (1 + Math.floor(i / 45)) + 7,
  );

  it('agrees with the definitions', async () => {
    const found = await statisticsOf('Conv', float(values, dims));
    for (const [name, expected] of Object.entries(direct([...values]))) {
      expect(found[name as 'mean'], name).toBeCloseTo(expected, 9);
    }
    expect(found).toMatchObject({
      shape: dims,
      dtype: 'float',
      elements: 270,
      method: 'exact',
      nonFinite: 0,
    });
    const { edges, counts } = found.histogram;
    expect(edges.length).toBe(counts.length + 1);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(270);
    const inFirst = [...values].filter((value) => value < (edges[1] ?? 0)).length;
    expect(counts[0]).toBe(inFirst);
  });

  it('stays precise where the mean is far above the deviation', async () => {
    const far = normalNoise(20_000, 5).map((value) => 1000 + value);
    const found = await statisticsOf('MatMul', float(far, [200, 100]));
    const expected = direct([...far]);
    expect(found.standardDeviation).toBeCloseTo(expected.standardDeviation, 9);
    expect(found.kurtosis).toBeCloseTo(expected.kurtosis, 8);
  });

  it('has a box per output channel, whichever axis that is', async () => {
    const conv = await statisticsOf('Conv', float(values, dims));
    const channel = [...values.subarray(45 * 2, 45 * 3)];
    expect(conv.channels).toMatchObject({ axis: 0, channels: 6, perRow: 1 });
    expect(conv.channels?.min[2]).toBe(Math.min(...channel));
    expect(conv.channels?.max[2]).toBe(Math.max(...channel));
    expect(conv.channels?.low[2]).toBeCloseTo(percentile(channel, 0.01), 5);
    expect(conv.channels?.median[2]).toBeCloseTo(percentile(channel, 0.5), 5);
    expect(conv.channels?.high[2]).toBeCloseTo(percentile(channel, 0.99), 5);
    const product = await statisticsOf('MatMul', float(values, [27, 10]));
    const column = [...values].filter((_, i) => i % 10 === 3);
    expect(product.channels).toMatchObject({ axis: 1, channels: 10 });
    expect(product.channels?.max[3]).toBe(Math.max(...column));
    expect(product.channels?.median[3]).toBeCloseTo(percentile(column, 0.5), 5);
  });

  it('names the channels that decide the range, and tells the steps', async () => {
    const even = new Float32Array(40).fill(0.5);
    even[13] = -4;
    even[33] = 2;
    const { channels, steps } = await statisticsOf('Conv', float(even, [4, 10, 1, 1]));
    expect(channels?.deciding.slice(0, 2)).toEqual([
      { channel: 1, magnitude: 4, without: 2 },
      { channel: 3, magnitude: 2, without: 0.5 },
    ]);
    expect(steps?.perTensor).toBeCloseTo(4 / 127, 9);
    expect(steps?.perChannel.map((step) => step * 127)).toEqual(
      [0.5, 4, 0.5, 2].map((x) => expect.closeTo(x, 6) as number),
    );
    expect(steps?.gainDb).toBeCloseTo(10 * Math.log10(16 / ((16 + 4 + 0.25 + 0.25) / 4)), 6);
  });

  it('leaves out what is not finite, and says how much that is', async () => {
    const broken = Float32Array.of(1, NaN, 3, Infinity, -2, 2, 0, 4);
    const found = await statisticsOf('Conv', float(broken, [2, 4, 1, 1]));
    expect(found).toMatchObject({ nonFinite: 2, min: -2, max: 4, mean: 8 / 6 });
    expect(found.channels).toMatchObject({ min: [1, -2], max: [3, 4] });
    const none = await statisticsOf('Conv', float(new Float32Array(4).fill(NaN), [2, 2, 1, 1]));
    expect(none).toMatchObject({ min: null, max: null, mean: null, kurtosis: null, nonFinite: 4 });
    expect(JSON.stringify(none)).not.toContain('NaN');
  });

  it('samples what is large: moments and extremes stay exact, percentiles come near', async () => {
    const many = normalNoise(64 * 1000, 9);
    const tensor = float(many, [1000, 64]);
    const exact = await statisticsOf('MatMul', tensor);
    const sampled = await statisticsOf('MatMul', tensor, 10_000);
    // 7 is the least stride without a factor in common with 1000 and 64.
    expect(sampled).toMatchObject({ method: 'sampled', stride: 7 });
    for (const name of ['min', 'max', 'mean', 'standardDeviation', 'kurtosis', 'sparsity'] as const) {
      expect(sampled[name]).toBe(exact[name]);
    }
    expect(sampled.channels?.min).toEqual(exact.channels?.min);
    expect(sampled.histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(Math.ceil(64_000 / 7));
    for (const [row, median] of (exact.channels?.median ?? []).entries()) {
      expect(Math.abs((sampled.channels?.median[row] ?? NaN) - median)).toBeLessThan(0.5);
    }
  });

  it('reads a tensor of 160 MB in small parts, and answers with less than a megabyte', async () => {
    const elements = 40 * 2 ** 20;
    let largest = 0;
    const pattern = normalNoise(2 ** 20, 4);
    const source = {
      name: 'made up',
      size: elements * 4,
      read: async (offset: number, length: number) => {
        largest = Math.max(largest, length);
        const first = (offset / 4) % pattern.length;
        return bytesOf(pattern.subarray(first, first + length / 4));
      },
    };
    const tensor = makeTensor('w', DataType.FLOAT, [640, 2 ** 16], new FilePayload(source, 0, elements * 4));
    const found = await statisticsOf('MatMul', tensor);
    expect(largest).toBe(4 * 2 ** 20);
    expect(found.elements).toBe(elements);
    expect(found.mean).toBeCloseTo(pattern.reduce((sum, value) => sum + value, 0) / pattern.length, 9);
    expect(found.channels).toMatchObject({ channels: 2 ** 16, perRow: 32 });
    expect(found.channels?.min.length).toBe(2048);
    expect(JSON.stringify(found).length).toBeLessThan(1_000_000);
  }, 60_000);
});

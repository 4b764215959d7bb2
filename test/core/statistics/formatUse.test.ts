import { describe, expect, it } from 'vitest';
import type { Layer } from '../../../src/core/graph/types';
import { bytesOf, makeTensor } from '../../../src/core/onnx/build';
import { DataType } from '../../../src/core/onnx/types';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import { formatUse } from '../../../src/core/statistics/formatUse';
import { normalNoise } from '../../support/random';
import { modelOf, study } from '../graph/support';

function layerWith(values: Float32Array, dims: readonly number[]): Layer {
  const [layer] = study(
    modelOf({
      inputs: { x: [1, dims[1] ?? 0, 8, 8] },
      initializer: [makeTensor('w', DataType.FLOAT, dims, bytesOf(values))],
      nodes: [{ opType: 'Conv', name: 'layer', input: ['x', 'w'], output: ['y'] }],
      outputs: ['y'],
    }),
  ).layers;
  if (!layer) throw new Error('no layer');
  return layer;
}

async function use(scheme: string, values: Float32Array, dims: readonly number[], exactElements?: number) {
  const layer = layerWith(values, dims);
  const format = parseFormat(scheme);
  if ('mistake' in format || !layer.weight) throw new Error('no format');
  return formatUse(layer, layer.weight, format, { opset: 21, exactElements });
}

describe('formatUse(layer, weight, format)', () => {
  it('counts the codes of integers', async () => {
    // One scale: 127 is 1 and the others are whole steps.
    const values = Float32Array.of(1, -1, 0, 0, 1 / 127, 1 / 127, 1 / 127, 64 / 127);
    const found = await use('w8,tensor', values, [2, 4, 1, 1]);
    expect(found).toMatchObject({
      scheme: 'w8,tensor',
      bits: 8,
      method: 'exact',
      uniqueBefore: 5,
      uniqueAfter: 5,
    });
    expect(found.codes).toMatchObject({ possible: 256, used: 5, first: -128 });
    const byCode = new Map(found.codes?.counts.map((count, at) => [at - 128, count]));
    expect([127, -127, 0, 1, 64].map((code) => byCode.get(code))).toEqual([1, 1, 2, 3, 1]);
    expect(found.codebook).toBeNull();
  });

  it('tells the tables of codebooks, their exponents and scales', async () => {
    const values = normalNoise(400, 3);
    const powers = await use('pow2-4', values, [8, 50, 1, 1]);
    expect(powers.codes).toMatchObject({ possible: 9, first: 0 });
    expect(powers.codebook).toMatchObject({ groups: 1, scales: null });
    const table = powers.codebook?.tables[0] ?? [];
    expect(powers.codebook?.exponents).toEqual(
      table.filter((value) => value > 0).map((value) => Math.log2(value)),
    );
    const means = await use('lut16,group:2', values, [8, 50, 1, 1]);
    expect(means.codebook).toMatchObject({ groups: 4, exponents: null });
    expect(means.codebook?.tables.map(({ length }) => length)).toEqual([16, 16, 16, 16]);
    expect(means.uniqueAfter).toBeLessThanOrEqual(64);
    expect(means.codes?.counts.reduce((sum, count) => sum + count, 0)).toBe(400);
    const scaled = await use('lut16,channel', values, [8, 50, 1, 1]);
    expect(scaled.codebook?.scales).toMatchObject({ count: 8 });
  });

  it('has no codes for numbers of half precision', async () => {
    const found = await use('fp16', normalNoise(40, 3), [4, 10, 1, 1]);
    expect(found).toMatchObject({ codes: null, codebook: null, bits: 16 });
    expect(found.sqnrDb).toBeGreaterThan(60);
  });

  it('looks at whole channels of what is large', async () => {
    const values = normalNoise(100 * 40, 3);
    const found = await use('w8', values, [100, 40, 1, 1], 800);
    expect(found).toMatchObject({ method: 'excerpt', elements: 800 });
    // The same channels, looked at alone.
    const kept = Array.from({ length: 20 }, (_, k) => [...values.subarray(k * 200, k * 200 + 40)]).flat();
    const alone = await use('w8', Float32Array.from(kept), [20, 40, 1, 1]);
    expect(found.sqnrDb).toBe(alone.sqnrDb);
    expect(found.codes).toEqual(alone.codes);
  });
});

describe('the error of each channel', () => {
  it.each(['w4,tensor,mse', 'w4,percentile:90', 'lut4', 'pow2-3', 'w4,kernel,mse'])(
    'adds up to the whole in %s, and what lies beyond the range is clipped',
    async (scheme) => {
      const values = normalNoise(6 * 40, 5).map((value, at) => value ** 3 * (1 + Math.floor(at / 40)));
      const found = await use(scheme, values, [6, 10, 2, 2]);
      const errors = found.channelErrors;
      if (!errors) throw new Error('no channels');
      expect(errors).toMatchObject({ axis: 0, channels: 6, perRow: 1, first: [0, 1, 2, 3, 4, 5] });
      for (let channel = 0; channel < 6; channel++) {
        const energy = values
          .subarray(channel * 40, (channel + 1) * 40)
          .reduce((sum, value) => sum + value * value, 0);
        expect(errors.energy[channel]).toBeCloseTo(energy, 6);
      }
      const sum = (column: readonly number[]): number => column.reduce((a, b) => a + b, 0);
      const noise = sum(errors.clipping) + sum(errors.rounding);
      expect(10 * Math.log10(sum(errors.energy) / noise)).toBeCloseTo(found.sqnrDb ?? NaN, 4);
      expect(sum(errors.clipping)).toBeGreaterThan(0);
      expect(sum(errors.rounding)).toBeGreaterThan(0);
    },
  );

  it('is clipping alone where only what lies beyond the range is changed', async () => {
    // ±1 in steps of 1/127: both channels stand on the grid, but for one value beyond it.
    const values = Float32Array.of(1, -1, 0, 64 / 127, 3, 0, 0, 1 / 127);
    const { channelErrors: errors } = await use('w8,tensor,fixed:1', values, [2, 4, 1, 1]);
    expect(errors?.clipping[0]).toBeLessThan(1e-12);
    expect(errors?.clipping[1]).toBeCloseTo(4, 6);
    expect(errors?.rounding.map((sum) => sum < 1e-12)).toEqual([true, true]);
  });

  it('names the channels of an excerpt', async () => {
    const found = await use('w8', normalNoise(100 * 40, 3), [100, 40, 1, 1], 800);
    expect(found.channelErrors).toMatchObject({ channels: 100, perRow: 1 });
    expect(found.channelErrors?.first).toEqual(Array.from({ length: 20 }, (_, k) => 5 * k));
  });
});

describe('the differences of a format', () => {
  it('lie within half a step where nothing is clipped', async () => {
    const values = normalNoise(4000, 7);
    const { differences } = await use('w8,tensor', values, [4, 1000, 1, 1]);
    const magnitude = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const half = magnitude / 254;
    expect(differences.greatest).toBeLessThanOrEqual(half * 1.001);
    expect(differences.greatest).toBeGreaterThan(half * 0.98);
    expect(differences.beyond).toBe(0);
    expect(differences.histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(4000);
    // Evenly spread: no bin has much more than its share.
    expect(Math.max(...differences.histogram.counts)).toBeLessThan((2 * 4000) / 65);
  });

  it('leave out the few that are clipped far away, and tell how many', async () => {
    const values = normalNoise(4000, 7).map((value, at) => (at % 1000 === 3 ? 50 : Math.tanh(value)));
    const { differences } = await use('w8,tensor,fixed:1', values, [4, 1000, 1, 1]);
    expect(differences.beyond).toBe(4);
    expect(differences.greatest).toBeCloseTo(49, 1);
    expect(differences.histogram.edges.at(-1)).toBeLessThan(0.01);
  });

  it('are all zero where the format holds every value', async () => {
    const { differences } = await use('w8,tensor', Float32Array.of(0, 0, 0, 0), [1, 4, 1, 1]);
    expect(differences).toMatchObject({ greatest: 0, beyond: 0 });
    expect(differences.histogram.counts).toEqual([4]);
  });
});

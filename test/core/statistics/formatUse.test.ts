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

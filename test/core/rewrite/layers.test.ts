import { describe, expect, it } from 'vitest';
import { floatTensor, makeNode, makeValueInfo } from '../../../src/core/onnx/build';
import { readFloat32, readInt64 } from '../../../src/core/onnx/tensor';
import { DataType, type Model, type Tensor } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, optimizedOpTypes, planWith, quantize, run, sqnr } from '../../support/rewriting';
import { initializer, nodes } from './inspecting';
import { conv, type Dims, image, model, node, samples, weights } from './models';

/** Quantizes, runs both models at no and full optimization; gives the result and the lowest SQNR. */
async function check(original: Model, dims: Dims, plan = defaultPlan) {
  const result = await quantize(original, plan, samples(dims));
  let worst = Infinity;
  for (const sample of samples(dims, 3)) {
    const { y: before = [] } = await run(original, sample, 'none');
    for (const optimization of ['none', 'full'] as const) {
      const { y: after = [] } = await run(result.model, sample, optimization);
      worst = Math.min(worst, sqnr(before, after));
    }
  }
  return { ...result, worst };
}

const constantNode = (value: Tensor) =>
  makeNode({ opType: 'Constant', input: [], output: [value.name], attributes: { value } });

describe('Gemm', () => {
  it.each([
    [0.5, 2],
    [3, 0.5],
    [1, 0.25],
  ])('multiplies alpha %f and beta %f in', async (alpha, beta) => {
    const original = model(
      [
        node('Gemm', 'fc', ['x', 'w', 'c'], ['y'], {
          alpha: { float: alpha },
          beta: { float: beta },
          transB: { int: 1 },
        }),
      ],
      [weights('w', [6, 8]), floatTensor('c', [3, -3, 2, 1, 0, 5], [1, 6])],
      [2, 8],
    );
    const { model: quantized, worst } = await check(original, [2, 8]);
    const gemm = nodes(quantized).find(({ opType }) => opType === 'Gemm');
    expect(gemm?.attribute.filter(({ name, f }) => name !== 'transB' && f !== 1)).toEqual([]);
    expect(await optimizedOpTypes(quantized)).toContain('QGemm');
    expect(worst).toBeGreaterThan(35);
  });

  it('has a scale per row or column of B', async () => {
    for (const transB of [0, 1]) {
      const dims = transB ? [6, 8] : [8, 6];
      const original = model(
        [node('Gemm', 'fc', ['x', 'w', 'c'], ['y'], { transB: { int: transB } })],
        [weights('w', dims), floatTensor('c', [0.5], [])],
        [2, 8],
      );
      const { model: quantized, worst } = await check(original, [2, 8]);
      expect(initializer(quantized, 'w_scale').dims).toEqual([6]);
      expect(initializer(quantized, 'c_quantized').dims).toEqual([6]);
      expect(worst).toBeGreaterThan(35);
    }
  });

  it('gives codes to a static reader, and float sums to everything else', async () => {
    const original = model(
      [node('MatMul', 'm', ['x', 'w'], ['h']), node('MatMul', 'n', ['h', 'v'], ['y'])],
      [weights('w', [8, 6]), weights('v', [6, 4], 2)],
      [2, 8],
    );
    const { model: quantized, worst } = await check(original, [2, 8]);
    const optimized = await optimizedOpTypes(quantized);
    expect(optimized).toContain('QLinearMatMul');
    expect(optimized).toContain('MatMulIntegerToFloat');
    expect(worst).toBeGreaterThan(30);
  });

  it('takes a constant on the left', async () => {
    for (const bias of [floatTensor('c', [0.5], []), floatTensor('c', [1, 2, 3, 4, 5])]) {
      const original = model(
        [node('Gemm', 'fc', ['w', 'x', 'c'], ['y'])],
        [weights('w', [6, 8]), bias],
        [8, 5],
      );
      const { notes, worst } = await check(original, [8, 5]);
      expect(notes).toEqual([]);
      expect(worst).toBeGreaterThan(30);
    }
  });

  it('keeps a bias per row float', async () => {
    const original = model(
      [node('Gemm', 'fc', ['x', 'w', 'c'], ['y'])],
      [weights('w', [8, 6]), floatTensor('c', [1, -1], [2, 1])],
      [2, 8],
    );
    const { notes, worst } = await check(original, [2, 8]);
    expect(notes).toEqual([expect.stringMatching(/^fc: The bias.*stays float/)]);
    expect(worst).toBeGreaterThan(35);
  });
});

describe('MatMul', () => {
  it('has a scale per column of a matrix, one for stacked matrices', async () => {
    const flat = await check(
      model([node('MatMul', 'm', ['x', 'w'], ['y'])], [weights('w', [8, 6])], [2, 8]),
      [2, 8],
    );
    expect(flat.layers).toMatchObject([{ granularity: 'per-channel' }]);
    expect(await optimizedOpTypes(flat.model)).toContain('MatMulIntegerToFloat');
    const dims = [3, 4, 8];
    const stacked = await check(
      model([node('MatMul', 'm', ['x', 'w'], ['y'])], [weights('w', [3, 8, 6])], dims),
      dims,
    );
    expect(stacked.layers).toMatchObject([{ granularity: 'per-tensor' }]);
    expect(Math.min(flat.worst, stacked.worst)).toBeGreaterThan(30);
  });

  it('takes a constant on the left', async () => {
    const original = model([node('MatMul', 'm', ['w', 'x'], ['y'])], [weights('w', [6, 8])], [8, 5]);
    const { model: quantized, worst } = await check(original, [8, 5]);
    expect(initializer(quantized, 'w_quantized').dataType).toBe(DataType.UINT8);
    expect(await optimizedOpTypes(quantized)).toContain('MatMulIntegerToFloat');
    expect(worst).toBeGreaterThan(30);
  });
});

describe('ConvTranspose', () => {
  it.each([
    [1, [3, 4, 2, 2], 1],
    [3, [3, 2, 2, 2], 0],
  ])('has an 8-bit weight only (group %i)', async (group, dims, axis) => {
    const original = model(
      [
        node('ConvTranspose', 'up', ['x', 'w', 'b'], ['y'], {
          group: { int: group },
          strides: { ints: [2, 2] },
        }),
      ],
      [weights('w', dims), floatTensor('b', [1, 2, 3, 4, 5, 6].slice(0, (dims[1] ?? 0) * group))],
      image,
    );
    const { model: quantized, notes, worst, layers } = await check(original, image);
    expect(opTypes(quantized)).toEqual(['ConvTranspose', 'DequantizeLinear']);
    expect(nodes(quantized)[0]?.attribute).toMatchObject([{ name: 'axis', i: BigInt(axis) }]);
    expect(notes).toEqual([expect.stringMatching(/no integer kernel/)]);
    expect(layers).toMatchObject([{ scheme: 'w8a8', bits: 8 }]);
    expect(worst).toBeGreaterThan(38);
  });
});

describe('weights', () => {
  it('that two layers share are stored once', async () => {
    const original = model(
      [conv('a', ['x', 'w'], 'mid'), conv('b', ['mid', 'w'], 'y')],
      [weights('w', [3, 3, 3, 3])],
      image,
    );
    const both = await check(original, image);
    expect(opTypes(both.model)).toEqual([
      'Conv',
      'Conv',
      ...Array<string>(4).fill('DequantizeLinear'),
      ...Array<string>(3).fill('QuantizeLinear'),
    ]);
    expect(both.worst).toBeGreaterThan(28);
    const one = await check(original, image, planWith({ b: 'float' }));
    expect(one.model.graph?.initializer.map(({ name }) => name)).toContain('w');
    expect(one.worst).toBeGreaterThan(28);
  });

  it('in Constant nodes are quantized like initializers', async () => {
    const original = model(
      [
        constantNode(weights('w', [4, 3, 3, 3])),
        constantNode(floatTensor('b', [1, 2, 3, 4])),
        conv('c', ['x', 'w', 'b'], 'y'),
      ],
      [],
      image,
    );
    const { model: quantized, worst, layers } = await check(original, image);
    expect(opTypes(quantized)).not.toContain('Constant');
    expect(initializer(quantized, 'w_quantized').dataType).toBe(DataType.INT8);
    expect(layers[0]?.scheme).toBe('w8a8');
    expect(worst).toBeGreaterThan(35);
  });

  it('of unnamed nodes are found by their stable names', async () => {
    const original = model(
      [conv('', ['x', 'w'], 'mid'), conv('', ['mid', 'v'], 'y', 1)],
      [weights('w', [4, 3, 3, 3]), weights('v', [2, 4, 1, 1])],
      image,
    );
    const { layers, worst } = await check(original, image, planWith({ Conv_0: 'float' }));
    expect(layers.map(({ name, scheme }) => [name, scheme])).toEqual([
      ['Conv_0', 'float'],
      ['Conv_1', 'w8a8'],
    ]);
    expect(worst).toBeGreaterThan(30);
  });

  it('that are inputs too, as in old files, stop being inputs', async () => {
    const base = model([conv('c', ['x', 'w'], 'y')], [weights('w', [4, 3, 3, 3])], image, ['y'], 9);
    const graph = base.graph && {
      ...base.graph,
      input: [...base.graph.input, makeValueInfo('w', DataType.FLOAT, [4, 3, 3, 3])],
    };
    const original = { ...base, irVersion: 3, graph };
    const { model: quantized, worst } = await check(original, image);
    expect(quantized.graph?.input.map(({ name }) => name)).toEqual(['x']);
    expect(quantized.irVersion).toBeGreaterThanOrEqual(7);
    expect(quantized.opsetImport).toEqual([{ domain: '', version: 13 }]);
    expect(worst).toBeGreaterThan(35);
  });

  it('that a layer and a node further down share come before both', async () => {
    const original = model(
      [
        node('MatMul', 'first', ['k', 'x'], ['h']),
        node('MatMul', 'second', ['h', 'w'], ['wide']),
        node('Add', 'add', ['wide', 'k'], ['sum']),
        node('MatMul', 'third', ['sum', 'v'], ['y']),
      ],
      [weights('k', [6, 8]), weights('w', [5, 8], 2), weights('v', [8, 3], 3)],
      [8, 5],
    );
    const { model: quantized, worst } = await check(original, [8, 5]);
    const defined = new Set(['', 'x', ...(quantized.graph?.initializer ?? []).map(({ name }) => name)]);
    for (const { name, input, output } of nodes(quantized)) {
      expect([name, input.filter((value) => !defined.has(value))]).toEqual([name, []]);
      for (const value of output) defined.add(value);
    }
    expect(nodes(quantized).filter(({ name }) => name.startsWith('k_Dequantize'))).toHaveLength(1);
    expect(worst).toBeGreaterThan(25);
  });

  it('that are not finite are refused', async () => {
    const original = model(
      [conv('c', ['x', 'w'], 'y', 1)],
      [floatTensor('w', [1, NaN, 3], [1, 3, 1, 1])],
      image,
    );
    const ranges = new Map([
      ['x', { min: 0, max: 1 }],
      ['y', { min: 0, max: 1 }],
    ]);
    await expect(rewrite(original, defaultPlan, ranges)).rejects.toThrow(/^c: .*NaN/);
  });
});

describe('biases', () => {
  const withBias = (bias: readonly number[], zeroRow = false) => {
    const values = Float32Array.from({ length: 12 }, (_, i) => (zeroRow && i < 3 ? 0 : Math.sin(i + 1)));
    return model(
      [conv('c', ['x', 'w', 'b'], 'y', 1)],
      [floatTensor('w', values, [4, 3, 1, 1]), floatTensor('b', bias)],
      image,
    );
  };

  it('too large for int32 stay float where one scale is all there is, and the weights stay whole', async () => {
    const original = model(
      [node('Gemm', 'fc', ['w', 'x', 'c'], ['y'])],
      [weights('w', [6, 8]), floatTensor('c', [1e9, 1, 2, 3, 4])],
      [8, 5],
    );
    const { model: quantized, notes, layers } = await check(original, [8, 5]);
    expect(notes).toEqual([expect.stringMatching(/^fc: The bias is too large/)]);
    expect((await layers[0]?.measureWeight())?.sqnrDb).toBeGreaterThan(35);
    expect(nodes(quantized).find(({ opType }) => opType === 'Gemm')?.input[2]).toBe('c');
  });

  it('of dead channels get a scale that holds them, and the other channels keep theirs', async () => {
    const values = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i + 1) * (i < 3 ? 1e-12 : 1));
    const original = model(
      [conv('c', ['x', 'w', 'b'], 'y', 1)],
      [floatTensor('w', values, [4, 3, 1, 1]), floatTensor('b', [-1.5, 1, 0, -1])],
      image,
    );
    const { model: quantized, notes, worst } = await check(original, image);
    expect(notes).toEqual([]);
    expect(await optimizedOpTypes(quantized)).toContain('QLinearConv');
    expect(worst).toBeGreaterThan(35);
    const [dead, ...others] = await readFloat32(initializer(quantized, 'w_scale'));
    expect(dead).toBeGreaterThan(1e-12 / 127);
    expect(others).toEqual(
      [1, 2, 3].map((channel) => {
        const row = values.subarray(3 * channel, 3 * channel + 3);
        return Math.fround(Math.fround(2 * Math.max(...row.map(Math.abs))) / 254);
      }),
    );
  });

  it('leave room in int32 for what is added to them', async () => {
    // A bias of just under 2³¹ steps; the 27 products of largest inputs and weights would pass the end.
    const bias = ((2 ** 31 / 1.0002) * (1 / 255)) / 127;
    const original = model(
      [conv('c', ['x', 'w', 'b'], 'y')],
      [floatTensor('w', new Float32Array(54).fill(1), [2, 3, 3, 3]), floatTensor('b', [bias, bias])],
      image,
    );
    const ones = samples(image, 1, { from: 1, to: 1 });
    const { model: quantized } = await quantize(original, defaultPlan, ones);
    expect(await optimizedOpTypes(quantized)).toContain('QLinearConv');
    const { y = [] } = await run(quantized, ones[0] ?? {}, 'full');
    expect(Math.min(...y) / bias).toBeCloseTo(1, 2);
  });

  it('of channels of zeros are exact', async () => {
    const { model: quantized, notes } = await check(withBias([0.123, 1, 2, 3], true), image);
    expect(notes).toEqual([]);
    const codes = await readInt64(initializer(quantized, 'b_quantized'));
    const scales = await readFloat32(initializer(quantized, 'b_quantized_scale'));
    expect(Number(codes[0]) * (scales[0] ?? NaN)).toBeCloseTo(0.123, 6);
    expect(await optimizedOpTypes(quantized)).toContain('QLinearConv');
  });
});

describe('what cannot be quantized', () => {
  it('is left alone and said', async () => {
    const original = model(
      [
        node('DequantizeLinear', 'dq', ['w_codes', 'w_s', 'w_z'], ['w'], { axis: { int: 0 } }),
        conv('old', ['x', 'w'], 'mid', 1),
        conv('new', ['mid', 'v'], 'y', 1),
      ],
      [
        {
          ...floatTensor('w_codes', [], [4, 3, 1, 1]),
          dataType: DataType.INT8,
          rawData: weights('q', [3]).rawData,
        },
        floatTensor('w_s', [0.01, 0.02, 0.03, 0.04]),
        { ...floatTensor('w_z', [], [4]), dataType: DataType.INT8, rawData: floatTensor('z', [0]).rawData },
        weights('v', [2, 4, 1, 1]),
      ],
      image,
    );
    const { model: quantized, notes, layers, worst } = await check(original, image);
    expect(notes).toEqual([expect.stringMatching(/^old: .*already quantized/)]);
    expect(layers.map(({ name, scheme, bits }) => [name, scheme, bits])).toEqual([
      ['old', 'float', 8],
      ['new', 'w8a8', 8],
    ]);
    expect(nodes(quantized).find(({ name }) => name === 'old')?.input).toEqual(['x', 'w']);
    expect(worst).toBeGreaterThan(30);
  });
});

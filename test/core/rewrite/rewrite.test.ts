import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import { readFloat32, readInt64 } from '../../../src/core/onnx/tensor';
import { DataType } from '../../../src/core/onnx/types';
import { onlyLayer } from '../../../src/core/plan/editPlan';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, optimizedOpTypes, planWith, quantize, run } from '../../support/rewriting';
import { count, initializer, nodes, producerOf, worstSqnr } from './inspecting';
import { conv, image, model, node, residualBlock, samples, weights } from './models';

describe('a residual block', () => {
  it('runs on integer kernels only', async () => {
    const original = residualBlock();
    const { model: quantized, notes } = await quantize(original, defaultPlan, samples(image));
    expect(notes).toEqual([]);
    expect(opTypes(quantized).filter((op) => !op.endsWith('Linear'))).toEqual([
      'Add',
      'Conv',
      'Conv',
      'Conv',
    ]);
    const optimized = await optimizedOpTypes(quantized);
    expect(
      optimized.filter((op) => !['QuantizeLinear', 'DequantizeLinear', 'Transpose'].includes(op)),
    ).toEqual(['QLinearAdd', 'QLinearConv', 'QLinearConv', 'QLinearConv']);
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(30);
  });

  it('works with int8 activations', async () => {
    const original = residualBlock();
    const plan = { ...defaultPlan, activationType: 'int8' as const };
    const { model: quantized } = await quantize(original, plan, samples(image));
    const zeroPoint = initializer(quantized, 'skip_zero_point');
    expect(zeroPoint.dataType).toBe(DataType.INT8);
    expect(await readInt64(zeroPoint)).toEqual([-128n]);
    expect(opTypes(quantized)).not.toContain('Relu');
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(30);
  });

  it('uses the names of the reference tool', async () => {
    const { model: quantized } = await quantize(residualBlock(), defaultPlan, samples(image));
    const names = (quantized.graph?.initializer ?? []).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['skip_scale', 'skip_zero_point', 'w0_quantized', 'w0_scale', 'w0_zero_point']),
    );
    expect(names).toEqual(
      expect.arrayContaining(['b0_quantized', 'b0_quantized_scale', 'b0_quantized_zero_point']),
    );
    expect(producerOf(quantized, 'b0')?.name).toBe('b0_DequantizeLinear');
    expect(producerOf(quantized, 'skip')?.name).toBe('stem');
    expect(producerOf(quantized, 'w1_DequantizeLinear_Output')?.name).toBe('w1_DequantizeLinear');
    // A graph output keeps its name behind its pair.
    expect(producerOf(quantized, 'y')?.name).toBe('y_DequantizeLinear');
    expect(producerOf(quantized, 'y_QuantizeLinear_Input')?.name).toBe('add');
  });

  it('stores what it says: codes, scales and the bytes of each layer', async () => {
    const { model: quantized, layers, ranges } = await quantize(residualBlock(), defaultPlan, samples(image));
    const left = layers.find(({ name }) => name === 'left');
    expect(left).toMatchObject({ scheme: 'w8a8', bits: 8, signed: true, granularity: 'per-channel' });
    // 144 weights and 4 biases; then 144 codes, 4 × (scale + zero point), 4 × (code + scale + zero point).
    expect(left).toMatchObject({ bytesBefore: 4 * 148, bytesAfter: 144 + 4 * 5 + 4 * 12 });
    const codes = await readInt64(initializer(quantized, 'w1_quantized'));
    const scales = await readFloat32(initializer(quantized, 'w1_scale'));
    const float = await readFloat32(weights('w1', [4, 4, 3, 3], 2));
    let sse = 0;
    float.forEach((value, i) => {
      sse += (value - Math.fround(Number(codes[i]) * (scales[Math.floor(i / 36)] ?? NaN))) ** 2;
    });
    const error = await left?.measureWeight();
    expect(error?.sse).toBeCloseTo(sse, 12);
    expect(error?.uniqueBefore).toBe(new Set(float).size);
    expect(error?.sqnrDb).toBeGreaterThan(35);
    // The bias is in steps of input scale × weight scale.
    const inputScale = (await readFloat32(initializer(quantized, 'skip_scale')))[0] ?? NaN;
    const biasScales = await readFloat32(initializer(quantized, 'b1_quantized_scale'));
    expect(Array.from(biasScales)).toEqual(Array.from(scales, (scale) => Math.fround(inputScale * scale)));
    expect(ranges.has('skip')).toBe(true);
    expect(ranges.has('stem_out')).toBe(false);
  });
});

describe('trials and mixed borders', () => {
  it('quantizes one layer and nothing else', async () => {
    const original = residualBlock();
    const { model: trial } = await quantize(
      original,
      onlyLayer(defaultPlan, 'left', { scheme: 'w8a8' }),
      samples(image),
    );
    // Input pair, output pair (behind the absorbed Relu), weight and bias.
    expect(count(trial, 'QuantizeLinear')).toBe(2);
    expect(count(trial, 'DequantizeLinear')).toBe(4);
    expect(producerOf(trial, 'left_act')?.opType).toBe('Conv');
    const add = nodes(trial).find(({ opType }) => opType === 'Add');
    // The float Add reads the tensor that the trial's input pair stands on, but not the pair.
    expect(add?.input).toEqual(['right_out', 'skip']);
    expect(nodes(trial).find(({ name }) => name === 'right')?.input[0]).toBe(
      'left_act_DequantizeLinear_Output',
    );
    const trialSqnr = await worstSqnr(original, trial);
    const { model: all } = await quantize(original, defaultPlan, samples(image));
    expect(trialSqnr).toBeGreaterThan(await worstSqnr(original, all));
  });

  it('keeps one float layer float', async () => {
    const original = residualBlock();
    const { model: mixed } = await quantize(original, planWith({ right: 'float' }), samples(image));
    const right = nodes(mixed).find(({ name }) => name === 'right');
    expect(right?.input).toEqual(['left_act_DequantizeLinear_Output', 'w2']);
    // One operand of the Add is float, so the Add is; the other comes from a static node.
    expect(nodes(mixed).find(({ name }) => name === 'add')?.input).toEqual([
      'right_out',
      'skip_DequantizeLinear_Output',
    ]);
    expect(opTypes(mixed).filter((op) => op === 'Relu')).toHaveLength(1);
    expect(await worstSqnr(original, mixed)).toBeGreaterThan(30);
  });

  it('keeps an auto node float when told so', async () => {
    const { model: mixed } = await quantize(residualBlock(), planWith({ add: 'float' }), samples(image));
    expect(producerOf(mixed, 'y')?.opType).toBe('Relu');
    expect(await optimizedOpTypes(mixed)).not.toContain('QLinearAdd');
  });

  it('leaves the model alone when nothing is quantized', async () => {
    const original = residualBlock();
    const plan = { ...defaultPlan, defaultScheme: 'float' as const };
    expect((await rewrite(original, plan, new Map())).model).toBe(original);
  });

  it('gives the same from the original and from the prepared model', async () => {
    const original = residualBlock();
    const { model: fromPrepared, ranges } = await quantize(original, defaultPlan, samples(image));
    const fromOriginal = await rewrite(original, defaultPlan, ranges);
    const [sample = {}] = samples(image, 1);
    expect(await run(fromOriginal.model, sample)).toEqual(await run(fromPrepared, sample));
  });

  it('says which range is missing', async () => {
    await expect(rewrite(residualBlock(), defaultPlan, new Map())).rejects.toThrow(/range for the tensor x/);
  });
});

describe('Relu and Clip', () => {
  const convClip = (low: number, high: number) =>
    model(
      [conv('c', ['x', 'w'], 'c_out'), node('Clip', 'clip', ['c_out', 'low', 'high'], ['y'])],
      [weights('w', [4, 3, 3, 3]), floatTensor('low', [low], []), floatTensor('high', [high], [])],
      image,
    );

  it('are absorbed when the range performs them', async () => {
    const original = convClip(0, 6);
    const { model: quantized } = await quantize(original, defaultPlan, samples(image));
    expect(opTypes(quantized)).not.toContain('Clip');
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(30);
  });

  it('stay when the zero point does not allow it', async () => {
    const original = convClip(0.3, 6);
    const { model: quantized } = await quantize(original, defaultPlan, samples(image));
    expect(opTypes(quantized)).toContain('Clip');
    expect(producerOf(quantized, 'y_QuantizeLinear_Input')?.opType).toBe('Clip');
    expect(producerOf(quantized, 'c_out')?.opType).toBe('Conv');
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(30);

    // A range that was set wider than the Relu's output must not let negatives through.
    const relu = model(
      [conv('c', ['x', 'w'], 'c_out'), node('Relu', 'relu', ['c_out'], ['y'])],
      [weights('w', [4, 3, 3, 3])],
      image,
    );
    const ranges = new Map([
      ['x', { min: -1, max: 1 }],
      ['y', { min: -4, max: 4 }],
    ]);
    const wide = await rewrite(relu, defaultPlan, ranges);
    expect(opTypes(wide.model)).toContain('Relu');
    const [sample = {}] = samples(image, 1);
    expect(Math.min(...((await run(wide.model, sample))['y'] ?? []))).toBe(0);
  });

  it('are not absorbed when the tensor before them is used elsewhere', async () => {
    const original = model(
      [
        conv('c', ['x', 'w'], 'c_out'),
        node('Relu', 'relu', ['c_out'], ['act']),
        conv('d', ['act', 'v'], 'd_out', 1),
        node('Add', 'add', ['d_out', 'c_out'], ['y']),
      ],
      [weights('w', [4, 3, 3, 3]), weights('v', [4, 4, 1, 1], 2)],
      image,
    );
    const { model: quantized } = await quantize(original, defaultPlan, samples(image));
    expect(opTypes(quantized)).toContain('Relu');
    expect(nodes(quantized).find(({ name }) => name === 'relu')?.input).toEqual([
      'c_out_DequantizeLinear_Output',
    ]);
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(28);
  });

  it('are not absorbed when the tensor before them is a graph output', async () => {
    const original = model(
      [conv('c', ['x', 'w'], 'z'), node('Relu', 'relu', ['z'], ['y'])],
      [weights('w', [4, 3, 3, 3])],
      image,
      ['y', 'z'],
    );
    const { model: quantized } = await quantize(original, defaultPlan, samples(image));
    expect(Math.min(...((await run(quantized, samples(image, 1)[0] ?? {}))['z'] ?? []))).toBeLessThan(0);
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(28);
  });
});

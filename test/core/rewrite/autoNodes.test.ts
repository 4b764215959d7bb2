import { describe, expect, it } from 'vitest';
import { floatTensor, makeGraph, makeNode, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Node } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { opTypes, optimizedOpTypes, quantize } from '../../support/rewriting';
import { nodes, producerOf, worstSqnr } from './inspecting';
import { conv, image, model, node, samples, weights } from './models';

describe('auto nodes', () => {
  it('concatenate on integers, in the scale of the result where nothing else reads the parts', async () => {
    const joined = (extra: readonly Node[], outputs: string[]) =>
      model(
        [
          conv('a', ['x', 'w'], 'a_out'),
          conv('b', ['x', 'v'], 'b_out'),
          node('Relu', 'a_relu', ['a_out'], ['a_act']),
          node('Relu', 'b_relu', ['b_out'], ['b_act']),
          ...extra,
          node('Concat', 'concat', ['a_act', extra.length ? 'b_pool' : 'b_act'], ['joined'], {
            axis: { int: 1 },
          }),
          conv('c', ['joined', 'u'], 'y', 1),
        ],
        [weights('w', [4, 3, 3, 3]), weights('v', [2, 3, 3, 3], 5), weights('u', [3, 6, 1, 1], 6)],
        image,
        outputs,
      );
    const pool = node('MaxPool', 'pool', ['b_act'], ['b_pool'], {
      kernel_shape: { ints: [3, 3] },
      pads: { ints: [1, 1, 1, 1] },
    });
    for (const original of [joined([], ['y']), joined([pool], ['y'])]) {
      const { model: shared, ranges } = await quantize(original, defaultPlan, samples(image));
      expect([...ranges.keys()].sort()).toEqual(['joined', 'x', 'y']);
      expect(opTypes(shared)).not.toContain('Relu');
      const optimized = await optimizedOpTypes(shared);
      expect(optimized).toContain('QLinearConcat');
      expect(optimized.filter((op) => op === 'QLinearConv')).toHaveLength(3);
      expect(await worstSqnr(original, shared)).toBeGreaterThan(30);
    }
    // A part that is given out keeps its own scale.
    const given = joined([], ['y', 'a_act']);
    const { model: own, ranges } = await quantize(given, defaultPlan, samples(image));
    expect([...ranges.keys()].sort()).toEqual(['a_act', 'b_act', 'joined', 'x', 'y']);
    expect(await worstSqnr(given, own)).toBeGreaterThan(30);
  });

  it('concatenate tensors of different scales that have different ends', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        conv('b', ['x', 'v'], 'b_out'),
        node('Relu', 'relu', ['a_out'], ['a_act']),
        node('Concat', 'concat', ['a_act', 'b_out'], ['joined'], { axis: { int: 1 } }),
        conv('c', ['joined', 'u'], 'y', 1),
      ],
      [weights('w', [4, 3, 3, 3]), weights('v', [2, 3, 3, 3], 5), weights('u', [3, 6, 1, 1], 6)],
      image,
    );
    const { model: quantized, ranges } = await quantize(original, defaultPlan, samples(image));
    expect([...ranges.keys()].sort()).toEqual(['a_act', 'b_out', 'joined', 'x', 'y']);
    expect(opTypes(quantized)).not.toContain('Relu');
    expect(await optimizedOpTypes(quantized)).toContain('QLinearConcat');
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(28);
  });

  it('keep a Relu in its range when a Concat of Concats reads it', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        conv('b', ['x', 'v'], 'b_out'),
        node('Relu', 'a_relu', ['a_out'], ['a_act']),
        node('Relu', 'b_relu', ['b_out'], ['b_act']),
        node('Concat', 'inner', ['a_act', 'b_act'], ['pair'], { axis: { int: 1 } }),
        conv('d', ['x', 't'], 'd_out'),
        node('Concat', 'outer', ['pair', 'd_out'], ['joined'], { axis: { int: 1 } }),
        conv('c', ['joined', 'u'], 'y', 1),
      ],
      [
        weights('w', [4, 3, 3, 3]),
        weights('v', [2, 3, 3, 3], 5),
        weights('t', [2, 3, 3, 3], 7),
        weights('u', [3, 8, 1, 1], 6),
      ],
      image,
    );
    const { model: quantized, ranges } = await quantize(original, defaultPlan, samples(image));
    expect([...ranges.keys()].sort()).toEqual(['d_out', 'joined', 'pair', 'x', 'y']);
    expect(opTypes(quantized)).not.toContain('Relu');
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(28);
  });

  it('share the scale of their input when they only move values', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        node('Relu', 'relu', ['a_out'], ['act']),
        node('MaxPool', 'pool', ['act'], ['pooled'], {
          kernel_shape: { ints: [2, 2] },
          strides: { ints: [2, 2] },
        }),
        node('Transpose', 'turn', ['pooled'], ['turned'], { perm: { ints: [0, 2, 3, 1] } }),
        node('Flatten', 'flat', ['turned'], ['flat_out']),
        node('Gemm', 'fc', ['flat_out', 'v', 'bias'], ['y'], { transB: { int: 1 } }),
      ],
      [weights('w', [4, 3, 3, 3]), weights('v', [5, 64], 2), floatTensor('bias', [1, 2, 3, 4, 5])],
      image,
    );
    const { model: quantized, ranges } = await quantize(original, defaultPlan, samples(image));
    expect([...ranges.keys()].sort()).toEqual(['act', 'x']);
    const scales = nodes(quantized)
      .filter(({ opType }) => opType === 'QuantizeLinear')
      .map(({ input }) => input[1]);
    expect(scales.sort()).toEqual(['act_scale', 'act_scale', 'act_scale', 'act_scale', 'x_scale']);
    const optimized = await optimizedOpTypes(quantized);
    expect(optimized).toContain('QGemm');
    expect(optimized.filter((op) => ['Conv', 'Gemm', 'MaxPool'].includes(op))).toEqual([]);
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(30);
  });

  it('leave scores at the end float', async () => {
    const original = model(
      [
        node('Gemm', 'a', ['x', 'w'], ['h'], {}),
        node('Relu', 'relu', ['h'], ['act']),
        node('Gemm', 'b', ['act', 'v'], ['logits'], {}),
        node('Softmax', 'softmax', ['logits'], ['y'], { axis: { int: -1 } }),
      ],
      [weights('w', [8, 16]), weights('v', [16, 4], 2)],
      [2, 8],
    );
    const { model: quantized } = await quantize(original, defaultPlan, samples([2, 8]));
    expect(producerOf(quantized, 'y')?.opType).toBe('Softmax');
  });

  it('put a gate between layers on integers', async () => {
    const original = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        node('Sigmoid', 'gate', ['a_out'], ['gate_out']),
        node('Mul', 'mul', ['a_out', 'gate_out'], ['silu']),
        node('Mul', 'scaled', ['silu', 'factor'], ['scaled_out']),
        conv('b', ['scaled_out', 'v'], 'y', 1),
      ],
      [weights('w', [4, 3, 3, 3]), weights('v', [2, 4, 1, 1], 2), floatTensor('factor', [0.5], [])],
      image,
    );
    const { model: quantized } = await quantize(original, defaultPlan, samples(image));
    expect((await optimizedOpTypes(quantized)).filter((op) => op.startsWith('QLinear')).sort()).toEqual([
      'QLinearConv',
      'QLinearConv',
      'QLinearMul',
      'QLinearMul',
      'QLinearSigmoid',
    ]);
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(28);
  });

  it('keep the values that subgraphs read', async () => {
    const branch = (name: string, opType: string) =>
      makeGraph({
        name,
        node: [makeNode({ opType, input: ['mid'], output: [`${name}_y`] })],
        output: [makeValueInfo(`${name}_y`, DataType.FLOAT, [1, 4, 8, 8])],
      });
    const original = model(
      [
        conv('a', ['x', 'w'], 'mid'),
        conv('b', ['mid', 'v'], 'b_out', 1),
        node('ReduceMax', 'top', ['b_out'], ['top_out'], { keepdims: { int: 0 } }),
        node('Cast', 'cast', ['top_out'], ['flag'], { to: { int: DataType.BOOL } }),
        node('If', 'if', ['flag'], ['y'], {
          then_branch: branch('t', 'Neg'),
          else_branch: branch('e', 'Abs'),
        }),
      ],
      [weights('w', [4, 3, 3, 3]), weights('v', [2, 4, 1, 1], 2)],
      image,
    );
    const { model: quantized } = await quantize(original, defaultPlan, samples(image));
    expect(producerOf(quantized, 'mid')?.opType).toBe('DequantizeLinear');
    expect(await worstSqnr(original, quantized)).toBeGreaterThan(30);
  });
});

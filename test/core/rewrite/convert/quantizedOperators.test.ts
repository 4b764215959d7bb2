import { describe, expect, it } from 'vitest';
import { floatTensor, makeTensor } from '../../../../src/core/onnx/build';
import { DataType, type Node } from '../../../../src/core/onnx/types';
import { removeQuantization } from '../../../../src/core/rewrite/convert/removeQuantization';
import { opTypes, run } from '../../../support/rewriting';
import { image, node, samples } from '../models';

import {
  border,
  between,
  codes,
  integers,
  microsoft,
  modelOf,
  params,
  scalar,
  takeBack,
  zero,
} from './quantizedModels';

describe('operators on quantized values', () => {
  const weightParams = [scalar('ws', 0.01), zero('wz', 2, DataType.INT8)];

  it('QLinearConv with scales per channel and a bias', async () => {
    const conv = node('QLinearConv', 'c', ['xq', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz', 'b'], ['yq'], {
      pads: { ints: [1, 1, 1, 1] },
    });
    const original = modelOf(
      between(conv),
      [
        ...params(0.4),
        codes('w', [4, 3, 3, 3]),
        floatTensor('ws', [0.01, 0.02, 0.03, 0.04]),
        integers('wz', DataType.INT8, [0, 0, 0, 0], [4]),
        integers('b', DataType.INT32, [1000, -2000, 300, 4], [4]),
      ],
      image,
    );
    const { model } = await takeBack(original, image, 0.5);
    expect(opTypes(model)).toEqual(['Conv']);
  });

  it('QLinearConv with a range from zero gets its Relu back', async () => {
    const conv = node('QLinearConv', 'c', ['xq', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'], ['conv_q']);
    const pool = node('MaxPool', 'p', ['conv_q'], ['yq'], { kernel_shape: { ints: [2, 2] } });
    const original = modelOf(
      between(conv, pool),
      [...params(0.1, 0), codes('w', [4, 3, 3, 3]), ...weightParams],
      image,
    );
    const { model } = await takeBack(original, image, 0.2);
    expect(opTypes(model)).toEqual(['Conv', 'MaxPool', 'Relu']);
  });

  it('QLinearMatMul with scales per column', async () => {
    const product = node('QLinearMatMul', 'm', ['xq', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'], ['yq']);
    const original = modelOf(
      between(product),
      [
        ...params(0.05),
        codes('w', [4, 3]),
        floatTensor('ws', [0.01, 0.02, 0.03]),
        integers('wz', DataType.INT8, [0, 0, 0], [3]),
      ],
      [2, 4],
    );
    await takeBack(original, [2, 4], 0.1);
  });

  it.each([true, false])('QGemm, with a quantized result: %s', async (isQuantized) => {
    const gemm = microsoft(
      'QGemm',
      ['xq', 'xs', 'xz', 'w', 'ws', 'wz', 'b', ...(isQuantized ? ['ys', 'yz'] : [])],
      [isQuantized ? 'yq' : 'y'],
      { transB: { int: 1 }, alpha: { float: 0.5 } },
    );
    const constants = [
      ...params(0.05),
      codes('w', [3, 4]),
      ...weightParams,
      integers('b', DataType.INT32, [500, -700, 900], [3]),
    ];
    const nodes = isQuantized ? between(gemm) : [border[0] as Node, gemm];
    await takeBack(modelOf(nodes, constants, [2, 4]), [2, 4], 0.1);
  });

  it.each(['Add', 'Mul'])('QLinear%s with a constant', async (op) => {
    const both = microsoft(`QLinear${op}`, ['xq', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'], ['yq']);
    const constants = [...params(0.02), codes('w', [4], DataType.UINT8), scalar('ws', 0.01), zero('wz', 130)];
    await takeBack(modelOf(between(both), constants, [2, 4]), [2, 4], 0.04);
  });

  it.each([
    ['QLinearSigmoid', {}, 0.006, 0, [2, 40]],
    ['QLinearLeakyRelu', { alpha: { float: 0.2 } }, 0.01, 128, [2, 40]],
    ['QLinearAveragePool', { kernel_shape: { ints: [2, 2] } }, 0.01, 128, image],
    ['QLinearGlobalAveragePool', {}, 0.004, 128, [1, 3, 2, 2]],
    ['QLinearSoftmax', { axis: { int: -1 }, opset: { int: 13 } }, 0.004, 0, [2, 8]],
  ] as const)('%s', async (op, attributes, scale, zeroPoint, dims) => {
    const single = microsoft(op, ['xq', 'xs', 'xz', 'ys', 'yz'], ['yq'], attributes);
    await takeBack(modelOf(between(single), params(scale, zeroPoint), dims), dims, 3 * scale);
  });

  it('QLinearConcat, with what moves codes before it', async () => {
    const original = modelOf(
      between(
        node('Transpose', 't', ['xq'], ['tq'], { perm: { ints: [1, 0] } }),
        node('Pad', 'p', ['tq', 'pads', 'xz'], ['pq']),
        microsoft('QLinearConcat', ['ys', 'yz', 'pq', 'xs', 'xz', 'pq', 'xs', 'xz'], ['yq'], {
          axis: { int: 1 },
        }),
      ),
      [
        ...params(0.01),
        makeTensor('pads', DataType.INT64, [4], new Uint8Array(BigInt64Array.of(0n, 1n, 0n, 0n).buffer)),
      ],
      [2, 4],
    );
    await takeBack(original, [2, 4], 0.02);
  });

  it.each([4, 8])('MatMulNBits of %i bits, with a bias', async (bits) => {
    const [inputs, outputs, block] = [40, 3, 16];
    const blocks = Math.ceil(inputs / block);
    const packed = codes('w', [outputs, blocks, (block * bits) / 8], DataType.UINT8);
    const rowBytes = Math.ceil((blocks * bits) / 8);
    const product = microsoft('MatMulNBits', ['x', 'w', 's', 'z', '', 'b'], ['y'], {
      K: { int: inputs },
      N: { int: outputs },
      bits: { int: bits },
      block_size: { int: block },
    });
    const original = modelOf(
      [product],
      [
        packed,
        floatTensor(
          's',
          Array.from({ length: outputs * blocks }, (_, i) => 0.01 * (i + 1)),
        ),
        codes('z', [outputs * rowBytes], DataType.UINT8, 5),
        floatTensor('b', [1, 2, 3]),
      ],
      [2, inputs],
    );
    await takeBack(original, [2, inputs], 1e-3);
  });

  it.each([1, 3])('dynamic quantization with %i scales', async (count) => {
    const original = modelOf(
      [
        node('DynamicQuantizeLinear', 'dyn', ['x'], ['xq', 'xs', 'xz']),
        node('MatMulInteger', 'm_quant', ['xq', 'w', 'xz', 'wz'], ['sums']),
        node('Cast', 'c', ['sums'], ['float'], { to: { int: DataType.FLOAT } }),
        node('Mul', 'scales', ['xs', 'ws'], ['both']),
        node('Mul', 'scaled', ['float', 'both'], ['y']),
      ],
      [
        codes('w', [4, 3]),
        floatTensor('ws', [0.01, 0.02, 0.03].slice(0, count)),
        integers('wz', DataType.INT8, [2, 3, 4].slice(0, count), [count]),
      ],
      [2, 4],
    );
    const { model } = await takeBack(original, [2, 4], 0.1);
    expect(opTypes(model)).toEqual(['MatMul']);
  });

  it('QLinearReduceMean, for which the runtime has no kernel', async () => {
    const attributes = { axes: { ints: [1] }, keepdims: { int: 1 } };
    const single = microsoft('QLinearReduceMean', ['xq', 'xs', 'xz', 'ys', 'yz'], ['yq'], attributes);
    const { model } = removeQuantization(modelOf(between(single), params(0.004), [2, 4], 18));
    expect(opTypes(model)).toEqual(['ReduceMean']);
    const [sample = {}] = samples([2, 4], 1);
    const { y = [] } = await run(model, sample, 'none');
    const { data = [] } = sample['x'] ?? {};
    const mean =
      Array.from(data as Float32Array)
        .slice(0, 4)
        .reduce((sum, value) => sum + value, 0) / 4;
    expect(y[0]).toBeCloseTo(mean, 5);
  });
});

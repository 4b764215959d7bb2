/** Small models, one per way of storing a quantized weight. Numbers are chosen so that what is read can be told apart. */
import {
  bytesOf,
  floatTensor,
  int64Tensor,
  makeTensor,
  type NodeSpec,
} from '../../../../src/core/onnx/build';
import { DataType, type Model, type Tensor } from '../../../../src/core/onnx/types';
import { modelOf } from '../support';

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

export const int8 = (name: string, dims: number[], values = new Int8Array(product(dims))): Tensor =>
  makeTensor(name, DataType.INT8, dims, bytesOf(values));
export const uint8 = (name: string, dims: number[], values = new Uint8Array(product(dims))): Tensor =>
  makeTensor(name, DataType.UINT8, dims, values);
export const float = (name: string, values: number[], dims: number[] = [values.length]): Tensor =>
  floatTensor(name, values, dims);
const scalar = (name: string, value: number): Tensor => floatTensor(name, [value], []);

const quantize = (input: string, output: string): NodeSpec => ({
  opType: 'QuantizeLinear',
  name: `${input}_q`,
  input: [input, 'as', 'az'],
  output: [output],
});
const dequantize = (input: string, output: string): NodeSpec => ({
  opType: 'DequantizeLinear',
  name: `${input}_dq`,
  input: [input, 'as', 'az'],
  output: [output],
});

/** x → Q → DQ → Conv (int8 per channel, int32 bias) → Relu → Q → DQ → MaxPool → y */
export function qdqConv(): Model {
  return modelOf({
    inputs: { x: [1, 2, 4, 4] },
    initializer: [
      scalar('as', 0.5),
      uint8('az', [], Uint8Array.of(7)),
      int8('w', [3, 2, 1, 1]),
      float('ws', [0.25, 0.125, 0.75]),
      int8('wz', [3]),
      makeTensor('b', DataType.INT32, [3], bytesOf(Int32Array.of(1, 2, 3))),
      float('bs', [1, 1, 1]),
    ],
    nodes: [
      quantize('x', 'xq'),
      dequantize('xq', 'xd'),
      {
        opType: 'DequantizeLinear',
        name: 'w_dq',
        input: ['w', 'ws', 'wz'],
        output: ['wd'],
        attributes: { axis: { int: 0 } },
      },
      {
        opType: 'DequantizeLinear',
        name: 'b_dq',
        input: ['b', 'bs'],
        output: ['bd'],
        attributes: { axis: { int: 0 } },
      },
      { opType: 'Conv', name: 'conv', input: ['xd', 'wd', 'bd'], output: ['c'] },
      { opType: 'Relu', name: 'relu', input: ['c'], output: ['r'] },
      quantize('r', 'rq'),
      dequantize('rq', 'rd'),
      {
        opType: 'MaxPool',
        name: 'pool',
        input: ['rd'],
        output: ['p'],
        attributes: { kernel_shape: { ints: [2, 2] } },
      },
      quantize('p', 'pq'),
      dequantize('pq', 'y'),
    ],
    outputs: ['y'],
  });
}

/** One MatMul of [N, 64] with a weight of [64, 10] that `nodes` make of `initializer`. */
export function matMul(initializer: Tensor[], nodes: NodeSpec[], opset = 21): Model {
  return modelOf({
    inputs: { x: ['N', 64] },
    initializer,
    nodes: [...nodes, { opType: 'MatMul', name: 'product', input: ['x', 'w'], output: ['y'] }],
    outputs: ['y'],
    opset,
  });
}

/** Blocks of 32 along the rows, 4 bits. */
export function blockedInt4(): Model {
  return matMul(
    [
      makeTensor('codes', DataType.INT4, [64, 10], new Uint8Array(320)),
      float(
        's',
        Array.from({ length: 20 }, (_, index) => 0.01 * (index + 1)),
        [2, 10],
      ),
    ],
    [
      {
        opType: 'DequantizeLinear',
        name: 'w_dq',
        input: ['codes', 's'],
        output: ['w'],
        attributes: { axis: { int: 0 }, block_size: { int: 32 } },
      },
    ],
  );
}

/** A codebook of 5 values with a scale per column. */
export function codebook(): Model {
  return matMul(
    [
      makeTensor('codes', DataType.UINT4, [64, 10], new Uint8Array(320)),
      float('table', [-1, -0.5, 0, 0.5, 2]),
      float(
        's',
        Array.from({ length: 10 }, (_, index) => index + 1),
        [1, 10],
      ),
    ],
    [
      {
        opType: 'Cast',
        name: 'w_cast',
        input: ['codes'],
        output: ['i'],
        attributes: { to: { int: DataType.INT32 } },
      },
      { opType: 'Gather', name: 'w_gather', input: ['table', 'i'], output: ['g'] },
      { opType: 'Mul', name: 'w_mul', input: ['g', 's'], output: ['w'] },
    ],
  );
}

/** Columns in 2 groups, each with a codebook of 4 values; codes and values stand group by group. */
export function groupedCodebook(): Model {
  return matMul(
    [
      makeTensor('codes', DataType.UINT4, [2, 320], new Uint8Array(320)),
      float('table', [-1, 0, 1, 2, -8, 0, 4, 16], [2, 4]),
      int64Tensor('shape', [10, 64]),
    ],
    [
      {
        opType: 'Cast',
        name: 'w_cast',
        input: ['codes'],
        output: ['i'],
        attributes: { to: { int: DataType.INT32 } },
      },
      {
        opType: 'GatherElements',
        name: 'w_gather',
        input: ['table', 'i'],
        output: ['g'],
        attributes: { axis: { int: 1 } },
      },
      { opType: 'Reshape', name: 'w_reshape', input: ['g', 'shape'], output: ['r'] },
      { opType: 'Transpose', name: 'w_turn', input: ['r'], output: ['w'] },
    ],
  );
}

/** A filter [4, 3, 2, 2] whose scales stand per input × output channel, on codes of [12, 4]. */
export function perKernel(): Model {
  return modelOf({
    inputs: { x: [1, 3, 5, 5] },
    initializer: [
      int8('codes', [12, 4]),
      float(
        's',
        Array.from({ length: 12 }, () => 0.5),
      ),
      int64Tensor('shape', [4, 3, 2, 2]),
    ],
    nodes: [
      {
        opType: 'DequantizeLinear',
        name: 'w_dq',
        input: ['codes', 's'],
        output: ['d'],
        attributes: { axis: { int: 0 } },
      },
      { opType: 'Reshape', name: 'w_reshape', input: ['d', 'shape'], output: ['w'] },
      { opType: 'Conv', name: 'conv', input: ['x', 'w'], output: ['y'] },
    ],
    outputs: ['y'],
  });
}

/** x → Q → QLinearConv → QLinearAdd with itself → DQ → y, as ONNX Runtime's tool writes its operator format. */
export function qOperator(): Model {
  return modelOf({
    inputs: { x: [1, 2, 4, 4] },
    initializer: [
      scalar('as', 0.5),
      uint8('az', [], Uint8Array.of(7)),
      int8('w', [3, 2, 1, 1]),
      float('ws', [0.25, 0.125, 0.75]),
      int8('wz', [3]),
      scalar('ys', 0.0625),
      uint8('yz', [], Uint8Array.of(9)),
    ],
    nodes: [
      quantize('x', 'xq'),
      {
        opType: 'QLinearConv',
        name: 'conv',
        input: ['xq', 'as', 'az', 'w', 'ws', 'wz', 'ys', 'yz'],
        output: ['cq'],
      },
      {
        opType: 'QLinearAdd',
        name: 'add',
        domain: 'com.microsoft',
        input: ['cq', 'ys', 'yz', 'cq', 'ys', 'yz', 'as', 'az'],
        output: ['sq'],
      },
      dequantize('sq', 'y'),
    ],
    outputs: ['y'],
  });
}

/** 96 rows make 3 blocks, so that a column's packed zero points end in an unused half byte. */
export function nBits(zeroPoints: boolean): Model {
  const columns = 10;
  return modelOf({
    inputs: { x: ['N', 96] },
    initializer: [
      uint8('packed', [columns, 3, 16]),
      float(
        's',
        Array.from({ length: 30 }, (_, index) => 0.01 * (index + 1)),
      ),
      // Codes 3, 9, 5 in each column; the unused half byte holds 15.
      ...(zeroPoints
        ? [
            uint8(
              'z',
              [columns * 2],
              Uint8Array.from({ length: columns * 2 }, (_, at) => (at % 2 ? 0xf5 : 0x93)),
            ),
          ]
        : []),
    ],
    nodes: [
      {
        opType: 'MatMulNBits',
        name: 'product',
        domain: 'com.microsoft',
        input: ['x', 'packed', 's', ...(zeroPoints ? ['z'] : [])],
        output: ['y'],
        attributes: { K: { int: 96 }, N: { int: columns }, bits: { int: 4 }, block_size: { int: 32 } },
      },
    ],
    outputs: ['y'],
  });
}

/** The chain of the tool's dynamic mode, with a bias that stays an Add. */
export function dynamic(): Model {
  return modelOf({
    inputs: { x: ['N', 4] },
    initializer: [int8('w', [4, 3]), int8('wz', []), scalar('ws', 0.25), float('bias', [1, 2, 3])],
    nodes: [
      { opType: 'DynamicQuantizeLinear', name: 'x_q', input: ['x'], output: ['xq', 'xs', 'xz'] },
      { opType: 'MatMulInteger', name: 'product', input: ['xq', 'w', 'xz', 'wz'], output: ['i'] },
      {
        opType: 'Cast',
        name: 'cast',
        input: ['i'],
        output: ['f'],
        attributes: { to: { int: DataType.FLOAT } },
      },
      { opType: 'Mul', name: 'scales', input: ['xs', 'ws'], output: ['s'] },
      { opType: 'Mul', name: 'scaled', input: ['f', 's'], output: ['m'] },
      { opType: 'Add', name: 'add', input: ['m', 'bias'], output: ['y'] },
    ],
    outputs: ['y'],
  });
}

/** A table whose rows are dequantized after they were read, as ONNX Runtime's tool writes embeddings. */
export function table(): Model {
  return modelOf({
    inputs: { ids: ['N'] },
    initializer: [int8('codes', [20, 8]), scalar('s', 0.5), int8('z', [])],
    nodes: [
      { opType: 'Gather', name: 'embedding', input: ['codes', 'ids'], output: ['rows'] },
      { opType: 'DequantizeLinear', name: 'rows_dq', input: ['rows', 's', 'z'], output: ['y'] },
    ],
    outputs: ['y'],
  });
}

/** Half-precision weights with a Cast. */
export function castHalf(): Model {
  return matMul(
    [makeTensor('h', DataType.FLOAT16, [64, 10], new Uint8Array(1280))],
    [
      {
        opType: 'Cast',
        name: 'w_cast',
        input: ['h'],
        output: ['w'],
        attributes: { to: { int: DataType.FLOAT } },
      },
    ],
  );
}

/** A float weight with a Q/DQ pair, which the runtime rounds when it loads the model. */
export function fakeQuantized(): Model {
  return matMul(
    [
      float(
        'f',
        Array.from({ length: 640 }, () => 1),
        [64, 10],
      ),
      scalar('s', 0.5),
      int8('z', []),
    ],
    [
      { opType: 'QuantizeLinear', name: 'w_q', input: ['f', 's', 'z'], output: ['q'] },
      { opType: 'DequantizeLinear', name: 'w_dq', input: ['q', 's', 'z'], output: ['w'] },
    ],
  );
}

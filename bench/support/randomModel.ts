/** Models of any size with weights as a trained network has them: nothing repeats, nothing compresses. */
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../src/core/onnx/build';
import { MemoryPayload, type Payload } from '../../src/core/onnx/payload';
import { DataType, type Model, type Node, type Tensor } from '../../src/core/onnx/types';

const CHANNELS = 512;
const WIDTH = 1024;
const HIDDEN = 4096;
const CLASSES = 1000;
const CONV_BYTES = 4 * CHANNELS * CHANNELS * 9;
const MLP_BYTES = 2 * 4 * WIDTH * HIDDEN;

/** Bytes of the largest weight, whatever the size of the model. */
export const LARGEST_WEIGHT_BYTES = 4 * WIDTH * HIDDEN;

/** Normally distributed float32 values that exist only while they are read; the same for the same seed and offset. */
class NormalPayload implements Payload {
  constructor(
    readonly byteLength: number,
    private readonly seed: number,
    private readonly deviation: number,
  ) {}

  async read(offset = 0, length = this.byteLength - offset): Promise<Uint8Array> {
    const values = new Float32Array(length / 4);
    let state = (Math.imul(this.seed, 0x9e3779b1) ^ Math.imul(offset + 1, 0x85ebca6b)) | 1;
    const uniform = () => {
      // xorshift32: fast, and never 0, of which there is no logarithm.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32;
    };
    for (let i = 0; i < values.length; i += 2) {
      const radius = this.deviation * Math.sqrt(-2 * Math.log(uniform()));
      const angle = 2 * Math.PI * uniform();
      values[i] = radius * Math.cos(angle);
      values[i + 1] = radius * Math.sin(angle);
    }
    return new Uint8Array(values.buffer);
  }
}

/**
 * A convolutional trunk (3×3, 512 channels) for a quarter of the weights, then blocks of two MatMul (1024 → 4096 → 1024)
 * between two Gemm. Only the number of blocks follows the size.
 * @param bytes about what the weights take.
 */
export function randomModel(bytes: number): Model {
  const node: Node[] = [];
  const initializer: Tensor[] = [];
  const addWeight = (name: string, dims: readonly number[], fanIn: number) => {
    const size = 4 * dims.reduce((count, dim) => count * dim, 1);
    const payload = new NormalPayload(size, initializer.length + 1, Math.sqrt(2 / fanIn));
    initializer.push(makeTensor(name, DataType.FLOAT, dims, payload));
    return name;
  };
  const addBias = (name: string, size: number) => {
    initializer.push(makeTensor(name, DataType.FLOAT, [size], new MemoryPayload(new Uint8Array(4 * size))));
    return name;
  };
  let value = 'input';
  const add = (opType: string, name: string, others: readonly string[] = [], spec = {}) => {
    const output = `${name}_output`;
    node.push(makeNode({ opType, name, input: [value, ...others], output: [output], attributes: spec }));
    value = output;
  };

  for (let block = 0; block < Math.max(1, Math.round((0.25 * bytes) / CONV_BYTES)); block++) {
    const name = `/trunk/${block}`;
    const weight = addWeight(`trunk.${block}.weight`, [CHANNELS, CHANNELS, 3, 3], 9 * CHANNELS);
    add('Conv', `${name}/Conv`, [weight, addBias(`trunk.${block}.bias`, CHANNELS)], {
      kernel_shape: { ints: [3, 3] },
      pads: { ints: [1, 1, 1, 1] },
    });
    add('Relu', `${name}/Relu`);
  }
  add('GlobalAveragePool', '/pool');
  add('Flatten', '/flatten');
  add('Gemm', '/neck', [addWeight('neck.weight', [WIDTH, CHANNELS], CHANNELS), addBias('neck.bias', WIDTH)], {
    transB: { int: 1 },
  });
  for (let block = 0; block < Math.max(1, Math.round((0.75 * bytes) / MLP_BYTES)); block++) {
    for (const [part, from, to] of [
      ['up', WIDTH, HIDDEN],
      ['down', HIDDEN, WIDTH],
    ] as const) {
      const name = `/blocks.${block}/${part}`;
      const weight = `blocks.${block}.${part}`;
      add('MatMul', `${name}/MatMul`, [addWeight(`${weight}.weight`, [from, to], from)]);
      add('Add', `${name}/Add`, [addBias(`${weight}.bias`, to)]);
      if (part === 'up') add('Relu', `${name}/Relu`);
    }
  }
  add('Gemm', '/head', [addWeight('head.weight', [CLASSES, WIDTH], WIDTH), addBias('head.bias', CLASSES)], {
    transB: { int: 1 },
  });
  return makeModel(
    makeGraph({
      node,
      initializer,
      input: [makeValueInfo('input', DataType.FLOAT, [1, CHANNELS, 14, 14])],
      output: [makeValueInfo(value, DataType.FLOAT, [1, CLASSES])],
    }),
  );
}

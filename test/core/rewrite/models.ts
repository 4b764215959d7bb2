/** Small models, built in code, for the tests of rewrites. All take `x` and give `y` unless said otherwise. */
import {
  type AttributeValue,
  floatTensor,
  makeGraph,
  makeModel,
  makeNode,
  makeValueInfo,
} from '../../../src/core/onnx/build';
import { DataType, type Model, type Node, type Tensor } from '../../../src/core/onnx/types';
import type { Feeds } from '../../../src/core/ports';
import { uniform } from '../../support/random';

export type Dims = readonly number[];

const size = (dims: Dims) => dims.reduce((product, each) => product * each, 1);

/** Normal-ish values with a spread that grows from one slice of axis 0 to the next, so that per-channel scales matter. */
export function weights(name: string, dims: Dims, seed = 1): Tensor {
  const random = uniform(seed);
  const inner = size(dims) / (dims[0] ?? 1);
  const values = Float32Array.from({ length: size(dims) }, (_, i) => {
    const spread = 0.3 * (1 + Math.floor(i / inner) * 0.5);
    return (random() + random() + random() - 1.5) * spread;
  });
  return floatTensor(name, values, dims);
}

/** Samples for `x`. */
export function samples(dims: Dims, count = 8, { from = -1, to = 1 } = {}): Feeds[] {
  const random = uniform(7);
  return Array.from({ length: count }, () => ({
    x: {
      type: 'float32' as const,
      dims,
      data: Float32Array.from({ length: size(dims) }, () => from + random() * (to - from)),
    },
  }));
}

export function node(
  opType: string,
  name: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): Node {
  return makeNode({ opType, name, input, output, attributes });
}

export function conv(name: string, input: readonly string[], output: string, kernel = 3): Node {
  const pad = (kernel - 1) / 2;
  return node('Conv', name, input, [output], {
    kernel_shape: { ints: [kernel, kernel] },
    pads: { ints: [pad, pad, pad, pad] },
  });
}

export function model(
  nodes: readonly Node[],
  initializer: readonly Tensor[],
  inputDims: readonly (number | null)[],
  outputs: readonly string[] = ['y'],
  opset = 17,
): Model {
  const graph = makeGraph({
    node: nodes,
    initializer,
    input: [makeValueInfo('x', DataType.FLOAT, inputDims)],
    output: outputs.map((name) => makeValueInfo(name, DataType.FLOAT)),
  });
  return makeModel(graph, { opset, irVersion: 8 });
}

export const image: Dims = [1, 3, 8, 8];

/** stem → relu → conv → add with the stem → relu: a ResNet block. */
export function residualBlock(): Model {
  return model(
    [
      conv('stem', ['x', 'w0', 'b0'], 'stem_out'),
      node('Relu', 'stem_relu', ['stem_out'], ['skip']),
      conv('left', ['skip', 'w1', 'b1'], 'left_out'),
      node('Relu', 'left_relu', ['left_out'], ['left_act']),
      conv('right', ['left_act', 'w2'], 'right_out'),
      node('Add', 'add', ['right_out', 'skip'], ['sum']),
      node('Relu', 'add_relu', ['sum'], ['y']),
    ],
    [
      weights('w0', [4, 3, 3, 3], 1),
      floatTensor('b0', [0.1, -0.2, 0.3, -0.4]),
      weights('w1', [4, 4, 3, 3], 2),
      floatTensor('b1', [0.4, 0.3, -0.2, 0.1]),
      weights('w2', [4, 4, 3, 3], 3),
    ],
    image,
  );
}

/** Small quantized models, built in code. All take `x` and give `y`. */
import { expect } from 'vitest';
import {
  type AttributeValue,
  floatTensor,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from '../../../../src/core/onnx/build';
import { DataType, type Model, type Node, type Tensor } from '../../../../src/core/onnx/types';
import type { Feeds } from '../../../../src/core/ports';
import { removeQuantization } from '../../../../src/core/rewrite/convert/removeQuantization';
import { uniform } from '../../../support/random';
import { opTypes, run } from '../../../support/rewriting';
import { type Dims, node, samples } from '../models';

const size = (dims: Dims) => dims.reduce((product, each) => product * each, 1);
export const scalar = (name: string, value: number) => floatTensor(name, [value], []);

export function integers(name: string, type: DataType, values: ArrayLike<number>, dims: Dims): Tensor {
  const array = {
    [DataType.UINT8]: () => Uint8Array.from(values),
    [DataType.INT8]: () => Int8Array.from(values),
    [DataType.INT32]: () => Int32Array.from(values),
  }[type as DataType.UINT8]();
  return makeTensor(name, type, dims, new Uint8Array(array.buffer));
}

export const zero = (name: string, value: number, type = DataType.UINT8) => integers(name, type, [value], []);

export function codes(name: string, dims: Dims, type = DataType.INT8, seed = 3): Tensor {
  const random = uniform(seed);
  const from = type === DataType.INT8 ? -100 : 20;
  return integers(
    name,
    type,
    Array.from({ length: size(dims) }, () => from + Math.floor(random() * 200)),
    dims,
  );
}

export const microsoft = (
  opType: string,
  input: string[],
  output: string[],
  attributes: Record<string, AttributeValue> = {},
) => makeNode({ opType, name: opType, domain: 'com.microsoft', input, output, attributes });

export function modelOf(nodes: readonly Node[], constants: readonly Tensor[], dims: Dims, opset = 17): Model {
  const graph = makeGraph({
    node: nodes,
    initializer: constants,
    input: [makeValueInfo('x', DataType.FLOAT, dims)],
    output: [makeValueInfo('y', DataType.FLOAT)],
  });
  const opsetImport = [
    { domain: '', version: opset },
    { domain: 'com.microsoft', version: 1 },
  ];
  return makeModel(graph, { opsetImport, irVersion: opset >= 21 ? 10 : 8 });
}

/** Takes back, and expects nothing quantized and outputs within `steps` of those before. */
export async function takeBack(
  original: Model,
  dims: Dims,
  step: number,
  feeds: readonly Feeds[] = samples(dims, 2),
): Promise<{ model: Model; notes: readonly string[]; changed: number }> {
  const taken = removeQuantization(original);
  expect(opTypes(taken.model).filter((op) => /Q|Integer|Quantize/.test(op))).toEqual([]);
  for (const sample of feeds) {
    const { y: before = [] } = await run(original, sample, 'none');
    const { y: after = [] } = await run(taken.model, sample, 'none');
    expect(after).toHaveLength(before.length);
    const worst = Array.from(before).reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (after[i] ?? NaN))),
      0,
    );
    expect(worst).toBeLessThanOrEqual(step);
    // An output of zeros would be near anything.
    expect(Math.max(...Array.from(before, Math.abs))).toBeGreaterThan(4 * step);
  }
  return taken;
}

/** x quantized to `xq`, and a quantized result `yq` back to y. */
export const border = [
  node('QuantizeLinear', 'q', ['x', 'xs', 'xz'], ['xq']),
  node('DequantizeLinear', 'dq', ['yq', 'ys', 'yz'], ['y']),
];
export const between = (...nodes: Node[]) => [border[0] as Node, ...nodes, border[1] as Node];
export const params = (resultScale: number, resultZero = 128) => [
  scalar('xs', 2 / 255),
  zero('xz', 128),
  scalar('ys', resultScale),
  zero('yz', resultZero),
];

import { attrInt, normalDomain } from '../onnx/attributes';
import { makeValueInfo } from '../onnx/build';
import { derive } from '../onnx/origin';
import { elementCount } from '../onnx/tensor';
import { DataType, type Model, type Node, type Tensor } from '../onnx/types';
import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import type { Layer } from '../graph/types';
import type { RuntimeType } from '../ports';

/** Smaller weights cost little to store and gain from being known to the runtime. */
const LARGE_ELEMENTS = 16384;

const FLOAT: number = DataType.FLOAT;

/** The weight of a layer as inputs, so that one session takes it in any format. */
export interface OpenWeights {
  readonly model: Model;
  /** Input name of each of the layer's weights. */
  readonly inputs: readonly string[];
}

/**
 * The model with the weights of one layer as inputs.
 * @returns undefined when something stands between a weight and the layer, or the layer is not in the main graph.
 */
export function openWeights(index: GraphIndex, layer: Layer): OpenWeights | undefined {
  const { model, main } = index;
  const { graph } = model;
  const { ref, weights } = layer;
  const isPlain = weights.every(
    ({ steps, tensor, stored }) =>
      steps.length === 0 && stored.via === 'float' && tensor.dataType === FLOAT && tensor.dims.length > 0,
  );
  if (!graph || !main || ref.scope !== main || weights.length === 0 || !isPlain) return undefined;
  const taken = new Set(index.nodesOf(main).flatMap(({ node }) => [...node.input, ...node.output]));
  const inputs = weights.map(({ name }) => freshName(`${name}_trial`, taken));
  const input = ref.node.input.map((value, position) => {
    const at = weights.findIndex(({ inputIndex }) => inputIndex === position);
    return inputs[at] ?? value;
  });
  const node = graph.node.map((each) => (each === ref.node ? derive(each, { input }) : each));
  const added = inputs.map((name, at) => makeValueInfo(name, DataType.FLOAT, weights[at]?.tensor.dims));
  return {
    model: derive(model, { graph: derive(graph, { node, input: [...graph.input, ...added] }) }),
    inputs,
  };
}

function freshName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let at = 1; taken.has(name); at++) name = `${wanted}_${at}`;
  taken.add(name);
  return name;
}

/**
 * Large float weights that can be inputs without making the runtime's kernels much slower. (A depthwise convolution has a
 * kernel of its own only for a constant weight.)
 */
export function largeWeights(index: GraphIndex): Tensor[] {
  const { main } = index;
  if (!main) return [];
  return index.initializers(main).filter((tensor) => {
    if (tensor.dataType !== FLOAT || tensor.dims.length < 2 || elementCount(tensor) < LARGE_ELEMENTS)
      return false;
    const readers = index.consumers(main, tensor.name);
    return (
      readers.length > 0 &&
      !index.isOutput(main, tensor.name) &&
      readers.every(({ node, scope }) => scope === main && multiplies(node, tensor.name))
    );
  });
}

function multiplies(node: Node, weight: string): boolean {
  if (normalDomain(node.domain) !== '') return false;
  switch (node.opType) {
    case 'Conv':
    case 'ConvTranspose':
      return node.input.indexOf(weight) === 1 && attrInt(node, 'group', 1) === 1;
    case 'Gemm':
    case 'MatMul':
      return node.input.indexOf(weight) < 2;
    default:
      return false;
  }
}

/** The model with its large weights as inputs; they keep their names. */
export function weightsAsInputs(model: Model): {
  readonly model: Model;
  readonly weights: readonly Tensor[];
} {
  const { graph } = model;
  if (!graph) return { model, weights: [] };
  const weights = largeWeights(indexGraph(model));
  const moved = new Set(weights);
  const changed = derive(graph, {
    initializer: graph.initializer.filter((tensor) => !moved.has(tensor)),
    input: [...graph.input, ...weights.map(({ name, dims }) => makeValueInfo(name, DataType.FLOAT, dims))],
  });
  return { model: derive(model, { graph: changed }), weights };
}

const elementTypes: Readonly<Record<RuntimeType, DataType>> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
  int16: DataType.INT16,
  uint16: DataType.UINT16,
  int32: DataType.INT32,
  uint32: DataType.UINT32,
  int64: DataType.INT64,
  uint64: DataType.UINT64,
  bool: DataType.BOOL,
  string: DataType.STRING,
};

export function elementTypeOf(type: RuntimeType): DataType {
  return elementTypes[type];
}

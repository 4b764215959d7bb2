import { makeValueInfo } from '../onnx/build';
import { derive } from '../onnx/origin';
import { DataType, type Model } from '../onnx/types';
import type { GraphIndex } from '../graph/graphIndex';
import type { Layer } from '../graph/types';
import type { RuntimeTensor, RuntimeType } from '../ports';
import type { Baseline } from './baseline';
import type { KnownValue } from '../graph/suffix';

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

/** Tells the samples of a batch, of which the last may have fewer. */
const BATCH = 'samples_of_trial';

/** What a tensor of a batch of `count` samples tells of those of other batches. */
export function knownValueOf({ type, dims }: RuntimeTensor, count: number): KnownValue {
  const [rows, ...rest] = dims;
  const first = rows === count ? BATCH : null;
  return { type: elementTypes[type], shape: rows === undefined ? [] : [count === 1 ? rows : first, ...rest] };
}

/** What a value that trials may begin with tells; undefined for others. */
export function keptValue({ batches: [batch], starts }: Baseline, value: string): KnownValue | undefined {
  const tensor = starts.has(value) ? batch?.values[value] : undefined;
  return batch && tensor && knownValueOf(tensor, batch.samples.length);
}

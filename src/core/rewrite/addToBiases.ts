import { type GraphIndex, indexGraph } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Layer, NodeRef } from '../graph/types';
import { attrFloat, attrInt, normalDomain } from '../onnx/attributes';
import { floatTensor, makeNode } from '../onnx/build';
import { readFloat32 } from '../onnx/tensor';
import type { Model, Tensor } from '../onnx/types';
import { biasOf, biasPerChannel } from './bias';
import { floatConstant } from './channelAffine';
import { GraphChanges } from './graphChanges';
import { lazyFloatTensor } from './lazyTensor';
import { replaceOperand, setInput } from './ownConstant';
import { weightChannels } from './weightChannels';

/** The channels that a layer's output has. */
interface OutputChannels {
  readonly count: number;
  /** Axes of the output behind that of the channels. */
  readonly trailing: number;
}

interface AddedChannels extends OutputChannels {
  /** Of a constant that is added to the whole output. */
  readonly dims: readonly number[];
}

/**
 * A model whose layers add other biases. A Conv, ConvTranspose or Gemm without one gets one; other layers, and those whose bias
 * is computed, have it in the Add behind them, an existing one with a constant or a new one. A bias that several nodes read
 * is copied first. No value changes its name, except that a layer before a new Add gives another.
 * @param deltas layer → what is added to each channel of its output.
 * @throws RangeError for names that are not layers of the main graph with output channels (see `outputChannelsOf`), and for
 * as many numbers as a layer does not have channels.
 */
export function addToBiases(model: Model, deltas: ReadonlyMap<string, Float32Array>): Model {
  const index = indexGraph(model);
  const shapes = inferShapes(index, {});
  const layers = new Map(findLayers(index, shapes).map((layer) => [layer.name, layer]));
  const changes = new GraphChanges(model);
  for (const [name, delta] of deltas) {
    const layer = layers.get(name);
    const channels = layer && layer.ref.scope === index.main ? outputChannelsOf(layer) : undefined;
    if (!layer || channels?.count !== delta.length) {
      throw new RangeError(`${name} has ${channels?.count ?? 'no'} output channels, not ${delta.length}`);
    }
    const { ref } = layer;
    const rank = shapes.of(ref.scope, ref.node.output[0] ?? '')?.length;
    // A matrix times a vector gives nothing but its channels.
    const dims = [delta.length, ...new Array<number>(rank === 1 ? 0 : channels.trailing).fill(1)];
    addToBias(index, changes, ref, { ...channels, dims }, delta);
  }
  return changes.apply();
}

/** The output channels of a layer that multiplies by its weight; undefined for others. */
export function outputChannelsOf({ ref: { node }, weight }: Layer): OutputChannels | undefined {
  if (!weight || normalDomain(node.domain) !== '') return undefined;
  const { shape, inputIndex } = weight;
  const rank = shape.length;
  const isMatrix = node.opType === 'MatMul' || node.opType === 'Gemm';
  if (isMatrix && inputIndex === 0) {
    const axis = attrInt(node, 'transA', 0) === 0 ? rank - 2 : rank - 1;
    return { count: shape[axis] ?? 0, trailing: 1 };
  }
  const last = shape[rank - 1];
  if (node.opType === 'MatMul' && rank > 2 && last !== undefined) return { count: last, trailing: 0 };
  const channels = weightChannels(node, shape);
  return channels && { count: channels.outputs, trailing: isMatrix ? 0 : rank - 2 };
}

/**
 * True where a layer's bias is in the Add behind it, so that `addToBiases` changes what comes after the layer.
 * @param layer of the main graph.
 */
export function isBiasBehind(index: GraphIndex, layer: Layer): boolean {
  const channels = outputChannelsOf(layer);
  if (!channels || ownBias(index, layer.ref, channels)) return false;
  return channels.trailing === 0 && biasAdd(index, layer.ref, channels.count) !== undefined;
}

/** The bias that a layer has as an input, or could have; undefined where none can be changed there. */
function ownBias(index: GraphIndex, ref: NodeRef, { count, trailing }: OutputChannels) {
  const { opType } = ref.node;
  const isInput = ['Conv', 'ConvTranspose', 'Gemm'].includes(opType);
  if (!isInput || (opType === 'Gemm' && trailing > 0)) return undefined;
  const bias = biasOf(index, ref, count);
  return bias.kind === 'none' || bias.kind === 'constant' ? bias : undefined;
}

function addToBias(
  index: GraphIndex,
  changes: GraphChanges,
  ref: NodeRef,
  channels: AddedChannels,
  delta: Float32Array,
): void {
  const { node } = ref;
  const bias = ownBias(index, ref, channels);
  if (bias?.kind === 'none') {
    const name = changes.fresh(`${ref.name}.bias`);
    changes.addInitializer(floatTensor(name, delta));
    setInput(changes, ref, 2, name);
    withoutBeta(changes, ref);
  } else if (bias?.kind === 'constant') {
    const beta = node.opType === 'Gemm' ? attrFloat(node, 'beta', 1) : 1;
    replaceOperand(index, changes, ref, 2, (name) =>
      sum(name, [channels.count], bias.tensor, channels.count, (value, c) => beta * value + (delta[c] ?? 0)),
    );
    withoutBeta(changes, ref);
  } else {
    addBehind(index, changes, ref, channels, delta);
  }
}

function withoutBeta(changes: GraphChanges, ref: NodeRef): void {
  if (attrFloat(ref.node, 'beta', 1) === 1) return;
  const attribute = changes.current(ref.node).attribute.filter(({ name }) => name !== 'beta');
  changes.edit(ref.node, { attribute });
}

/** In the Add behind the layer. */
function addBehind(
  index: GraphIndex,
  changes: GraphChanges,
  ref: NodeRef,
  { count, trailing, dims }: AddedChannels,
  delta: Float32Array,
): void {
  const output = ref.node.output[0] ?? '';
  const existing = trailing === 0 ? biasAdd(index, ref, count) : undefined;
  if (existing) {
    const { add, position, tensor } = existing;
    const ownDims = [...tensor.dims.slice(0, -1), count];
    replaceOperand(index, changes, add, position, (name) =>
      sum(name, ownDims, tensor, count, (value, c) => value + (delta[c] ?? 0)),
    );
    return;
  }
  const before = changes.fresh(`${output}_without_bias`);
  const name = changes.fresh(`${ref.name}.bias`);
  changes.addInitializer(floatTensor(name, delta, dims));
  changes.edit(ref.node, { output: [before, ...ref.node.output.slice(1)] });
  changes.insertAfter(
    ref.node,
    makeNode({
      opType: 'Add',
      name: changes.fresh(`${ref.name}_add_bias`),
      input: [before, name],
      output: [output],
    }),
  );
}

/** The Add that alone reads a layer's output and adds a constant per channel of the last axis, or one for all. */
function biasAdd(
  index: GraphIndex,
  { node, scope }: NodeRef,
  channels: number,
): { readonly add: NodeRef; readonly position: number; readonly tensor: Tensor } | undefined {
  const output = node.output[0] ?? '';
  const [add, ...others] = index.consumers(scope, output);
  if (!add || others.length > 0 || add.scope !== scope || index.isOutput(scope, output)) return undefined;
  if (add.node.opType !== 'Add' || normalDomain(add.node.domain) !== '') return undefined;
  const position = 1 - add.node.input.indexOf(output);
  const tensor = floatConstant(index, add, position);
  if (!tensor) return undefined;
  const count = tensor.dims.reduce((product, size) => product * size, 1);
  return count === 1 || (count === channels && tensor.dims.at(-1) === channels)
    ? { add, position, tensor }
    : undefined;
}

function sum(
  name: string,
  dims: readonly number[],
  tensor: Tensor,
  channels: number,
  add: (value: number, channel: number) => number,
): Tensor {
  return lazyFloatTensor(name, dims, async () =>
    (await biasPerChannel(tensor, channels, readFloat32)).map(add),
  );
}

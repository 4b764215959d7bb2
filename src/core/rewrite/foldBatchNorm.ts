import type { GraphIndex } from '../graph/graphIndex';
import { indexGraph } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import { attrFloat, attrInt, normalDomain } from '../onnx/attributes';
import { readFloat32 } from '../onnx/tensor';
import { DataType, type Model, type Tensor } from '../onnx/types';
import { biasOf, biasPerChannel } from './bias';
import { GraphChanges } from './graphChanges';
import { collectable, lazyFloatTensor } from './lazyTensor';
import { replaceOperand, setInput } from './ownConstant';

const foldable: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm']);

/**
 * Folds each BatchNormalization into the Conv, ConvTranspose or Gemm before it, when it is the only reader of that
 * node's output: w' = w·f and b' = (b - mean)·f + shift with f = gain / sqrt(variance + epsilon), in float64.
 * The new weights are computed when they are read. Gemm nodes must have alpha = beta = 1.
 */
export function foldBatchNorm(model: Model): Model {
  const index = indexGraph(model);
  const main = index.main;
  if (!main) return model;
  const changes = new GraphChanges(model);
  for (const norm of index.nodesOf(main)) {
    if (norm.node.opType !== 'BatchNormalization' || normalDomain(norm.node.domain) !== '') continue;
    const layer = index.producer(main, norm.node.input[0] ?? '');
    const fold = layer && planFold(index, layer, norm);
    if (fold) applyFold(index, changes, fold);
  }
  return changes.apply();
}

interface Fold {
  readonly layer: NodeRef;
  readonly norm: NodeRef;
  readonly weight: Tensor;
  readonly channels: number;
  readonly bias: Tensor | undefined;
  /** gain, shift, mean, variance. */
  readonly statistics: readonly [Tensor, Tensor, Tensor, Tensor];
}

function planFold(index: GraphIndex, layer: NodeRef, norm: NodeRef): Fold | undefined {
  const { node, scope } = layer;
  const output = node.output[0] ?? '';
  if (!foldable.has(node.opType) || normalDomain(node.domain) !== '' || scope !== norm.scope)
    return undefined;
  if (index.isOutput(scope, output) || index.consumers(scope, output).length !== 1) return undefined;
  if (attrInt(norm.node, 'training_mode', 0) !== 0) return undefined;
  // Further outputs are running statistics of training.
  if (norm.node.output.slice(1).some((name) => isRead(index, norm, name))) return undefined;
  const constants = [1, 2, 3, 4].map((position) => floatConstant(index, norm, position));
  const [gain, shift, mean, variance] = constants;
  const weight = floatConstant(index, layer, 1);
  if (!gain || !shift || !mean || !variance || !weight) return undefined;
  const channels = outputChannels(layer, weight);
  if (constants.some((tensor) => tensor?.dims[0] !== channels)) return undefined;
  const bias = biasOf(index, layer, channels);
  if (bias.kind === 'other') return undefined;
  const biasTensor = bias.kind === 'constant' ? bias.tensor : undefined;
  return { layer, norm, weight, channels, bias: biasTensor, statistics: [gain, shift, mean, variance] };
}

function isRead(index: GraphIndex, { scope }: NodeRef, value: string): boolean {
  return value !== '' && (index.isOutput(scope, value) || index.consumers(scope, value).length > 0);
}

function floatConstant(index: GraphIndex, { node, scope }: NodeRef, position: number): Tensor | undefined {
  const constant = index.constant(scope, node.input[position] ?? '');
  return constant?.tensor.dataType === DataType.FLOAT && !constant.overridable ? constant.tensor : undefined;
}

function outputChannels({ node }: NodeRef, weight: Tensor): number {
  return channelStride(node, weight).channels;
}

/** How the output channel of a weight's element follows from its position: see `scaleWeight`. */
function channelStride(
  node: NodeRef['node'],
  { dims }: Tensor,
): { channels: number; axis: number; groups: number } {
  const groups = node.opType === 'ConvTranspose' ? attrInt(node, 'group', 1) : 1;
  const axis = node.opType === 'Conv' || (node.opType === 'Gemm' && attrInt(node, 'transB', 0) !== 0) ? 0 : 1;
  return { channels: (dims[axis] ?? 0) * groups, axis, groups };
}

function applyFold(index: GraphIndex, changes: GraphChanges, fold: Fold): void {
  const { layer, norm, weight, channels, bias } = fold;
  const factors = collectable(() => readFactors(fold));
  replaceOperand(index, changes, layer, 1, (name) =>
    lazyFloatTensor(name, weight.dims, async () =>
      scaleWeight(layer, weight, await readFloat32(weight), (await factors()).scale),
    ),
  );
  const foldedBias = (name: string) =>
    lazyFloatTensor(name, [channels], async () => {
      const { scale, shift, mean } = await factors();
      const before = bias ? await biasPerChannel(bias, channels) : new Float32Array(channels);
      return before.map((value, c) => (value - (mean[c] ?? 0)) * (scale[c] ?? 0) + (shift[c] ?? 0));
    });
  if (bias) {
    replaceOperand(index, changes, layer, 2, foldedBias);
  } else {
    const name = changes.fresh(`${layer.name}.bias`);
    changes.addInitializer(foldedBias(name));
    setInput(changes, layer, 2, name);
  }
  changes.edit(layer.node, { output: norm.node.output.slice(0, 1) });
  changes.replace(norm.node);
}

interface Factors {
  readonly scale: Float64Array;
  readonly shift: Float32Array;
  readonly mean: Float32Array;
}

async function readFactors({ norm, statistics }: Fold): Promise<Factors> {
  const [gain, shift, mean, variance] = await Promise.all(statistics.map(readFloat32));
  if (!gain || !shift || !mean || !variance) throw new Error('four statistics were read');
  const epsilon = attrFloat(norm.node, 'epsilon', 1e-5);
  const scale = Float64Array.from(gain, (value, c) => value / Math.sqrt((variance[c] ?? 0) + epsilon));
  return { scale, shift, mean };
}

/** Multiplies every element with the factor of its output channel; a ConvTranspose has its groups along axis 0. */
function scaleWeight(
  { node }: NodeRef,
  weight: Tensor,
  values: Float32Array,
  factors: Float64Array,
): Float32Array {
  const { axis, groups } = channelStride(node, weight);
  const [rows = 1, columns = 1] = weight.dims;
  const perGroup = columns * (axis === 1 ? 1 : 0);
  const inner = values.length / (axis === 0 ? rows : rows * columns);
  return values.map((value, position) => {
    const slice = Math.floor(position / inner);
    const channel =
      axis === 0
        ? slice
        : Math.floor(Math.floor(slice / columns) / (rows / groups)) * perGroup + (slice % columns);
    return value * (factors[channel] ?? 0);
  });
}

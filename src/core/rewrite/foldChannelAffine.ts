import type { GraphIndex } from '../graph/graphIndex';
import { indexGraph } from '../graph/graphIndex';
import type { NodeRef, Scope } from '../graph/types';
import { attrFloat, normalDomain } from '../onnx/attributes';
import { readFloat32 } from '../onnx/tensor';
import type { Model, Tensor } from '../onnx/types';
import { biasOf, biasPerChannel } from './bias';
import { type Affine, constantOperand, floatConstant, normalization } from './channelAffine';
import { GraphChanges } from './graphChanges';
import { collectable, lazyFloatTensor } from './lazyTensor';
import { replaceOperand, setInput } from './ownConstant';
import { weightChannels, type WeightChannels } from './weightChannels';

/** Nodes that can be folded away. */
const channelOperators: ReadonlySet<string> = new Set(['BatchNormalization', 'Add', 'Mul']);
/** Layers that can take them in. */
const foldable: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm']);

/**
 * Folds what scales and shifts each output channel of a Conv, ConvTranspose or Gemm into its weight and bias:
 * BatchNormalization, and Add or Mul with a constant per channel (some exporters write biases and normalizations so).
 * w' = w·f and b' = (b - mean)·f + shift in float64, with f = gain / sqrt(variance + epsilon). The folded node must be
 * the only reader of the layer's output. The new weights are computed when they are read. The beta of a Gemm goes into
 * its bias.
 * @param onFold is told of each node that is folded away.
 * @param keepsOwn asked before each fold: true for layers whose weight and bias are to stay as they are. An Add behind a layer
 * without a bias is folded unasked: it is the bias.
 */
export function foldChannelAffine(
  model: Model,
  onFold: (follower: NodeRef) => void = () => undefined,
  keepsOwn: (layer: NodeRef) => boolean = () => false,
): Model {
  // A chain, such as Conv, Mul, Add, takes a round per link.
  for (let current = model; ;) {
    const folded = foldOnce(current, onFold, keepsOwn);
    if (folded === current) return current;
    current = folded;
  }
}

function foldOnce(
  model: Model,
  onFold: (follower: NodeRef) => void,
  keepsOwn: (layer: NodeRef) => boolean,
): Model {
  const index = indexGraph(model);
  const main = index.main;
  if (!main) return model;
  const changes = new GraphChanges(model);
  const layers = new Set<NodeRef>();
  for (const follower of index.nodesOf(main)) {
    if (!channelOperators.has(follower.node.opType) || normalDomain(follower.node.domain) !== '') continue;
    const fold = planFold(index, follower);
    if (!fold || layers.has(fold.layer) || (!isItsBias(fold) && keepsOwn(fold.layer))) continue;
    layers.add(fold.layer);
    applyFold(index, changes, fold);
    onFold(follower);
  }
  return changes.apply();
}

interface Fold {
  readonly layer: NodeRef;
  readonly follower: NodeRef;
  readonly weight: Tensor;
  readonly channels: WeightChannels;
  readonly bias: Tensor | undefined;
  readonly readAffine: () => Promise<Affine>;
}

function planFold(index: GraphIndex, follower: NodeRef): Fold | undefined {
  const { scope } = follower;
  const position = follower.node.input.findIndex((value) => isFoldableOutput(index, scope, value));
  const layer = index.producer(scope, follower.node.input[position] ?? '');
  const weight = layer && floatConstant(index, layer, 1);
  if (!layer || !weight || layer.scope !== scope) return undefined;
  const channels = weightChannels(layer.node, weight.dims);
  if (!channels) return undefined;
  const bias = biasOf(index, layer, channels.outputs);
  if (bias.kind === 'other') return undefined;
  const readAffine =
    follower.node.opType === 'BatchNormalization'
      ? normalization(index, follower, channels.outputs)
      : constantOperand(index, follower, 1 - position, channels.outputs, weight.dims.length);
  const biasTensor = bias.kind === 'constant' ? bias.tensor : undefined;
  return readAffine && { layer, follower, weight, channels, bias: biasTensor, readAffine };
}

/** True for an Add that gives a layer the bias that it lacks. */
function isItsBias({ follower, bias }: Fold): boolean {
  return follower.node.opType === 'Add' && bias === undefined;
}

/** True for the output of a layer that one other node reads, and nothing else. */
function isFoldableOutput(index: GraphIndex, scope: Scope, value: string): boolean {
  const layer = index.producer(scope, value);
  if (!layer || !foldable.has(layer.node.opType) || normalDomain(layer.node.domain) !== '') return false;
  return !index.isOutput(scope, value) && index.consumers(scope, value).length === 1;
}

function applyFold(index: GraphIndex, changes: GraphChanges, fold: Fold): void {
  const { layer, follower, weight, channels, bias, readAffine } = fold;
  const factors = collectable(readAffine);
  if (follower.node.opType !== 'Add') {
    replaceOperand(index, changes, layer, 1, (name) =>
      lazyFloatTensor(name, weight.dims, async () => {
        const { scale } = await factors();
        return (await readFloat32(weight)).map((value, at) => value * (scale[channels.outputOf(at)] ?? 0));
      }),
    );
  }
  const beta = layer.node.opType === 'Gemm' ? attrFloat(layer.node, 'beta', 1) : 1;
  const foldedBias = (name: string) =>
    lazyFloatTensor(name, [channels.outputs], async () => {
      const { scale, shift, mean } = await factors();
      const before = bias
        ? await biasPerChannel(bias, channels.outputs, readFloat32)
        : new Float32Array(channels.outputs);
      return before.map((value, c) => (beta * value - (mean[c] ?? 0)) * (scale[c] ?? 0) + (shift[c] ?? 0));
    });
  if (bias) {
    replaceOperand(index, changes, layer, 2, foldedBias);
  } else {
    const name = changes.fresh(`${layer.name}.bias`);
    changes.addInitializer(foldedBias(name));
    setInput(changes, layer, 2, name);
  }
  const attribute = changes.current(layer.node).attribute.filter(({ name }) => name !== 'beta');
  changes.edit(layer.node, {
    output: follower.node.output.slice(0, 1),
    ...(beta !== 1 && { attribute }),
  });
  changes.replace(follower.node);
}

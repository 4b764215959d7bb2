import type { GraphIndex } from '../../graph/graphIndex';
import { findLayers } from '../../graph/layers';
import { inferShapes } from '../../graph/shapes';
import type { NodeRef } from '../../graph/types';
import { attrInt, normalDomain } from '../../onnx/attributes';
import type { Tensor } from '../../onnx/types';
import { biasOf } from '../bias';
import { floatConstant } from '../channelAffine';
import { clippingBounds } from '../operators';
import { type WeightChannels, weightChannels } from '../weightChannels';

/** A layer with a weight of its own. */
export interface ScalableLayer {
  readonly ref: NodeRef;
  readonly weight: Tensor;
  readonly channels: WeightChannels;
  readonly bias: Tensor | undefined;
}

/** Two layers of which the second alone reads what the first gives: a factor of a channel can go from one to the other. */
export interface LayerPair {
  readonly first: ScalableLayer;
  readonly second: ScalableLayer;
  /** Inputs of `second` for each output channel of `first`: more than one behind a Flatten. */
  readonly spread: number;
  /** Clips between them with another bound than 0, which scales move. */
  readonly clips: readonly NodeRef[];
}

/** f(s·x) = s·f(x) for every s above 0, element by element. */
const homogeneous: ReadonlySet<string> = new Set(['Identity', 'LeakyRelu', 'PRelu', 'Relu']);
/** The same for the windows of each channel, which stand along axis 1. */
const pools: ReadonlySet<string> = new Set(['AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'MaxPool']);

/** Every pair of layers in the main graph, in the order of the file. */
export function layerPairs(index: GraphIndex): LayerPair[] {
  const layers = scalableLayers(index);
  return [...layers.values()].flatMap((first) => {
    const way = wayBehind(index, first, layers);
    if (!way) return [];
    const { second, clips, isFlattened } = way;
    const spread = second.channels.inputs / first.channels.outputs;
    const fits = Number.isInteger(spread) && (spread === 1 || isFlattened);
    return fits ? [{ first, second, spread, clips }] : [];
  });
}

/** Layers whose weight nothing else reads, and whose bias, where they have one, is constant. */
function scalableLayers(index: GraphIndex): Map<NodeRef, ScalableLayer> {
  const layers = new Map<NodeRef, ScalableLayer>();
  for (const { ref } of findLayers(index, inferShapes(index, {}))) {
    if (ref.scope !== index.main || normalDomain(ref.node.domain) !== '') continue;
    if (attrInt(ref.node, 'transA', 0) !== 0) continue;
    const [, name = ''] = ref.node.input;
    const weight = floatConstant(index, ref, 1);
    const channels = weight && weightChannels(ref.node, weight.dims);
    if (!weight || !channels) continue;
    if (index.consumers(ref.scope, name).length > 1 || index.isOutput(ref.scope, name)) continue;
    const bias = biasOf(index, ref, channels.outputs);
    if (bias.kind === 'other') continue;
    layers.set(ref, { ref, weight, channels, bias: bias.kind === 'constant' ? bias.tensor : undefined });
  }
  return layers;
}

interface Way {
  readonly second: ScalableLayer;
  readonly clips: readonly NodeRef[];
  readonly isFlattened: boolean;
}

/**
 * The layer that reads what `first` gives, when nothing but what a scale passes stands between and no branch goes off. Channels
 * stand along axis 1 between convolutions, along the last between matrices; a Flatten leads from the one to the other.
 */
function wayBehind(
  index: GraphIndex,
  first: ScalableLayer,
  layers: ReadonlyMap<NodeRef, ScalableLayer>,
): Way | undefined {
  const clips: NodeRef[] = [];
  const isSpatial = isConvolution(first.ref);
  let isFlattened = false;
  for (let at = first.ref; ;) {
    const [value = '', ...others] = at.node.output;
    if (others.some((name) => name !== '') || index.isOutput(at.scope, value)) return undefined;
    const [next, ...readers] = index.consumers(at.scope, value);
    if (!next || readers.length > 0 || next.scope !== at.scope) return undefined;
    // As the first input, and no other.
    if (next.node.input[0] !== value || next.node.input.lastIndexOf(value) !== 0) return undefined;
    const second = layers.get(next);
    if (second)
      return isConvolution(next) === (isSpatial && !isFlattened) ? { second, clips, isFlattened } : undefined;
    if (normalDomain(next.node.domain) !== '') return undefined;
    const bounds = clippingBounds(index, next);
    if (bounds && isBounded(bounds.min, bounds.max)) {
      if (isFlattened) return undefined;
      clips.push(next);
    } else if (isSpatial && !isFlattened && isFlatten(next)) isFlattened = true;
    else if (!bounds && !homogeneous.has(next.node.opType) && !(isSpatial && pools.has(next.node.opType)))
      return undefined;
    at = next;
  }
}

function isConvolution({ node }: NodeRef): boolean {
  return node.opType === 'Conv' || node.opType === 'ConvTranspose';
}

function isBounded(...bounds: readonly number[]): boolean {
  return bounds.some((bound) => bound !== 0 && Number.isFinite(bound));
}

function isFlatten({ node }: NodeRef): boolean {
  return node.opType === 'Flatten' && attrInt(node, 'axis', 1) === 1;
}

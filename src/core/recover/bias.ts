import { forEachColumn, product, type MatrixView } from '../calibrate/weightMatrix';
import { operatorKey } from '../graph/operands';
import type { Layer } from '../graph/types';
import { attrFloat, attrInt, attrInts } from '../onnx/attributes';

/** How the columns of a weight belong to the channels that a bias is added to. */
export interface BiasMap {
  readonly channels: number;
  /** So many columns that follow one another add to the same channel. */
  readonly columnsPerChannel: number;
  /** The part of a column's product that, on average, comes to an output element of its channel. */
  readonly share: number;
}

/**
 * Of a Conv, Gemm or MatMul each column has a channel of its own. Of a ConvTranspose all taps of a filter add to one: each lands
 * on one of every Π strides output pixels, which is exact but for the borders (and everywhere where the strides are the filter's
 * size). Undefined for other layers, and for stacked matrices, which share their channels.
 */
export function biasMap({ ref, weight }: Layer, { groups, columns }: MatrixView): BiasMap | undefined {
  const all = groups * columns;
  switch (operatorKey(ref.node)) {
    case 'Conv':
      return { channels: all, columnsPerChannel: 1, share: 1 };
    case 'Gemm':
      return { channels: all, columnsPerChannel: 1, share: attrFloat(ref.node, 'alpha', 1) };
    case 'MatMul':
      return groups === 1 ? { channels: all, columnsPerChannel: 1, share: 1 } : undefined;
    case 'ConvTranspose': {
      const taps = product(weight?.tensor.dims.slice(2) ?? []);
      const share = 1 / product(attrInts(ref.node, 'strides') ?? []);
      return { channels: all / taps, columnsPerChannel: taps, share };
    }
    default:
      return undefined;
  }
}

/**
 * Whether a corrected bias takes the whole mean error away. Not that of a ConvTranspose with strides: output pixels of different
 * phases get other taps, hence other means, and one bias.
 */
export function takesMeanAway({ columnsPerChannel, share }: BiasMap): boolean {
  return columnsPerChannel === 1 || share === 1;
}

/** Means of each element of a layer's input rows: [groups · depth]. */
export interface InputMeans {
  /** Of the float model. */
  readonly floatMean: Float64Array;
  /** Of the model whose earlier layers are quantized. */
  readonly mean: Float64Array;
}

/**
 * What to add to each element of the bias, so that the layer's output has the mean that it has in the float model:
 * Σ w·E[x] − ŵ·E[x̂].
 * @param weights float, in the order of the stored tensor. @param rounded what is computed with in their place.
 */
export function biasDelta(
  weights: Float32Array,
  rounded: Float32Array,
  view: MatrixView,
  { floatMean, mean }: InputMeans,
  { channels, columnsPerChannel, share }: BiasMap,
): Float64Array {
  const delta = new Float64Array(channels);
  const { depth, depthStep } = view;
  forEachColumn(view, (start, column, group) => {
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      const at = start + k * depthStep;
      sum += (weights[at] as number) * (floatMean[group * depth + k] as number);
      sum -= (rounded[at] as number) * (mean[group * depth + k] as number);
    }
    const channel = Math.floor(column / columnsPerChannel);
    delta[channel] = (delta[channel] as number) + share * sum;
  });
  return delta;
}

/**
 * `biasDelta` without data: by the means of the channels of the layer's input (`normalMeans`), as if earlier layers were not
 * quantized. Padding is neglected.
 * @returns undefined for layers whose channels are not those.
 */
export function analyticBiasDelta(
  { ref, weight }: Layer,
  weights: Float32Array,
  rounded: Float32Array,
  view: MatrixView,
  channelMeans: Float64Array,
  map: BiasMap,
): Float64Array | undefined {
  const { node } = ref;
  // Those whose input has its channels along axis 1. In rows, the elements of a channel follow one another.
  const isGemm = node.opType === 'Gemm' && weight?.inputIndex === 1 && attrInt(node, 'transA', 0) === 0;
  if (!isGemm && node.opType !== 'Conv' && node.opType !== 'ConvTranspose') return undefined;
  const elements = view.groups * view.depth;
  const taps = elements / channelMeans.length;
  if (!Number.isInteger(taps)) return undefined;
  const mean = Float64Array.from({ length: elements }, (_, at) => channelMeans[Math.floor(at / taps)] ?? NaN);
  return biasDelta(weights, rounded, view, { floatMean: mean, mean }, map);
}

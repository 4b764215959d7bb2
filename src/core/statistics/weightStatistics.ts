import type { Layer, LayerWeight } from '../graph/types';
import { dtypeName } from '../onnx/dtype';
import { elementCount } from '../onnx/tensor';
import { forEachBlock } from '../onnx/tensorBlocks';
import type { Tensor } from '../onnx/types';
import type { CancelSignal } from '../ports';
import { axisLayout, type AxisLayout } from '../quant/affine';
import { Moments } from '../quant/moments';
import { tensorLayout } from '../quant/layouts';
import type { WeightStatistics } from '../inspectorResults';
import { weightSite } from '../rewrite/weights/weightSite';
import { channelBoxes, stepSizes, type ChannelSample } from './channelBoxes';
import { evenHistogram } from './evenHistogram';
import { sampleStride, StridedSample } from './stridedSample';

/** Above this many elements, histogram and percentiles are of every n-th element. 16 MiB as float32. */
export const EXACT_ELEMENTS = 2 ** 22;

const HISTOGRAM_BINS = 128;

export interface StatisticsOptions {
  /** Of the step sizes. */
  readonly bits: number;
  /** Lowered by tests. */
  readonly exactElements?: number;
  readonly signal?: CancelSignal;
}

/**
 * Statistics of one weight of a layer, in one pass over its elements. Memory: a block, a sample of `EXACT_ELEMENTS`, and the
 * extremes of each channel.
 * @throws OnnxFileError when the tensor cannot be read, CancelledError
 */
export async function weightStatistics(
  layer: Layer,
  { name, tensor }: LayerWeight,
  { bits, exactElements = EXACT_ELEMENTS, signal }: StatisticsOptions,
): Promise<Omit<WeightStatistics, 'values' | 'format'>> {
  const axis = channelAxisOf(layer, tensor);
  const layout = axis === undefined ? tensorLayout(tensor.dims) : axisLayout(tensor.dims, axis);
  const elements = elementCount(tensor);
  const stride = sampleStride(elements, exactElements, tensor.dims);
  const moments = new Moments();
  const extremes = new ChannelExtremes(layout);
  const sample = new StridedSample(elements, stride);
  await forEachBlock(
    tensor,
    (block, start) => {
      moments.add(block);
      extremes.add(block, start);
      sample.add(block, start);
    },
    { signal },
  );
  const { count, min, max, mean, standardDeviation, kurtosis, zeros, nonFinite } = moments;
  const known = <T>(value: T): T | null => (count > 0 ? value : null);
  const { values } = sample;
  const ofChannels: ChannelSample = { values, stride, layout, min: extremes.min, max: extremes.max };
  const boxes = axis === undefined ? null : { axis, ...channelBoxes(ofChannels) };
  return {
    layer: layer.name,
    weight: name,
    shape: [...tensor.dims],
    dtype: dtypeName(tensor.dataType),
    elements,
    method: stride === 1 ? 'exact' : 'sampled',
    stride,
    nonFinite,
    min: known(min),
    max: known(max),
    mean: known(mean),
    standardDeviation,
    sparsity: known(zeros / count),
    kurtosis,
    histogram: evenHistogram(values, count > 0 ? min : 0, count > 0 ? max : 0, HISTOGRAM_BINS),
    channels: boxes,
    steps: boxes && stepSizes(ofChannels, boxes.perRow, bits),
  };
}

function channelAxisOf(layer: Layer, tensor: Tensor): number | undefined {
  const weight = layer.weights.find((each) => each.tensor === tensor);
  // The opset says nothing about channels.
  return weight && weightSite(layer.ref, weight, 0).channelAxis;
}

/** Least and greatest finite element of each channel; ±Infinity where there is none. */
class ChannelExtremes {
  readonly min: Float32Array;
  readonly max: Float32Array;

  constructor(private readonly layout: AxisLayout) {
    this.min = new Float32Array(layout.channels).fill(Infinity);
    this.max = new Float32Array(layout.channels).fill(-Infinity);
  }

  add(block: Float32Array, start: number): void {
    const { channels, inner } = this.layout;
    let channel = Math.floor(start / inner) % channels;
    let left = inner - (start % inner);
    for (let i = 0; i < block.length; i++) {
      const value = block[i] as number;
      if (value - value === 0) {
        if (value < (this.min[channel] as number)) this.min[channel] = value;
        if (value > (this.max[channel] as number)) this.max[channel] = value;
      }
      if (--left > 0) continue;
      left = inner;
      if (++channel === channels) channel = 0;
    }
  }
}

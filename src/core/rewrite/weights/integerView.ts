import { axisLayout } from '../../quant/affine';
import type { Granularity } from '../../quant/layerFormat';
import { blockLayout, kernelLayout, sliceCount, tensorLayout, type SliceLayout } from '../../quant/layouts';
import type { WeightGranularityWord } from './encodedWeight';
import type { WeightSite } from './weightSite';

/** A tensor as DequantizeLinear is to see it: the same elements in the same order, maybe under other dimensions. */
export interface IntegerView {
  readonly granularity: WeightGranularityWord;
  readonly blockSize?: number;
  /** Of the codes. */
  readonly dims: readonly number[];
  readonly layout: SliceLayout;
  /** Of scales and zero points. */
  readonly paramDims: readonly number[];
  /** Of DequantizeLinear. */
  readonly attributes: Readonly<Record<string, { readonly int: number }>>;
  /** Why it is not the granularity that was asked for. */
  readonly note?: string;
}

/**
 * How integers of a granularity are stored:
 * - per channel along the channel axis of the operator;
 * - per kernel of a convolution as [O·I/g, window], along axis 0;
 * - in blocks along the inputs: of a Conv as [O, I/g·window] along axis 1, of others in their own dimensions.
 *
 * What an operator does not have falls back to per channel, with a note; operands without channels are per tensor.
 */
export function integerView(
  dims: readonly number[],
  site: WeightSite,
  granularity: Granularity,
): IntegerView {
  const [word, digits] = granularity.split(':');
  const { channelAxis, blocks, windowAxis } = site;
  if (word === 'tensor' || channelAxis === undefined) return perTensor(dims);
  if (word === 'kernel') {
    const window = product(dims.slice(windowAxis ?? dims.length));
    if (window > 1) return perKernel(dims, window);
    return {
      ...perChannel(dims, channelAxis),
      note: 'It has no windows of several weights, so that it has a scale per channel, not per kernel.',
    };
  }
  if (word !== 'block') return perChannel(dims, channelAxis);
  const block = Number(digits);
  if (blocks && blocks.length >= block) return blocked(dims, blocks, block);
  return {
    ...perChannel(dims, channelAxis),
    note: `Its channels have fewer than ${block} weights, so that it has a scale per channel, not per block.`,
  };
}

function perTensor(dims: readonly number[]): IntegerView {
  return { granularity: 'per-tensor', dims, layout: tensorLayout(dims), paramDims: [], attributes: {} };
}

function perChannel(dims: readonly number[], axis: number): IntegerView {
  const layout = axisLayout(dims, axis);
  const attributes = { axis: { int: axis } };
  return { granularity: 'per-channel', dims, layout, paramDims: [layout.channels], attributes };
}

function perKernel(dims: readonly number[], window: number): IntegerView {
  const layout = kernelLayout(dims);
  const kernels = sliceCount(layout);
  return {
    granularity: 'per-kernel',
    dims: [kernels, window],
    layout,
    paramDims: [kernels],
    attributes: { axis: { int: 0 } },
  };
}

function blocked(
  own: readonly number[],
  { axis, flattened }: { readonly axis: number; readonly flattened: boolean },
  block: number,
): IntegerView {
  const dims = flattened ? [...own.slice(0, axis), product(own.slice(axis))] : own;
  return {
    granularity: 'blocked',
    blockSize: block,
    dims,
    layout: blockLayout(dims, axis, block),
    paramDims: dims.map((size, at) => (at === axis ? Math.ceil(size / block) : size)),
    attributes: { axis: { int: axis }, block_size: { int: block } },
  };
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}

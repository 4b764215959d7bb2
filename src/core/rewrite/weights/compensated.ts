import { axisLayout } from '../../quant/affine';
import { elementsOf, sliceCount, sliceFinder, type SliceLayout } from '../../quant/layouts';
import type { CompensatedCodes } from '../../quant/weightGrid';

/** @throws RangeError unless there is a code from `min` to `max` for each of `elements`. */
export function checkCodes({ codes }: CompensatedCodes, elements: number, min: number, max: number): void {
  if (codes.length !== elements) throw new RangeError(`${codes.length} codes for ${elements} weights`);
  const wrong = codes.find((code) => code < min || code > max);
  if (wrong !== undefined) throw new RangeError(`a code ${wrong} where there are ${min} to ${max}`);
}

/**
 * What the scale of every slice is multiplied by: the factor of the channel that the slice is part of.
 * @param axis of the channels in a tensor of `dims`; undefined where none have scales.
 * @returns undefined where there are no factors.
 * @throws RangeError unless there is a finite factor for each channel.
 */
export function sliceFactors(
  { factors }: CompensatedCodes,
  dims: readonly number[],
  axis: number | undefined,
  layout: SliceLayout,
): Float32Array | undefined {
  if (!factors) return undefined;
  if (axis === undefined)
    throw new RangeError('factors for a weight whose channels have no scales of their own');
  const channels = axisLayout(dims, axis);
  if (factors.length !== channels.channels || !factors.every(Number.isFinite)) {
    throw new RangeError(
      `${factors.length} factors, maybe not all finite, for ${channels.channels} channels`,
    );
  }
  const ofSlices = new Float32Array(sliceCount(layout));
  const [sliceAt, channelAt] = [sliceFinder(layout), sliceFinder(channels)];
  for (let at = 0; at < elementsOf(layout); at++) ofSlices[sliceAt(at)] = factors[channelAt(at)] as number;
  return ofSlices;
}

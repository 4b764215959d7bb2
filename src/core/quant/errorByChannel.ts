import type { AxisLayout } from './affine';
import { forEachRun, type SliceLayout, type SliceRanges } from './layouts';

/** Sums of squares per channel of a weight. */
export interface ChannelErrors {
  /** Of the weight. */
  readonly energy: Float64Array;
  /** Of all that quantizing changed. */
  readonly noise: Float64Array;
  /** Of what lies beyond the numbers that the format can hold: squared distances to them. The rest of the noise is rounding. */
  readonly clipping: Float64Array;
}

/**
 * What a format costs each channel of a weight.
 * @param back what the codes of `values` stand for, in the same order.
 * @param limits the least and the greatest number of each slice of the format, which need not be the channels.
 */
export function errorByChannel(
  values: Float32Array,
  back: Float32Array,
  limits: SliceRanges & { readonly layout: SliceLayout },
  channels: AxisLayout,
): ChannelErrors {
  const sums = (): Float64Array => new Float64Array(channels.channels);
  const found = { energy: sums(), noise: sums(), clipping: sums() };
  forEachRun(channels, (start, end, channel, step) => {
    addRun(found, values, back, { start, end, channel, step });
  });
  const { min, max, layout } = limits;
  forEachRun(layout, (start, end, slice, step) => {
    for (let i = start, at = slice; i < end; i++, at += step) {
      const value = values[i] as number;
      const beyond = Math.max(value - (max[at] as number), (min[at] as number) - value);
      if (!(beyond > 0)) continue;
      const channel = Math.floor(i / channels.inner) % channels.channels;
      found.clipping[channel] = (found.clipping[channel] as number) + beyond * beyond;
    }
  });
  return found;
}

interface Run {
  readonly start: number;
  readonly end: number;
  readonly channel: number;
  readonly step: 0 | 1;
}

// A function of its own: inside the callback the loop takes twice as long.
function addRun(
  { energy, noise }: ChannelErrors,
  values: Float32Array,
  back: Float32Array,
  { start, end, channel, step }: Run,
): void {
  for (let i = start, at = channel; i < end; i++, at += step) {
    const value = values[i] as number;
    const difference = value - (back[i] as number);
    energy[at] = (energy[at] as number) + value * value;
    noise[at] = (noise[at] as number) + difference * difference;
  }
}

import type { ChannelErrorColumns } from '../inspectorResults';
import type { ChannelErrors } from '../quant/errorByChannel';
import { MOST_ROWS } from './channelBoxes';

/**
 * The errors of channels as rows, of neighbours together where there are more than `mostRows`.
 * @param places which channel of the weight each one is; absent: they are all.
 */
export function channelErrorColumns(
  { energy, noise, clipping }: ChannelErrors,
  axis: number,
  channels: number,
  places: ArrayLike<number> | undefined,
  mostRows = MOST_ROWS,
): ChannelErrorColumns {
  const perRow = Math.max(1, Math.ceil(energy.length / mostRows));
  const starts = Array.from({ length: Math.ceil(energy.length / perRow) }, (_, row) => row * perRow);
  const column = (sums: Float64Array): number[] =>
    starts.map((start) => sums.subarray(start, start + perRow).reduce((sum, each) => sum + each, 0));
  return {
    axis,
    channels,
    perRow,
    first: starts.map((start) => places?.[start] ?? start),
    energy: column(energy),
    clipping: column(clipping),
    rounding: column(noise.map((sum, channel) => Math.max(0, sum - (clipping[channel] ?? 0)))),
  };
}

import type { ChannelBoxes, DecidingChannel, StepSizes } from '../inspectorResults';
import type { AxisLayout } from '../quant/affine';

/** Rows of a reply at most: five columns and the steps of as many stay well below a megabyte. */
export const MOST_ROWS = 2048;
/** Channels named as those that decide the range of the tensor. */
const MOST_DECIDING = 5;

/** Every `stride`-th element of a weight, and the extremes of each channel over all elements. */
export interface ChannelSample {
  readonly values: Float32Array;
  readonly stride: number;
  readonly layout: AxisLayout;
  /** ±Infinity for a channel without finite elements. */
  readonly min: Float32Array;
  readonly max: Float32Array;
}

/** Boxes of the channels, of neighbours together where there are more than `mostRows`. */
export function channelBoxes(sample: ChannelSample, mostRows = MOST_ROWS): Omit<ChannelBoxes, 'axis'> {
  const { layout, min, max } = sample;
  const { channels } = layout;
  const perRow = Math.max(1, Math.ceil(channels / mostRows));
  const rows = Math.ceil(channels / perRow);
  const sorted = sortedRows(sample, perRow, rows);
  const percentile = (share: number): number[] => sorted.map((values) => quantile(values, share));
  return {
    channels,
    perRow,
    min: rowsOf(min, perRow, (a, b) => Math.min(a, b)),
    low: percentile(0.01),
    median: percentile(0.5),
    high: percentile(0.99),
    max: rowsOf(max, perRow, greater),
    deciding: decidingChannels(sample),
  };
}

/** Steps of symmetric ranges over the whole tensor and over each channel. */
export function stepSizes(sample: ChannelSample, perRow: number, bits: number): StepSizes {
  const levels = 2 ** (bits - 1) - 1;
  const magnitudes = magnitudesOf(sample);
  const greatest = magnitudes.reduce((most, magnitude) => Math.max(most, magnitude), 0);
  // Channels have equally many elements, and the noise of rounding goes with the square of the step.
  const mean = magnitudes.reduce((sum, magnitude) => sum + magnitude * magnitude, 0) / magnitudes.length;
  return {
    bits,
    perTensor: greatest / levels,
    perChannel: rowsOf(magnitudes, perRow, greater).map((magnitude) => magnitude / levels),
    gainDb: greatest > 0 ? 10 * Math.log10((greatest * greatest) / mean) : null,
  };
}

const greater = (a: number, b: number): number => Math.max(a, b);

function magnitudesOf({ min, max }: ChannelSample): Float32Array {
  return max.map((high, channel) => Math.max(0, high, -(min[channel] ?? 0)));
}

function decidingChannels(sample: ChannelSample): DecidingChannel[] {
  const magnitudes = magnitudesOf(sample);
  const order = Uint32Array.from(magnitudes, (_, channel) => channel).sort(
    (a, b) => (magnitudes[b] ?? 0) - (magnitudes[a] ?? 0),
  );
  return Array.from(order.subarray(0, MOST_DECIDING), (channel, at) => ({
    channel,
    magnitude: magnitudes[channel] ?? 0,
    without: magnitudes[order[at + 1] ?? -1] ?? 0,
  }));
}

/** One figure for each row of channels; 0 where none of them has a finite element. */
function rowsOf(figures: Float32Array, perRow: number, combine: (a: number, b: number) => number): number[] {
  const rows: number[] = [];
  for (let start = 0; start < figures.length; start += perRow) {
    const figure = figures.subarray(start, start + perRow).reduce((a, b) => combine(a, b));
    rows.push(Number.isFinite(figure) ? figure : 0);
  }
  return rows;
}

/** The finite elements of each row's channels, ascending. */
function sortedRows({ values, stride, layout }: ChannelSample, perRow: number, rows: number): Float32Array[] {
  const { channels, inner } = layout;
  const rowOf = (at: number): number => Math.floor((Math.floor((at * stride) / inner) % channels) / perRow);
  const isFinite = (value: number): boolean => value - value === 0;
  const ends = new Uint32Array(rows + 1);
  for (let at = 0; at < values.length; at++) {
    if (isFinite(values[at] as number)) ends[rowOf(at) + 1] = (ends[rowOf(at) + 1] as number) + 1;
  }
  for (let row = 0; row < rows; row++) ends[row + 1] = (ends[row + 1] as number) + (ends[row] as number);
  const gathered = new Float32Array(ends[rows] ?? 0);
  const next = ends.slice();
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if (!isFinite(value)) continue;
    const row = rowOf(at);
    gathered[next[row] as number] = value;
    next[row] = (next[row] as number) + 1;
  }
  return Array.from({ length: rows }, (_, row) => gathered.subarray(ends[row], ends[row + 1]).sort());
}

/** Of ascending values, interpolated between neighbours as NumPy does by default; 0 for none. */
function quantile(sorted: Float32Array, share: number): number {
  if (sorted.length === 0) return 0;
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const lower = sorted[below] as number;
  const upper = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return lower + (upper - lower) * (position - below);
}

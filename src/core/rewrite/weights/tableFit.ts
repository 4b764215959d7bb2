import type { AxisLayout } from '../../quant/affine';
import { fitCodebook, type Codebook } from '../../quant/codebook';
import { countUpTo, halfway, kmeans } from '../../quant/kmeans';
import { sliceRanges, tensorLayout } from '../../quant/layouts';
import { powersOfTwoCodebook } from '../../quant/powersOfTwo';
import type { CodebookKind } from '../../quant/scheme';
import { sliceGains } from './sliceGains';

/** How a weight is to be divided among tables and scales. */
export interface TableSpec {
  readonly kind: CodebookKind;
  readonly channels: AxisLayout;
  /** Channels that share a table; undefined: all do. */
  readonly groupSize?: number;
  /** The tables hold values relative to the greatest magnitude of the channel. */
  readonly relative: boolean;
  /** The channels' scales are corrected so that rounding does not shrink them. */
  readonly gain: boolean;
}

/** Tables and scales for one weight. */
export interface TableFit {
  /** One, or one per group. */
  readonly tables: readonly Codebook[];
  readonly spec: TableSpec;
  /** Per channel, what indices are found with: a value is divided by it. Absent: 1. */
  readonly rounding?: Float32Array;
  /** Per channel, what table values are multiplied by. Absent: 1. */
  readonly scales?: Float32Array;
}

/**
 * The tables with the least squared error (k-means), or as their kind says.
 * @param importance how much the squared error of each element counts in k-means; absent: all count the same.
 * @throws InputError when a value is not finite.
 */
export function fitTables(values: Float32Array, spec: TableSpec, importance?: Float32Array): TableFit {
  const { channels, relative, gain, kind } = spec;
  const { min, max } = sliceRanges(values, channels);
  const rounding = relative
    ? max.map((high, channel) => Math.max(-(min[channel] ?? 0), high) || 1)
    : undefined;
  const tables = groupsOf(spec).map((group) => {
    if (kind.kind === 'uniform') return fitCodebook(values, tensorLayout([values.length]), kind).codebook;
    if (kind.kind === 'powers of two') {
      const largest = max.reduce((most, high, channel) => Math.max(most, high, -(min[channel] ?? 0)), 0);
      return powersOfTwoCodebook(relative ? 1 : largest, kind.magnitudes);
    }
    return kmeansTable(values, spec, group, rounding, importance);
  });
  const plain: TableFit = { tables, spec, ...(rounding && { rounding, scales: rounding }) };
  if (!gain) return plain;
  const gains = sliceGains(values, tableValues(tableIndices(values, plain), plain), channels);
  return { ...plain, scales: gains.map((factor, channel) => factor * (rounding?.[channel] ?? 1)) };
}

/** First channel and end of every group. */
function groupsOf({
  channels: { channels },
  groupSize = channels,
}: TableSpec): { first: number; end: number }[] {
  return Array.from({ length: Math.max(1, Math.ceil(channels / groupSize)) }, (_, group) => ({
    first: group * groupSize,
    end: Math.min(channels, (group + 1) * groupSize),
  }));
}

function kmeansTable(
  values: Float32Array,
  { channels, kind }: TableSpec,
  { first, end }: { readonly first: number; readonly end: number },
  scales: Float32Array | undefined,
  importance: Float32Array | undefined,
): Codebook {
  const isWhole = end - first === channels.channels;
  if (isWhole && !scales) return nearest(kmeans(values, kind.entries, importance));
  const size = channels.outer * (end - first) * channels.inner;
  const own = new Float32Array(size);
  const weights = scales || importance ? new Float32Array(size) : undefined;
  const largest = scales?.reduce((most, scale) => Math.max(most, scale), 0) ?? 1;
  let at = 0;
  forEachChannel(channels, (start, stop, channel) => {
    if (channel < first || channel >= end) return;
    const scale = scales?.[channel] ?? 1;
    // Errors are multiplied by the scale. Relative to the largest, and never 0: float32 cannot hold the square of a small one.
    const weight = Math.max((scale / largest) ** 2, 2 ** -100);
    for (let i = start; i < stop; i++, at++) {
      own[at] = (values[i] ?? 0) / scale;
      if (weights) weights[at] = Math.max(weight * (importance?.[i] ?? 1), 2 ** -120);
    }
  });
  return nearest(kmeans(own, kind.entries, weights));
}

function nearest(values: Float32Array): Codebook {
  return { values, thresholds: halfway(values) };
}

/** The index of every value in the table of its group, one per element, in the order of `values`. */
export function tableIndices(values: Float32Array, { tables, spec, rounding }: TableFit): Uint8Array {
  const indices = new Uint8Array(values.length);
  const { channels, groupSize = channels.channels } = spec;
  forEachChannel(channels, (start, end, channel) => {
    const thresholds = tables[Math.floor(channel / groupSize)]?.thresholds ?? new Float64Array(0);
    const scale = rounding?.[channel] ?? 1;
    for (let i = start; i < end; i++) {
      indices[i] = countUpTo(thresholds, Math.fround((values[i] ?? 0) / scale));
    }
  });
  return indices;
}

/** The values that indices stand for, computed in float32 as the runtime does. */
export function tableValues(indices: Uint8Array, { tables, spec, scales }: TableFit): Float32Array {
  const values = new Float32Array(indices.length);
  const { channels, groupSize = channels.channels } = spec;
  forEachChannel(channels, (start, end, channel) => {
    const table = tables[Math.floor(channel / groupSize)]?.values ?? new Float32Array(0);
    const scale = scales?.[channel] ?? 1;
    for (let i = start; i < end; i++) values[i] = (table[indices[i] ?? 0] ?? 0) * scale;
  });
  return values;
}

/** Elements of one channel after another, those of the first channel first. */
export function channelMajor(indices: Uint8Array, { outer, channels, inner }: AxisLayout): Uint8Array {
  const sorted = new Uint8Array(indices.length);
  for (let o = 0; o < outer; o++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (o * channels + channel) * inner;
      sorted.set(indices.subarray(from, from + inner), (channel * outer + o) * inner);
    }
  }
  return sorted;
}

function forEachChannel(
  { outer, channels, inner }: AxisLayout,
  visit: (start: number, end: number, channel: number) => void,
): void {
  for (let slice = 0; slice < outer * channels; slice++) {
    visit(slice * inner, (slice + 1) * inner, slice % channels);
  }
}

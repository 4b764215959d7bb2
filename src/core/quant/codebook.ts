/** Weights as indices into a table of values. */
import { Scratch } from '../scratch';
import type { AxisLayout } from './affine';
import { sliceGains } from './gain';
import { halfway, kmeans } from './kmeans';
import { gatherSlices, sliceRanges, type SliceRanges } from './layouts';
import { powersOfTwoCodebook, powersOfTwoScales } from './powersOfTwo';
import { fitToEachOther, partOf, type ScaledTable, type WeightPart } from './scaleFit';
import type { CodebookKind } from './scheme';
import { ThresholdGrid } from './thresholdGrid';

/** How often scales and table are fitted to each other, and how many turns that takes each time. */
interface Effort {
  readonly fits: number;
  readonly turns: number;
}

/** Up to this size a weight takes its best table often, which costs little: first layers are small, and count. */
const SMALL = 2 ** 13;
const OF_SMALL: Effort = { fits: 5, turns: 1 };
/** Six turns would gain another 0.02 dB, for an eighth more time. */
const OF_LARGE: Effort = { fits: 2, turns: 2 };
/** Turns on all of a weight that was fitted on a part. */
const WHOLE_TURNS = 2;

export interface Codebook {
  /** Ascending, at most 256. */
  readonly values: Float32Array;
  /** Ascending, one less than values: the index of a weight is the number of thresholds at or below it. */
  readonly thresholds: Float64Array;
}

/** The codebooks of one weight. Channel c of `layout` uses codebook ⌊c / group⌋. */
export interface WeightCodebook {
  readonly codebooks: readonly Codebook[];
  readonly group: number;
  readonly layout: AxisLayout;
  /** Per channel, what its weights are divided by to find their indices; absent: 1. */
  readonly scales?: Float32Array;
  /** Per channel, what the values of the table are multiplied by, where gains make that another than `scales`. */
  readonly storedScales?: Float32Array;
}

export interface CodebookOptions {
  /** k-means: so many neighbouring channels of the layout share a codebook (the last ones maybe fewer); absent: all. */
  readonly group?: number;
  /** A scale per channel; absent: k-means has them where there are several channels, powers of two never. */
  readonly scaled?: boolean;
  /** k-means: how much the squared error of each element counts, positive; absent: all the same. */
  readonly importance?: Float32Array;
  /** Multiplies every channel by ⟨w,w⟩/⟨w,Q(w)⟩. */
  readonly gain?: boolean;
}

/**
 * The codebook of `kind` for a weight:
 * - uniform: min + (max − min) / (entries − 1) · index over the tensor;
 * - k-means: of the tensor, of groups of its channels, or of its channels each divided by a scale (they count by the square of
 *   it then, which is what their errors are multiplied by). Scales are the greatest magnitudes at first; then table and scales
 *   take turns, of a large weight first on a part, and the best table for the scales found is where they begin again;
 * - powers of two: up to the greatest magnitude of the tensor; scaled: see `powersOfTwoScales`.
 * @param layout the channels that may have a scale; one channel: none has, but for the gain.
 * @throws InputError when a value is not finite.
 */
export function fitCodebook(
  values: Float32Array,
  layout: AxisLayout,
  kind: CodebookKind,
  { group, scaled, importance, gain }: CodebookOptions = {},
): WeightCodebook {
  const ranges = sliceRanges(values, layout);
  const min = ranges.min.reduce((least, low) => Math.min(least, low), Infinity);
  const max = ranges.max.reduce((greatest, high) => Math.max(greatest, high), -Infinity);
  const magnitudes = ranges.max.map((high, channel) => Math.max(-(ranges.min[channel] ?? 0), high) || 1);
  const shared = (codebook: Codebook): WeightCodebook => ({
    codebooks: [codebook],
    group: layout.channels,
    layout,
  });
  const fit = (): WeightCodebook => {
    switch (kind.kind) {
      case 'uniform':
        return shared(uniformCodebook(min, max, kind.entries));
      case 'powers of two': {
        if (!scaled) return shared(powersOfTwoCodebook(Math.max(-min, max), kind.magnitudes));
        const codebook = powersOfTwoCodebook(1, kind.magnitudes);
        return { ...shared(codebook), scales: powersOfTwoScales(values, layout, magnitudes, codebook) };
      }
      case 'k-means': {
        const fitted = (scales?: Float32Array): WeightCodebook => ({
          codebooks: kmeansCodebooks(values, layout, { entries: kind.entries, group, scales, importance }),
          group: group ?? layout.channels,
          layout,
          ...(scales && { scales }),
        });
        if (!(scaled ?? layout.channels > 1)) return fitted();
        if (group !== undefined && group < layout.channels) return fitted(magnitudes);
        return refined(values, layout, kind.entries, magnitudes, importance);
      }
    }
  };
  return gain ? withGain(values, fit()) : fit();
}

/** A table for all channels with a scale for each, fitted to each other: first on a part of a large weight, then on all of it. */
function refined(
  values: Float32Array,
  layout: AxisLayout,
  entries: number,
  magnitudes: Float32Array,
  importance: Float32Array | undefined,
): WeightCodebook {
  const whole: WeightPart = { values, layout, importance };
  const part = partOf(whole);
  const tableFor = (scales: Float32Array): ScaledTable => {
    const [codebook] = kmeansCodebooks(part.values, part.layout, {
      entries,
      scales,
      importance: part.importance,
    });
    return { table: codebook?.values ?? new Float32Array(0), scales };
  };
  const { fits, turns } = values.length <= SMALL ? OF_SMALL : OF_LARGE;
  let fitted = fitToEachOther(part, tableFor(magnitudes), turns);
  // With better scales the best table may be another than the nearest: on U-Net this is worth up to 0.18 dB.
  for (let fit = 1; fit < fits; fit++) fitted = fitToEachOther(part, tableFor(fitted.scales), turns);
  const { table, scales } = part === whole ? fitted : fitToEachOther(whole, fitted, WHOLE_TURNS);
  return { codebooks: [nearestCodebook(table)], group: layout.channels, layout, scales };
}

/** The codebook with every channel multiplied by its gain. */
export function withGain(values: Float32Array, fitted: WeightCodebook): WeightCodebook {
  const gains = sliceGains(values, lookUp(codebookIndices(values, fitted), fitted), fitted.layout);
  return { ...fitted, storedScales: gains.map((gain, channel) => gain * (fitted.scales?.[channel] ?? 1)) };
}

function uniformCodebook(min: number, max: number, entries: number): Codebook {
  if (min === max) return nearestCodebook(Float32Array.of(min));
  const step = (max - min) / (entries - 1);
  return nearestCodebook(Float32Array.from({ length: entries }, (_, index) => min + step * index));
}

interface KmeansSpec extends Pick<CodebookOptions, 'group' | 'importance'> {
  readonly entries: number;
  readonly scales: Float32Array | undefined;
}

const memory = new Scratch();

/** One codebook for each group of channels, of the values divided by the scale of their channel. */
function kmeansCodebooks(
  values: Float32Array,
  layout: AxisLayout,
  { entries, group = layout.channels, scales, importance }: KmeansSpec,
): Codebook[] {
  if (!scales) return groupCodebooks(values, importance, layout, entries, group);
  const buffer = memory.take(8 * values.length);
  const scaled = new Float32Array(buffer, 0, values.length);
  const counted = new Float32Array(buffer, 4 * values.length, values.length);
  const largest = scales.reduce((most, scale) => Math.max(most, scale), 0);
  forEachChannel(layout, (start, end, channel) => {
    const scale = scales[channel] ?? 1;
    divideRun(values, scale, start, end, scaled);
    // Errors are multiplied by the scale.
    countRun(importance, (scale / largest) ** 2, start, end, counted);
  });
  const codebooks = groupCodebooks(scaled, counted, layout, entries, group);
  memory.give(buffer);
  return codebooks;
}

function groupCodebooks(
  values: Float32Array,
  weights: Float32Array | undefined,
  layout: AxisLayout,
  entries: number,
  group: number,
): Codebook[] {
  if (group >= layout.channels) return [nearestCodebook(kmeans(values, entries, weights))];
  const gathered = gatherSlices(values, layout);
  const ownWeights = weights && gatherSlices(weights, layout).values;
  const codebooks: Codebook[] = [];
  for (let first = 0; first < layout.channels; first += group) {
    const start = gathered.starts[first];
    const end = gathered.starts[Math.min(layout.channels, first + group)];
    const own = kmeans(gathered.values.subarray(start, end), entries, ownWeights?.subarray(start, end));
    codebooks.push(nearestCodebook(own));
  }
  return codebooks;
}

// Functions of their own: inside the callback the loops take twice as long.

function divideRun(values: Float32Array, by: number, start: number, end: number, into: Float32Array): void {
  for (let i = start; i < end; i++) into[i] = (values[i] as number) / by;
}

/** Never 0: float32 cannot hold the square of a small number. */
function countRun(
  importance: Float32Array | undefined,
  factor: number,
  start: number,
  end: number,
  into: Float32Array,
): void {
  if (!importance) {
    into.fill(Math.max(factor, 2 ** -100), start, end);
    return;
  }
  for (let i = start; i < end; i++) into[i] = Math.max(factor * (importance[i] as number), 2 ** -100);
}

/** Of ascending values, each for what is nearest to it; halfway goes up. */
export function nearestCodebook(values: Float32Array): Codebook {
  return { values, thresholds: halfway(values) };
}

/** The index of every value in the codebook of its channel, one per element. */
export function codebookIndices(values: Float32Array, fitted: WeightCodebook): Uint8Array {
  const { codebooks, layout, scales } = fitted;
  const indices = new Uint8Array(values.length);
  const grids = codebooks.map(({ thresholds }) => new ThresholdGrid(thresholds));
  const [only] = grids;
  if (only && grids.length === 1 && !scales) {
    only.countAll(values, 0, values.length, 1, indices);
    return indices;
  }
  forEachChannel(layout, (start, end, channel) => {
    grids[Math.floor(channel / fitted.group)]?.countAll(values, start, end, scales?.[channel] ?? 1, indices);
  });
  return indices;
}

/** The values that indices stand for, computed in float32 as the runtime does. */
export function lookUp(indices: Uint8Array, fitted: WeightCodebook): Float32Array {
  const { layout, scales, storedScales = scales } = fitted;
  const values = new Float32Array(indices.length);
  forEachChannel(layout, (start, end, channel) => {
    lookUpRun(codebookOf(fitted, channel).values, storedScales?.[channel] ?? 1, indices, start, end, values);
  });
  return values;
}

// A function of its own: inside the callback the loop takes twice as long.
function lookUpRun(
  table: Float32Array,
  scale: number,
  indices: Uint8Array,
  start: number,
  end: number,
  values: Float32Array,
): void {
  for (let i = start; i < end; i++) values[i] = (table[indices[i] as number] as number) * scale;
}

/** The least and the greatest value of every channel's table. */
export function codebookLimits(fitted: WeightCodebook): SliceRanges {
  const { layout, scales, storedScales = scales } = fitted;
  const end = (at: 0 | -1) => (_: number, channel: number) =>
    (codebookOf(fitted, channel).values.at(at) ?? 0) * (storedScales?.[channel] ?? 1);
  const channels = new Float32Array(layout.channels);
  return { min: channels.map(end(0)), max: channels.map(end(-1)) };
}

function codebookOf({ codebooks, group }: WeightCodebook, channel: number): Codebook {
  const codebook = codebooks[Math.floor(channel / group)];
  if (!codebook) throw new RangeError(`${codebooks.length} codebooks for channel ${channel}`);
  return codebook;
}

function forEachChannel(
  { outer, channels, inner }: AxisLayout,
  visit: (start: number, end: number, channel: number) => void,
): void {
  for (let slice = 0; slice < outer * channels; slice++) {
    visit(slice * inner, (slice + 1) * inner, slice % channels);
  }
}

/** Codes of 4 bits (the low ones of each byte), two to a byte, the first in the low half, as ONNX stores UINT4 and INT4. */
export function packNibbles(indices: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(indices.length / 2));
  for (let i = 0; i < indices.length; i++) {
    packed[i >>> 1] = (packed[i >>> 1] ?? 0) | (((indices[i] ?? 0) & 15) << (4 * (i & 1)));
  }
  return packed;
}

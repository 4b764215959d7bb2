/** Weights as indices into a table of values. */
import type { AxisLayout } from './affine';
import { countUpTo, halfway, kmeans } from './kmeans';
import { sliceRanges } from './layouts';
import { powersOfTwoCodebook } from './powersOfTwo';
import type { CodebookKind } from './scheme';
import { differenceFrom, type WeightError } from './weights';

export interface Codebook {
  /** Ascending, at most 256. */
  readonly values: Float32Array;
  /** Ascending, one less than values: the index of a weight is the number of thresholds at or below it. */
  readonly thresholds: Float64Array;
}

/** A codebook for one weight. */
export interface WeightCodebook {
  readonly codebook: Codebook;
  readonly layout: AxisLayout;
  /** Per channel of `layout`, what the values are multiplied by; absent: nothing. */
  readonly scales?: Float32Array;
}

/**
 * The codebook of `kind` for a weight:
 * - uniform: min + (max − min) / (entries − 1) · index over the tensor;
 * - k-means: of the tensor, or of its channels each divided by its greatest magnitude when that gives the smaller squared
 *   error of the weight (channels count by the square of their scale, which is what their errors are multiplied by);
 * - powers of two: up to the greatest magnitude of the tensor.
 * @param layout the channels that may have a scale; one channel: none has.
 * @throws InputError when a value is not finite.
 */
export function fitCodebook(values: Float32Array, layout: AxisLayout, kind: CodebookKind): WeightCodebook {
  const ranges = sliceRanges(values, layout);
  const min = ranges.min.reduce((least, low) => Math.min(least, low), Infinity);
  const max = ranges.max.reduce((greatest, high) => Math.max(greatest, high), -Infinity);
  switch (kind.kind) {
    case 'uniform':
      return { codebook: uniformCodebook(min, max, kind.entries), layout };
    case 'powers of two':
      return { codebook: powersOfTwoCodebook(Math.max(-min, max), kind.magnitudes), layout };
    case 'k-means': {
      const plain = { codebook: nearestCodebook(kmeans(values, kind.entries)), layout };
      if (layout.channels === 1) return plain;
      const scales = ranges.max.map((high, channel) => Math.max(-(ranges.min[channel] ?? 0), high) || 1);
      const scaled = { codebook: scaledKmeans(values, layout, scales, kind.entries), layout, scales };
      return squaredError(values, scaled) < squaredError(values, plain) ? scaled : plain;
    }
  }
}

function squaredError(values: Float32Array, fitted: WeightCodebook): number {
  const back = lookUp(codebookIndices(values, fitted), fitted);
  return back.reduce((sum, value, i) => sum + (value - (values[i] ?? 0)) ** 2, 0);
}

function uniformCodebook(min: number, max: number, entries: number): Codebook {
  if (min === max) return nearestCodebook(Float32Array.of(min));
  const step = (max - min) / (entries - 1);
  return nearestCodebook(Float32Array.from({ length: entries }, (_, index) => min + step * index));
}

function scaledKmeans(
  values: Float32Array,
  layout: AxisLayout,
  scales: Float32Array,
  entries: number,
): Codebook {
  const relative = new Float32Array(values.length);
  const weights = new Float32Array(values.length);
  const largest = scales.reduce((most, scale) => Math.max(most, scale), 0);
  forEachChannel(layout, scales, (start, end, scale) => {
    for (let i = start; i < end; i++) relative[i] = (values[i] ?? 0) / scale;
    // Relative to the largest, and never 0: float32 cannot hold the square of a small scale.
    weights.fill(Math.max((scale / largest) ** 2, 2 ** -100), start, end);
  });
  return nearestCodebook(kmeans(relative, entries, weights));
}

function nearestCodebook(values: Float32Array): Codebook {
  return { values, thresholds: halfway(values) };
}

/** The index of every value, one per element. */
export function codebookIndices(
  values: Float32Array,
  { codebook, layout, scales }: WeightCodebook,
): Uint8Array {
  const indices = new Uint8Array(values.length);
  forEachChannel(layout, scales, (start, end, scale) => {
    for (let i = start; i < end; i++) {
      indices[i] = countUpTo(codebook.thresholds, Math.fround((values[i] ?? 0) / scale));
    }
  });
  return indices;
}

/** The values that indices stand for, computed in float32 as the runtime does. */
export function lookUp(indices: Uint8Array, { codebook, layout, scales }: WeightCodebook): Float32Array {
  const values = new Float32Array(indices.length);
  forEachChannel(layout, scales, (start, end, scale) => {
    for (let i = start; i < end; i++) values[i] = (codebook.values[indices[i] ?? 0] ?? 0) * scale;
  });
  return values;
}

export function codebookError(values: Float32Array, fitted: WeightCodebook): WeightError {
  return differenceFrom(values, lookUp(codebookIndices(values, fitted), fitted));
}

function forEachChannel(
  { outer, channels, inner }: AxisLayout,
  scales: Float32Array | undefined,
  visit: (start: number, end: number, scale: number) => void,
): void {
  for (let slice = 0; slice < outer * channels; slice++) {
    visit(slice * inner, (slice + 1) * inner, scales?.[slice % channels] ?? 1);
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

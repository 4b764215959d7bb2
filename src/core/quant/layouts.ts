/**
 * How a weight divides into slices with parameters of their own.
 *
 * | granularity | layout |
 * |---|---|
 * | per tensor | `tensorLayout(dims)` |
 * | per channel | `axisLayout(dims, axis)` (affine.ts) |
 * | per kernel | `kernelLayout(dims)`: [O, I/g, kh, kw] seen as [O·I/g, kh·kw] |
 * | blocked | `blockLayout(dims, axis, block)` |
 */
import { notFinite, type AxisLayout } from './affine';

/**
 * Blocks of `block` neighbours along an axis of `length` elements, the last one maybe shorter. Element (o, l, i) belongs to
 * slice (o·⌈length/block⌉ + ⌊l/block⌋)·inner + i, which is the order of elements in ONNX's blocked scale tensor.
 */
export interface BlockLayout {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly block: number;
}

export type SliceLayout = AxisLayout | BlockLayout;

export function tensorLayout(dims: readonly number[]): AxisLayout {
  return { outer: 1, channels: 1, inner: product(dims) };
}

/** A slice per pair of output and input channel. @throws RangeError for a weight without spatial axes. */
export function kernelLayout(dims: readonly number[]): AxisLayout {
  if (dims.length < 3) throw new RangeError(`a tensor of rank ${dims.length} has no kernels`);
  return { outer: 1, channels: product(dims.slice(0, 2)), inner: product(dims.slice(2)) };
}

/** @param axis may be negative, as in ONNX. @throws RangeError when the tensor has no such axis. */
export function blockLayout(dims: readonly number[], axis: number, block: number): BlockLayout {
  const index = axis < 0 ? axis + dims.length : axis;
  const length = dims[index];
  if (length === undefined) throw new RangeError(`axis ${axis} of a tensor of rank ${dims.length}`);
  if (!Number.isInteger(block) || block < 1) throw new RangeError(`blocks of ${block} elements`);
  return { outer: product(dims.slice(0, index)), length, inner: product(dims.slice(index + 1)), block };
}

export function isBlocked(layout: SliceLayout): layout is BlockLayout {
  return 'block' in layout;
}

export function elementsOf(layout: SliceLayout): number {
  return layout.outer * (isBlocked(layout) ? layout.length : layout.channels) * layout.inner;
}

export function sliceCount(layout: SliceLayout): number {
  if (!isBlocked(layout)) return layout.channels;
  return layout.outer * Math.ceil(layout.length / layout.block) * layout.inner;
}

/**
 * Visits the elements in order, in runs `start` … `end` − 1. With `step` 0 all elements of a run belong to `slice`; with
 * `step` 1 each belongs to the slice after that of the element before it.
 */
export function forEachRun(
  layout: SliceLayout,
  visit: (start: number, end: number, slice: number, step: 0 | 1) => void,
): void {
  const { outer, inner } = layout;
  if (!isBlocked(layout)) {
    const { channels } = layout;
    if (inner === 1 && channels > 1) {
      for (let row = 0; row < outer; row++) visit(row * channels, (row + 1) * channels, 0, 1);
      return;
    }
    for (let run = 0; run < outer * channels; run++) visit(run * inner, (run + 1) * inner, run % channels, 0);
    return;
  }
  const { length, block } = layout;
  const blocks = Math.ceil(length / block);
  for (let o = 0; o < outer; o++) {
    if (inner === 1) {
      for (let b = 0; b < blocks; b++) {
        visit(o * length + b * block, o * length + Math.min(length, (b + 1) * block), o * blocks + b, 0);
      }
      continue;
    }
    for (let l = 0; l < length; l++) {
      const start = (o * length + l) * inner;
      visit(start, start + inner, (o * blocks + Math.floor(l / block)) * inner, 1);
    }
  }
}

/** Tells the slice of the element at a position. For single elements: whole tensors are faster by `forEachRun`. */
export function sliceFinder(layout: SliceLayout): (at: number) => number {
  const { inner } = layout;
  if (isBlocked(layout)) {
    const { length, block } = layout;
    const blocks = Math.ceil(length / block);
    return (at) => {
      const line = Math.floor(at / inner);
      const outer = Math.floor(line / length);
      const withinLine = line - outer * length;
      return (outer * blocks + Math.floor(withinLine / block)) * inner + (at - line * inner);
    };
  }
  const { channels } = layout;
  if (channels === 1) return () => 0;
  return (at) => Math.floor(at / inner) % channels;
}

/** Extremes per slice; 0 and 0 for one without elements. */
export interface SliceRanges {
  readonly min: Float32Array;
  readonly max: Float32Array;
}

/** @throws InputError when a value is NaN or infinite. */
export function sliceRanges(values: Float32Array, layout: SliceLayout): SliceRanges {
  const count = sliceCount(layout);
  const min = new Float32Array(count).fill(Infinity);
  const max = new Float32Array(count).fill(-Infinity);
  forEachRun(layout, (start, end, slice, step) => {
    if (step === 0) {
      widen(values, start, end, slice, min, max);
      return;
    }
    for (let i = start, at = slice; i < end; i++, at++) {
      const value = values[i] as number;
      if (!(value - value === 0)) throw notFinite(value);
      if (value < (min[at] as number)) min[at] = value;
      if (value > (max[at] as number)) max[at] = value;
    }
  });
  for (let slice = 0; slice < count; slice++) {
    if (min[slice] === Infinity) min[slice] = max[slice] = 0;
  }
  return { min, max };
}

// A function of its own: inside the callback the loop takes twice as long.
function widen(
  values: Float32Array,
  start: number,
  end: number,
  slice: number,
  min: Float32Array,
  max: Float32Array,
): void {
  let low = min[slice] as number;
  let high = max[slice] as number;
  for (let i = start; i < end; i++) {
    const value = values[i] as number;
    if (!(value - value === 0)) throw notFinite(value);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  min[slice] = low;
  max[slice] = high;
}

/** The elements slice after slice. */
export interface GatheredSlices {
  readonly values: Float32Array;
  /** Slice s is `starts[s]` … `starts[s + 1]` − 1. */
  readonly starts: Uint32Array;
}

/** Brings the elements of each slice together, in their order; shares the memory of `values` where they already are. */
export function gatherSlices(values: Float32Array, layout: SliceLayout): GatheredSlices {
  const count = sliceCount(layout);
  const starts = new Uint32Array(count + 1);
  forEachRun(layout, (start, end, slice, step) => {
    if (step === 0) starts[slice + 1] = (starts[slice + 1] as number) + end - start;
    else for (let at = slice; at < slice + end - start; at++) starts[at + 1] = (starts[at + 1] as number) + 1;
  });
  for (let slice = 0; slice < count; slice++) {
    starts[slice + 1] = (starts[slice + 1] as number) + (starts[slice] as number);
  }
  const isInOrder = isBlocked(layout) ? layout.inner === 1 : layout.outer === 1 || layout.channels === 1;
  if (isInOrder) return { values, starts };

  const gathered = new Float32Array(values.length);
  const next = starts.slice();
  forEachRun(layout, (start, end, slice, step) => {
    if (step === 0) {
      gathered.set(values.subarray(start, end), next[slice]);
      next[slice] = (next[slice] as number) + end - start;
      return;
    }
    for (let i = start, at = slice; i < end; i++, at++) {
      const place = next[at] as number;
      gathered[place] = values[i] as number;
      next[at] = place + 1;
    }
  });
  return { values: gathered, starts };
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}

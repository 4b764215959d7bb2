import type { AxisLayout } from './affine';
import { forEachRun } from './layouts';

/**
 * Σ importance · (w − Q(w))², and the scale of each channel that makes it least while every weight keeps its index:
 * s · Σ importance · w·Q(w) / Σ importance · Q(w)².
 * @param back Q(w), made with `scales`.
 */
export function scaleFit(
  values: Float32Array,
  back: Float32Array,
  layout: AxisLayout,
  scales: Float32Array,
  importance?: Float32Array,
): { readonly error: number; readonly scales: Float32Array } {
  const sums: Sums = { common: new Float64Array(layout.channels), own: new Float64Array(layout.channels) };
  const { common, own } = sums;
  let error = 0;
  forEachRun(layout, (start, end, slice, step) => {
    error = addRun(values, back, importance, start, end, slice, step, sums, error);
  });
  const better = scales.map((scale, channel) => {
    const next = Math.fround((scale * (common[channel] as number)) / (own[channel] as number));
    return next > 0 && Number.isFinite(next) ? next : scale;
  });
  return { error, scales: better };
}

interface Sums {
  readonly common: Float64Array;
  readonly own: Float64Array;
}

// A function of its own: inside the callback the loop takes twice as long.
function addRun(
  values: Float32Array,
  back: Float32Array,
  importance: Float32Array | undefined,
  start: number,
  end: number,
  slice: number,
  step: 0 | 1,
  { common, own }: Sums,
  before: number,
): number {
  let error = before;
  let channel = slice;
  let product = common[channel] as number;
  let energy = own[channel] as number;
  for (let i = start; i < end; i++) {
    const value = values[i] as number;
    const rounded = back[i] as number;
    const counted = importance ? (importance[i] as number) : 1;
    const difference = value - rounded;
    error += counted * (difference * difference);
    product += counted * value * rounded;
    energy += counted * rounded * rounded;
    if (step === 0) continue;
    common[channel] = product;
    own[channel++] = energy;
    product = common[channel] as number;
    energy = own[channel] as number;
  }
  if (step === 0) {
    common[channel] = product;
    own[channel] = energy;
  }
  return error;
}

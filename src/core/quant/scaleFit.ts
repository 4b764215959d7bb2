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
  const common = new Float64Array(layout.channels);
  const own = new Float64Array(layout.channels);
  let error = 0;
  forEachRun(layout, (start, end, slice, step) => {
    for (let i = start, channel = slice; i < end; i++, channel += step) {
      const value = values[i] as number;
      const rounded = back[i] as number;
      const counted = importance ? (importance[i] as number) : 1;
      error += counted * (value - rounded) ** 2;
      common[channel] = (common[channel] as number) + counted * value * rounded;
      own[channel] = (own[channel] as number) + counted * rounded * rounded;
    }
  });
  const better = scales.map((scale, channel) => {
    const next = Math.fround((scale * (common[channel] as number)) / (own[channel] as number));
    return next > 0 && Number.isFinite(next) ? next : scale;
  });
  return { error, scales: better };
}

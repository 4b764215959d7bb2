import { forEachRun, sliceCount, type SliceLayout } from '../../quant/layouts';

/**
 * ⟨w,w⟩ / ⟨w,Q(w)⟩ of every slice: what its scale is multiplied by so that rounding does not shrink it.
 * 1 where that is not a number above 0.
 */
export function sliceGains(values: Float32Array, back: Float32Array, layout: SliceLayout): Float32Array {
  const own = new Float64Array(sliceCount(layout));
  const common = new Float64Array(own.length);
  forEachRun(layout, (start, end, slice, step) => {
    for (let i = start, at = slice; i < end; i++, at += step) {
      const value = values[i] ?? 0;
      own[at] = (own[at] ?? 0) + value * value;
      common[at] = (common[at] ?? 0) + value * (back[i] ?? 0);
    }
  });
  return Float32Array.from(own, (energy, slice) => {
    const gain = energy / (common[slice] ?? 0);
    return gain > 0 && Number.isFinite(gain) ? gain : 1;
  });
}

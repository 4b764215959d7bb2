import { forEachRun, sliceCount, type SliceLayout } from './layouts';

/**
 * ⟨w,w⟩ / ⟨w,Q(w)⟩ of every slice: what its scale is multiplied by so that quantizing does not shrink what the weight lets
 * through (clipping, k-means and powers of two do). 1 where that is not a number above 0.
 * @param back what `values` became, with the parameters that the gains are to correct.
 */
export function sliceGains(values: Float32Array, back: Float32Array, layout: SliceLayout): Float32Array {
  const own = new Float64Array(sliceCount(layout));
  const common = new Float64Array(own.length);
  forEachRun(layout, (start, end, slice, step) => {
    for (let i = start, at = slice; i < end; i++, at += step) {
      const value = values[i] as number;
      own[at] = (own[at] as number) + value * value;
      common[at] = (common[at] as number) + value * (back[i] as number);
    }
  });
  return Float32Array.from(own, (energy, slice) => {
    const gain = energy / (common[slice] as number);
    return gain > 0 && Number.isFinite(gain) ? gain : 1;
  });
}

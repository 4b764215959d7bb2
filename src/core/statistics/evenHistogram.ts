import type { EvenHistogram } from '../inspectorResults';

/** Counts the values from `min` to `max` in bins of equal width; one bin where both are the same. Others, and NaN, are left out. */
export function evenHistogram(values: Float32Array, min: number, max: number, bins: number): EvenHistogram {
  if (min === max) {
    const count = values.filter((value) => value === min).length;
    return { edges: [min, min + 1], counts: [count] };
  }
  const counts = new Array<number>(bins).fill(0);
  const perBin = bins / (max - min);
  for (const value of values) {
    if (!(value >= min && value <= max)) continue;
    const bin = Math.min(bins - 1, Math.floor((value - min) * perBin));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const edges = Array.from({ length: bins + 1 }, (_, i) => min + ((max - min) * i) / bins);
  return { edges, counts };
}

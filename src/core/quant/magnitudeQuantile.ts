/**
 * The magnitude that a part of the values do not pass, interpolated between neighbours: where a symmetric `percentile:P` of a
 * weight puts its range. Walks from both ends inwards, over what lies beyond.
 * @param ascending without NaN.
 * @returns 0 for no values.
 */
export function magnitudeQuantile(ascending: Float32Array, part: number): number {
  const last = ascending.length - 1;
  if (last < 0) return 0;
  const position = part * last;
  const below = Math.floor(position);
  let [left, right] = [0, last];
  /** The greatest magnitude that is left. */
  const take = (): number => {
    const [low, high] = [-(ascending[left] as number), ascending[right] as number];
    if (low > high) left++;
    else right--;
    return Math.max(low, high);
  };
  for (let rank = last; rank > below + 1; rank--) take();
  const upper = below < last ? take() : undefined;
  const lower = take();
  return upper === undefined ? lower : lower + (upper - lower) * (position - below);
}

import type { Parts } from '../inParts';

/** Sorting so many takes some 60 ms. */
const SORTED_AT_ONCE = 2 ** 19;

/** The values in ascending order, as a new array. Memory: twice the values. @param values without NaN. */
export function* sortInParts(values: Float32Array, run = SORTED_AT_ONCE): Parts<Float32Array> {
  let sorted = values.slice();
  for (let start = 0; start < sorted.length; start += run) {
    sorted.subarray(start, start + run).sort();
    yield;
  }
  if (run >= sorted.length) return sorted;
  let merged = new Float32Array(sorted.length);
  for (let width = run; width < sorted.length; width *= 2) {
    for (let start = 0; start < sorted.length; start += 2 * width) {
      merge(sorted, start, start + width, merged.subarray(start, start + 2 * width));
      yield;
    }
    [sorted, merged] = [merged, sorted];
  }
  return sorted;
}

/** Fills `target` from two ascending stretches of `values`, of which the second follows the first. */
function merge(values: Float32Array, start: number, middle: number, target: Float32Array): void {
  const end = start + target.length;
  let [left, right] = [start, middle];
  for (let at = 0; at < target.length; at++) {
    const takesLeft =
      right >= end || (left < middle && (values[left] as number) <= (values[right] as number));
    target[at] = values[takesLeft ? left++ : right++] as number;
  }
}

import type { FreeWeights } from './freeWeights';

/** Bits of a float32 without its sign: as integers they are in the order of the magnitudes, NaN the greatest. */
const MAGNITUDE = 0x7fffffff;

/**
 * Rounds the free weights of greatest magnitude, of equal ones the first, until `count` of the row are rounded.
 * @param round what an element of the row becomes, which must not depend on the others: they come by position.
 */
export function roundGreatest(
  { size, values, isFree }: Pick<FreeWeights, 'size' | 'values' | 'isFree'>,
  row: number,
  count: number,
  round: (element: number, value: number) => number,
): void {
  const base = row * size;
  const bits = new Uint32Array(values.buffer, values.byteOffset + 4 * base, size);
  // Sorted as integers, for what is the least of those: sorting all elements with a comparator took four times as long.
  const magnitudes = new Uint32Array(size);
  let free = 0;
  for (let element = 0; element < size; element++) {
    if (isFree[base + element]) magnitudes[free++] = (bits[element] as number) & MAGNITUDE;
  }
  const first = Math.max(0, size - count);
  if (first >= free) return;
  magnitudes.subarray(0, free).sort();
  const least = magnitudes[first] as number;
  let ofLeast = 0;
  while (first + ofLeast < free && magnitudes[first + ofLeast] === least) ofLeast++;
  for (let element = 0; element < size; element++) {
    const at = base + element;
    if (isFree[at] === 0) continue;
    const magnitude = (bits[element] as number) & MAGNITUDE;
    if (magnitude < least || (magnitude === least && ofLeast-- <= 0)) continue;
    values[at] = round(element, values[at] as number);
    isFree[at] = 0;
  }
}

import { gridSize, type ErrorGrid } from './errorGrid';
import type { Span } from './histogramSplit';

/**
 * How many numbers of a grid the values of a histogram become, counting each as spread evenly over its bin: a bin that is
 * wider than the steps of the grid uses as many as it lies on, but no more than it holds values.
 */
export function codesUsed(spans: readonly Span[], grid: ErrorGrid): number {
  const used = new Uint8Array(gridSize(grid));
  const nearest = grid.kind === 'even' ? evenNearest(grid) : tableNearest(grid.values);
  let codes = 0;
  for (const { from, to, count } of spans) {
    const first = nearest(from);
    const last = Math.min(nearest(to), first + count - 1);
    for (let code = first; code <= last; code++) {
      if (used[code] === 0) codes++;
      used[code] = 1;
    }
  }
  return codes;
}

/** Position of the nearest number, from the least on. */
function evenNearest({ step, low, high }: ErrorGrid & { readonly kind: 'even' }): (x: number) => number {
  return (x) => Math.min(high, Math.max(low, Math.floor(x / step + 0.5))) - low;
}

function tableNearest(table: ArrayLike<number>): (x: number) => number {
  return (x) => {
    let [low, high] = [0, table.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (((table[middle] ?? 0) + (table[middle + 1] ?? 0)) / 2 <= x) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

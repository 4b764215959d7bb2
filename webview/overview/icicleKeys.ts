import type { Shape } from './icicleLayout';

/**
 * Where a key leads: arrows up to the module, down to its first part, left and right to what stands beside it, if need be in
 * another module; Home and End to the first and the last part of the module. undefined: the key is none of these.
 * @param from position of a shape; -1: none yet.
 */
export function stepFrom(shapes: readonly Shape[], from: number, key: string): number | undefined {
  const find = STEPS.get(key);
  if (!find || shapes.length === 0) return undefined;
  const shape = shapes[from];
  if (!shape) return 0;
  const next = find(shapes, shape, from);
  return next < 0 ? from : next;
}

type Find = (shapes: readonly Shape[], shape: Shape, position: number) => number;

const STEPS: ReadonlyMap<string, Find> = new Map<string, Find>([
  ['ArrowUp', (_shapes, { parent }) => parent],
  ['ArrowDown', (shapes, _shape, position) => shapes.findIndex(({ parent }) => parent === position)],
  ['ArrowLeft', (shapes, { x, level }) => nearest(shapes, level, (other) => x - other.x - other.width)],
  ['ArrowRight', (shapes, { x, width, level }) => nearest(shapes, level, (other) => other.x - x - width)],
  ['Home', (shapes, { parent }) => shapes.findIndex((other) => other.parent === parent)],
  ['End', (shapes, { parent }) => shapes.findLastIndex((other) => other.parent === parent)],
]);

/** Widths are sums, so that edges that touch differ in the last digits. */
const ROUNDING = 1e-6;

/** Of the nearest shapes on one side, the deepest one that is not below `level`; -1: there is none. */
function nearest(shapes: readonly Shape[], level: number, gapTo: (other: Shape) => number): number {
  let best = -1;
  let least = Infinity;
  for (const [position, other] of shapes.entries()) {
    const gap = gapTo(other);
    if (other.level > level || gap < -ROUNDING || gap > least + ROUNDING) continue;
    if (gap > least - ROUNDING && other.level <= (shapes[best]?.level ?? 0)) continue;
    best = position;
    least = gap;
  }
  return best;
}

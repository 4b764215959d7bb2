import type { Shape } from './icicleLayout';

/**
 * Where a key leads: arrows up to the module, down to its first part, left and right to what stands beside it, if need be in
 * another module; Home and End to the first and the last part of the module. undefined: the key is none of these.
 * @param from position of a shape; -1: none yet.
 */
export function stepFrom(shapes: readonly Shape[], from: number, key: string): number | undefined {
  const find = STEPS[key];
  if (!find || shapes.length === 0) return undefined;
  const shape = shapes[from];
  if (!shape) return 0;
  const next = find(shapes, shape, from);
  return next < 0 ? from : next;
}

type Find = (shapes: readonly Shape[], shape: Shape, position: number) => number;

const STEPS: Readonly<Partial<Record<string, Find>>> = {
  ArrowUp: (_shapes, { parent }) => parent,
  ArrowDown: (shapes, _shape, position) => shapes.findIndex(({ parent }) => parent === position),
  ArrowLeft: (shapes, { x, level }) => nearest(shapes, level, (other) => other.x + other.width - x),
  ArrowRight: (shapes, { x, width, level }) => nearest(shapes, level, (other) => other.x - x - width),
  Home: (shapes, { parent }) => shapes.findIndex((other) => other.parent === parent),
  End: (shapes, { parent }) => shapes.findLastIndex((other) => other.parent === parent),
};

/** Widths are sums, so that edges that touch differ in the last digits. */
const TOUCHES = 1e-3;

/** Of the shapes that touch, the deepest one that is not below `level`; -1: none. */
function nearest(shapes: readonly Shape[], level: number, gap: (other: Shape) => number): number {
  let best = -1;
  for (const [position, other] of shapes.entries()) {
    if (other.level > level || Math.abs(gap(other)) > TOUCHES) continue;
    if (other.level > (shapes[best]?.level ?? 0)) best = position;
  }
  return best;
}

/** Keys that move along the plans, in the chart and in the table. Pure. */
import type { SearchPointView } from '../../src/shared/viewRpc';

/** Points forth or back; a missing key means nothing here. */
export const PLAN_KEYS: Readonly<Partial<Record<string, number>>> = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1,
  PageDown: 10,
  PageUp: -10,
  Home: -Infinity,
  End: Infinity,
};

/** The point `by` further on, at most the last; the first when `id` is none of them. */
export function neighbour(
  points: readonly SearchPointView[],
  id: number | null,
  by: number,
): SearchPointView | undefined {
  const at = points.findIndex((point) => point.id === id);
  return at < 0 ? points[0] : points[Math.min(points.length - 1, Math.max(0, at + by))];
}

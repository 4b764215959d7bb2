/** The numbers behind the clipping-versus-rounding chart. Pure. */
import { scaleLinear, scaleLog } from 'd3-scale';
import type { Range } from '../../src/core/quant/scheme';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';

export interface CurvePoint {
  readonly threshold: number;
  /** Error power relative to the weight's own, in dB; null for no error at all. */
  readonly clippingDb: number | null;
  readonly roundingDb: number | null;
  readonly totalDb: number | null;
  /** How many occur. */
  readonly codes: number;
  /** Of a point off the curve, whose range is not what the threshold stands for there. */
  readonly range?: Range;
}

/** Error over energy in dB: the negative of the SQNR. */
export function relativeDb(error: number, energy: number): number | null {
  return error > 0 && energy > 0 ? 10 * Math.log10(error / energy) : null;
}

export function curvePoints({
  thresholds,
  clipping,
  rounding,
  codes,
  energy,
}: ErrorSplitCurve): CurvePoint[] {
  return thresholds.map((threshold, index) => {
    const [c, r] = [clipping[index] ?? 0, rounding[index] ?? 0];
    return {
      threshold,
      clippingDb: relativeDb(c, energy),
      roundingDb: relativeDb(r, energy),
      totalDb: relativeDb(c + r, energy),
      codes: codes[index] ?? 0,
    };
  });
}

/**
 * What was measured of the range that the plan fixes; undefined where that is another by now.
 * @param range that the plan fixes.
 */
export function plannedPoint(
  { planned, energy }: Pick<ErrorSplitCurve, 'planned' | 'energy'>,
  range: Range | undefined,
): CurvePoint | undefined {
  if (!planned || planned.min !== range?.min || planned.max !== range.max) return undefined;
  const { clipping, rounding, codes } = planned;
  return {
    threshold: reachOf(range),
    clippingDb: relativeDb(clipping, energy),
    roundingDb: relativeDb(rounding, energy),
    totalDb: relativeDb(clipping + rounding, energy),
    codes,
    range,
  };
}

/** Greatest magnitude. */
export function reachOf({ min, max }: Range): number {
  return Math.max(-min, max);
}

/** The point with the least total error; undefined without points. */
export function bestPoint(points: readonly CurvePoint[]): CurvePoint | undefined {
  return points.reduce<CurvePoint | undefined>(
    (best, point) => (best === undefined || orderOf(point) < orderOf(best) ? point : best),
    undefined,
  );
}

/** Position of the point that is nearest on the log scale; points ascend. -1 without points. */
export function nearestPoint(points: readonly CurvePoint[], threshold: number): number {
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const between = Math.sqrt((points[middle]?.threshold ?? 0) * (points[middle + 1]?.threshold ?? 0));
    if (threshold > between) low = middle + 1;
    else high = middle;
  }
  return high < 0 ? -1 : low;
}

function orderOf({ totalDb }: CurvePoint): number {
  return totalDb ?? -Infinity;
}

/** Where a threshold stands on the axis: at its end where it lies beyond. */
export function placeOf({ x }: Pick<SplitScales, 'x'>, threshold: number): number {
  const [first, last] = x.domain() as [number, number];
  return x(Math.min(last, Math.max(first, threshold)));
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Of the clipping-versus-rounding chart; on top a row for the label of each marker. */
export const SPLIT_FRAME: Frame = { width: 310, height: 254, left: 30, right: 8, top: 84, bottom: 36 };

/** Room below the least total, so that the curve of the smaller part can be seen falling. */
const FLOOR_DB = 12;

/** Log scale for the range, linear dB for the error. The domain follows the total, which is what is minimised. */
export function chartScales(points: readonly CurvePoint[], frame: Frame) {
  const totals = points.map(({ totalDb }) => totalDb).filter((db) => db !== null);
  const low = totals.length > 0 ? Math.min(...totals) : -60;
  const high = totals.length > 0 ? Math.max(...totals) : 0;
  const first = points[0]?.threshold ?? 0.1;
  const last = points.at(-1)?.threshold ?? 1;
  return {
    x: scaleLog()
      .domain([first, last > first ? last : first * 10])
      .range([frame.left, frame.width - frame.right]),
    y: scaleLinear()
      .domain([low - FLOOR_DB, Math.max(high, low + FLOOR_DB)])
      .nice(5)
      .range([frame.height - frame.bottom, frame.top]),
  };
}

export type SplitScales = ReturnType<typeof chartScales>;

export interface HistogramBar {
  readonly from: number;
  readonly to: number;
  /** Density over the logarithmic axis, as a share of the highest: the area of a bar tells how many weights it holds. */
  readonly height: number;
}

/** Narrower bars than this share of the axis would be noise. */
const MIN_BAR_SHARE = 1 / 48;

/** The bins within the domain, joined until they are wide enough to see. A logarithmic axis has no place for zero. */
export function histogramBars(
  { edges, counts }: ErrorSplitCurve['histogram'],
  [low, high]: readonly [number, number],
): HistogramBar[] {
  const least = Math.log(high / low) * MIN_BAR_SHARE;
  const bars: { from: number; to: number; density: number }[] = [];
  let from = low;
  let held = 0;
  counts.forEach((count, bin) => {
    const to = Math.min(high, edges[bin + 1] ?? 0);
    if (to <= low) return;
    held += count;
    const width = Math.log(to / from);
    if (width < least && to < high) return;
    if (held > 0 && width > 0) bars.push({ from, to, density: held / width });
    from = to;
    held = 0;
  });
  const highest = bars.reduce((a, { density }) => Math.max(a, density), 0);
  return bars.map(({ density, ...ends }) => ({ ...ends, height: density / highest }));
}

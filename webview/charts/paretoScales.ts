/** The geometry behind the chart of plans. Pure. */
import { scaleLinear, scaleLog } from 'd3-scale';
import type { SearchCost } from '../../src/core/searchResults';
import type { SearchPointView } from '../../src/shared/viewRpc';
import { byCost, costOf, errorOf, floatCost, goalErrorLimit, type Found } from './planCosts';

export interface ParetoFrame {
  readonly width: number;
  readonly height: number;
}

const MARGIN = { left: 52, right: 44, top: 20, bottom: 34 } as const;
/** A logarithmic axis has no zero: errors of zero stand in a band of their own below it. */
const ZERO_BAND = 22;
/** Further down is as good as zero, and would press all else against the top. */
const MAX_DECADES = 7;
/** Room beside the outermost points, as a share of the axis. */
const PADDING = 0.04;

export interface ParetoScales {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  /** Where the logarithmic axis ends. */
  readonly bottom: number;
  /** Where an error of zero stands. */
  readonly zero: number;
  readonly ground: number;
  readonly x: (cost: number) => number;
  readonly y: (error: number) => number;
  readonly xTicks: { at: number; label: string }[];
  readonly xTitle: string;
  readonly yDomain: readonly [number, number];
  /** Points lie in the band that are not exactly zero. */
  readonly isFloorCut: boolean;
}

/** Scales for all points of which the cost is known, and the float model. */
export function paretoScales(found: Found, cost: SearchCost, { width, height }: ParetoFrame): ParetoScales {
  const points = byCost(found.points, cost);
  const [left, right, top] = [MARGIN.left, width - MARGIN.right, MARGIN.top];
  const ground = height - MARGIN.bottom;
  const bottom = ground - ZERO_BAND;
  const { divisor, title, ticksOf } = unitOf(points, found, cost);
  const [low, high] = costDomain(points, found, cost);
  const x = scaleLinear()
    .domain([low / divisor, high / divisor])
    .range([left, right]);
  const yDomain = errorDomain(points, found);
  const log = scaleLog().domain(yDomain).range([bottom, top]);
  const zero = ground - ZERO_BAND / 2;
  const format = x.tickFormat(ticksOf(right - left));
  return {
    left,
    right,
    top,
    bottom,
    zero,
    ground,
    x: (value) => x(value / divisor),
    y: (error) => (error < yDomain[0] ? zero : log(Math.min(error, yDomain[1]))),
    xTicks: x
      .ticks(ticksOf(right - left))
      .filter((tick) => cost !== 'floatLayers' || Number.isInteger(tick))
      .map((tick) => ({ at: x(tick), label: cost === 'floatLayers' ? String(tick) : format(tick) })),
    xTitle: title,
    yDomain,
    isFloorCut: points.some((point) => errorOf(point) > 0 && errorOf(point) < yDomain[0]),
  };
}

function costDomain(
  points: readonly SearchPointView[],
  found: Found,
  cost: SearchCost,
): readonly [number, number] {
  const costs = points.map((point) => costOf(point, cost) ?? 0);
  const whole = floatCost(found, cost);
  const all = whole === null ? costs : [...costs, whole];
  const low = all.reduce((a, b) => Math.min(a, b), Infinity);
  const high = all.reduce((a, b) => Math.max(a, b), -Infinity);
  if (high < low) return [0, 1];
  const room = PADDING * (high - low || high || 1);
  return [Math.max(0, low - room), high];
}

/** Whole decades would waste room: the domain ends a little beyond the points. */
function errorDomain(points: readonly SearchPointView[], found: Found): readonly [number, number] {
  const limit = goalErrorLimit(found);
  const errors = points
    .flatMap(({ predicted, verified }) => [
      predicted,
      ...(verified ? [verified.error, verified.error + (verified.standardError ?? 0)] : []),
    ])
    .concat(limit === null ? [] : [limit])
    .filter((error) => error > 0);
  if (errors.length === 0) return [1e-3, 1];
  const high = errors.reduce((a, b) => Math.max(a, b));
  const low = Math.max(
    errors.reduce((a, b) => Math.min(a, b)),
    high / 10 ** MAX_DECADES,
  );
  return [low / 1.5, high * 1.5];
}

/** A unit for the whole axis, so that its ticks are plain numbers. */
function unitOf(
  points: readonly SearchPointView[],
  found: Found,
  cost: SearchCost,
): { divisor: number; title: string; ticksOf: (width: number) => number } {
  const ticksOf = (width: number): number => Math.max(2, Math.round(width / 80));
  if (cost === 'latency') return { divisor: 1, title: 'latency of one run, ms', ticksOf };
  if (cost === 'floatLayers') return { divisor: 1, title: 'layers that stay float', ticksOf };
  const [, high] = costDomain(points, found, cost);
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(high, 1)) / 3)));
  const divisor = 1000 ** power;
  const title =
    cost === 'bytes'
      ? `file size, ${['bytes', 'kB', 'MB', 'GB', 'TB'][power] ?? 'bytes'}`
      : `bit-operations${['', ', thousands', ', millions', ', billions', ', trillions'][power] ?? ''}`;
  return { divisor, title, ticksOf };
}

/** The budget field: what its text means, and which of the plans found is best within it. Pure. */
import type { SearchCost } from '../../src/core/searchResults';
import type { SearchPointView } from '../../src/shared/viewRpc';
import { byCost, COST_LABELS, costOf, errorOf, floatCost, type Found } from '../charts/planCosts';

export interface Budget {
  readonly cost: SearchCost;
  /** In bytes, bit-operations, milliseconds or layers; a share of the float model's when `ratio`. */
  readonly most: number;
  readonly ratio: boolean;
}

const PREFIXES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 };
const BINARY: Readonly<Record<string, number>> = { ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30, ti: 2 ** 40 };
const TIMES: Readonly<Record<string, number>> = { us: 1e-3, µs: 1e-3, ms: 1, s: 1e3 };

/**
 * Reads `40%`, `1.2 MB`, `800 KiB`, `2.5 ms`, `3.1 G` or a number; null for an empty text.
 * @param cost what a text without a unit of its own is about.
 */
export function parseBudget(text: string, cost: SearchCost): Budget | { mistake: string } | null {
  if (text.trim() === '') return null;
  const [, digits = '', unit = ''] = /^([\d.,]+)\s*(%|[a-zµ]*)$/i.exec(text.trim()) ?? [];
  // A comma before three digits groups thousands, any other is a decimal point.
  const value = Number(digits.replace(/,(?=\d{3}(\D|$))/g, '').replace(',', '.'));
  const known = digits !== '' && Number.isFinite(value) ? inUnit(value, unit.toLowerCase(), cost) : undefined;
  return known ?? { mistake: 'Write a budget like 40%, 1.2 MB, 2.5 ms or 3 G.' };
}

function inUnit(value: number, unit: string, cost: SearchCost): Budget | undefined {
  if (unit === '%') return cost === 'floatLayers' ? undefined : { cost, most: value / 100, ratio: true };
  const time = TIMES[unit];
  if (time !== undefined) return { cost: 'latency', most: value * time, ratio: false };
  const bytes = /^(|k|m|g|t|ki|mi|gi|ti)b(ytes?)?$/.exec(unit);
  const factor = bytes ? (PREFIXES[bytes[1] ?? ''] ?? BINARY[bytes[1] ?? '']) : undefined;
  if (factor !== undefined) return { cost: 'bytes', most: value * factor, ratio: false };
  if (unit === '') return { cost, most: value, ratio: false };
  const operations = /^([kmgtp]?)(bops?)?$/.exec(unit);
  const scale = operations ? PREFIXES[operations[1] ?? ''] : undefined;
  if (scale === undefined) return undefined;
  // `1.2 M` is megabytes on an axis of bytes.
  const isBytes = cost === 'bytes' && operations?.[2] === undefined;
  return { cost: isBytes ? 'bytes' : 'bops', most: value * scale, ratio: false };
}

/** The limit in the unit of its cost; null where it is a share of an unknown whole. */
export function budgetAmount({ cost, most, ratio }: Budget, found: Pick<Found, 'float'>): number | null {
  if (!ratio) return most;
  const whole = floatCost(found, cost);
  return whole === null ? null : most * whole;
}

/**
 * The plan with the least error among those that cost at most `most`; undefined when there is none. What was only foretold
 * counts with the median factor by which verified plans were worse than foretold, and beats the best verified plan only
 * by more than that plan's standard error: what was run is worth more than what was not.
 */
export function bestWithin(
  points: readonly SearchPointView[],
  cost: SearchCost,
  most: number,
): SearchPointView | undefined {
  const factor = optimism(points);
  const within = byCost(points, cost).filter((point) => (costOf(point, cost) ?? Infinity) <= most);
  const verified = leastBy(
    within.filter((point) => point.verified !== null),
    errorOf,
  );
  const foretold = leastBy(
    within.filter((point) => point.verified === null),
    (point) => point.predicted,
  );
  if (!verified || !foretold) return verified ?? foretold;
  const margin = verified.verified?.standardError ?? 0;
  return foretold.predicted * factor < errorOf(verified) - margin ? foretold : verified;
}

/** Median of verified over predicted error, at least 1. */
function optimism(points: readonly SearchPointView[]): number {
  const ratios = points
    .flatMap(({ predicted, verified }) => (verified && predicted > 0 ? [verified.error / predicted] : []))
    .sort((a, b) => a - b);
  return Math.max(1, ratios[Math.floor(ratios.length / 2)] ?? 1);
}

/** The first of the least: points come with the cheapest first. */
function leastBy(
  points: readonly SearchPointView[],
  key: (point: SearchPointView) => number,
): SearchPointView | undefined {
  return points.reduce<SearchPointView | undefined>(
    (best, point) => (best === undefined || key(point) < key(best) ? point : best),
    undefined,
  );
}

/** Why no plan can be chosen for a budget; undefined when one can. */
export function budgetProblem(found: Found, budget: Budget): string | undefined {
  const label = COST_LABELS[budget.cost].toLowerCase();
  if (!found.points.some((point) => costOf(point, budget.cost) !== null)) {
    return `The search did not tell the ${label} of its plans.`;
  }
  return budgetAmount(budget, found) === null ? `The float model’s ${label} is not known.` : undefined;
}

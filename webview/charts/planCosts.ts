/** What plans cost and lose, whichever cost is looked at. Pure. */
import type { SearchCost } from '../../src/core/searchResults';
import {
  formatBytes,
  formatCount,
  formatInteger,
  formatNumber,
  formatPercent,
  plural,
} from '../../src/shared/format';
import type { SearchPointView, SearchView } from '../../src/shared/viewRpc';
import { withError } from '../numberText';

export type Found = NonNullable<SearchView['found']>;

export const COST_LABELS: Readonly<Record<SearchCost, string>> = {
  bytes: 'File size',
  bops: 'Bit-operations',
  latency: 'Latency',
  floatLayers: 'Float layers',
};

export const METRIC_LABELS: Readonly<Record<Found['metric'], string>> = {
  kl: 'KL divergence',
  nmse: 'NMSE',
};

/** null: not known of this point. */
export function costOf(point: SearchPointView, cost: SearchCost): number | null {
  switch (cost) {
    case 'bytes':
      return point.bytes;
    case 'bops':
      return point.bops;
    case 'latency':
      return point.latencyMs;
    case 'floatLayers':
      return point.floatLayers;
  }
}

/** Of the float model; null: not known, or without meaning. */
export function floatCost({ float }: Pick<Found, 'float'>, cost: SearchCost): number | null {
  switch (cost) {
    case 'bytes':
      return float.bytes;
    case 'bops':
      return float.bops;
    case 'latency':
      return float.latencyMs;
    case 'floatLayers':
      return null;
  }
}

/** The error of the written file where it was run, else what the layers' single effects add up to. */
export function errorOf({ predicted, verified }: SearchPointView): number {
  return verified ? verified.error : predicted;
}

/** Costs that at least one point has, the goal's first where it has any. */
export function knownCosts({ points }: Pick<Found, 'points'>): SearchCost[] {
  const all: readonly SearchCost[] = ['bytes', 'bops', 'latency', 'floatLayers'];
  return all.filter((cost) => points.some((point) => costOf(point, cost) !== null));
}

/** What the axis shows: what the user chose, else what the goal bounds or lessens, as far as it is known. */
export function shownCost(found: Pick<Found, 'points' | 'goal'>, wanted: SearchCost | null): SearchCost {
  const known = knownCosts(found);
  return [wanted, found.goal.cost].find((cost) => cost !== null && known.includes(cost)) ?? 'bytes';
}

/** Points of which this cost is known, by it; the better one first where it is equal. */
export function byCost(points: readonly SearchPointView[], cost: SearchCost): SearchPointView[] {
  return points
    .filter((point) => costOf(point, cost) !== null)
    .sort(
      (a, b) => (costOf(a, cost) ?? 0) - (costOf(b, cost) ?? 0) || a.predicted - b.predicted || a.id - b.id,
    );
}

/** Those that no other beats in cost and predicted error; predictions alone, so that like is compared with like. */
export function frontOf(points: readonly SearchPointView[], cost: SearchCost): SearchPointView[] {
  let least = Infinity;
  return byCost(points, cost).filter(({ predicted }) => {
    const isBetter = predicted < least;
    if (isBetter) least = predicted;
    return isBetter;
  });
}

export function costText(value: number, cost: SearchCost): string {
  switch (cost) {
    case 'bytes':
      return formatBytes(value);
    case 'bops':
      return `${formatCount(value)} bit-operations`;
    case 'latency':
      return `${formatNumber(value)} ms`;
    case 'floatLayers':
      return plural(value, 'float layer');
  }
}

/** `26.5 % of float`; undefined where the float model's is not known. */
export function shareText(value: number, found: Pick<Found, 'float'>, cost: SearchCost): string | undefined {
  const whole = floatCost(found, cost);
  return whole === null || whole === 0 ? undefined : `${formatPercent(value / whole)} of float`;
}

/** `KL divergence 0.0031 ± 0.0004, verified on 200 samples`. */
export function errorText({ predicted, verified }: SearchPointView, metric: Found['metric']): string {
  const label = METRIC_LABELS[metric];
  if (!verified) return `${label} ${formatNumber(predicted)}, predicted`;
  const { error, standardError, samples } = verified;
  return `${label} ${withError(error, standardError)}, verified on ${plural(samples, 'sample')}`;
}

/** `12 × w4,block:32, 3 × w8a8`. */
export function formatsText({ formats }: SearchPointView): string {
  return formats.map(([format, count]) => `${formatInteger(count)} × ${format}`).join(', ');
}

/** The goal's limit on the axis of costs; null: it has none there. */
export function goalBudget(found: Pick<Found, 'goal' | 'float'>, cost: SearchCost): number | null {
  const { goal } = found;
  if (goal.kind !== 'budget' || goal.cost !== cost) return null;
  if (!goal.ratio) return goal.most;
  const whole = floatCost(found, cost);
  return whole === null ? null : goal.most * whole;
}

/** The goal's limit on the axis of errors; null: it has none there. An SQNR is that of the mean NMSE. */
export function goalErrorLimit({ goal, metric }: Pick<Found, 'goal' | 'metric'>): number | null {
  if (goal.kind !== 'cap') return null;
  if (goal.error === 'kl' && metric === 'kl') return goal.limit;
  if (goal.error === 'sqnr' && metric === 'nmse') return 10 ** (-goal.limit / 10);
  return null;
}

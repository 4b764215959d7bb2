/** What a group shows in its columns. Pure. */
import type { Candidate } from '../../src/core/results';
import type { ViewRow } from '../../src/shared/viewRpc';

export interface Totals {
  readonly layers: number;
  readonly parameters: number;
  readonly bytes: number;
  /** Of its layers in the written file; null when that of one is not known, or when layers share weights. */
  readonly predicted: number | null;
  /** null when no layer's is known. */
  readonly macs: number | null;
  /** Layers whose MACs are unknown, so that a sum is not taken for the whole. */
  readonly macsUnknown: number;
  /** `w8a8`, or `mixed` with how many there are of each. */
  readonly scheme: string;
  readonly schemeDetail: string;
  /**
   * The worst of its layers: effects of single layers do not add up. A guess only where nothing was measured; null when
   * there is neither.
   */
  readonly worst: Pick<Candidate, 'sensitivity' | 'standardError' | 'provisional'> | null;
}

/** What stands in the scheme column: the plan's scheme, or the stored type of a weight that is quantized already. */
export function shownScheme({ scheme, quantizable, isLayer, stored: format }: ViewRow): string {
  const stored = isLayer && !quantizable ? format?.badge : undefined;
  return stored !== undefined && !FLOAT_TYPES.has(stored) ? stored : scheme;
}

const FLOAT_TYPES: ReadonlySet<string> = new Set(['float', 'float16', 'bfloat16', 'double']);

/** Rows are never changed in place, so a group's totals are counted once and not at every scroll. */
const known = new WeakMap<readonly ViewRow[], Totals>();

export function totalsOf(rows: readonly ViewRow[]): Totals {
  const totals = known.get(rows) ?? countTotals(rows);
  known.set(rows, totals);
  return totals;
}

function countTotals(rows: readonly ViewRow[]): Totals {
  const own = withoutRepeats(rows);
  const layers = rows.filter((row) => row.isLayer);
  const macs = layers.map((row) => row.macs).filter((count) => count !== null);
  const counts = new Map<string, number>();
  for (const row of layers.length > 0 ? layers : rows) {
    const scheme = shownScheme(row);
    counts.set(scheme, (counts.get(scheme) ?? 0) + 1);
  }
  const [first] = counts.keys();
  return {
    layers: layers.length,
    parameters: sum(own.map(({ parameters }) => parameters)),
    bytes: sum(own.map(({ bytes }) => bytes)),
    predicted: predictedBytes(layers),
    macs: macs.length > 0 ? sum(macs) : null,
    macsUnknown: layers.length - macs.length,
    scheme: counts.size === 1 ? (first ?? '') : counts.size === 0 ? '' : 'mixed',
    schemeDetail: [...counts].map(([scheme, count]) => `${count} ${scheme}`).join(', '),
    worst: worstOf(layers.flatMap(({ candidate }) => (candidate ? [candidate] : []))),
  };
}

function worstOf(candidates: readonly Candidate[]): Totals['worst'] {
  const worst = candidates.reduce<Totals['worst']>(worseOf, null);
  if (!worst) return null;
  const { sensitivity, standardError, provisional } = worst;
  return { sensitivity, standardError, provisional };
}

/** What was measured counts before any guess, which has another unit; null, as a failure: nothing is known. */
export function worseOf(a: Totals['worst'], b: Totals['worst']): Totals['worst'] {
  if (!b || b.sensitivity === null) return a;
  if (!a || a.sensitivity === null) return b;
  const [isGuessA, isGuessB] = [a.provisional ?? false, b.provisional ?? false];
  if (isGuessA !== isGuessB) return isGuessA ? b : a;
  return b.sensitivity > a.sensitivity ? b : a;
}

function predictedBytes(layers: readonly ViewRow[]): number | null {
  if (layers.length === 0 || layers.some(({ shared }) => shared !== undefined)) return null;
  const known = layers.flatMap(({ predicted, scheme }) =>
    predicted?.planned === scheme ? [predicted.bytes] : [],
  );
  return known.length === layers.length ? sum(known) : null;
}

/**
 * What each row adds to a sum. `shared` is what rows before it in the whole model count: of a weight that two rows use
 * only that counts as repeated whose first user is among `rows`, so that the second one alone still counts whole.
 */
function withoutRepeats(rows: readonly ViewRow[]): { parameters: number; bytes: number }[] {
  const seen = new Set<string>();
  return rows.map(({ weight, parameters, bytes, shared }) => {
    const repeated = weight === null || seen.has(weight.name);
    if (weight) seen.add(weight.name);
    if (!shared || !repeated) return { parameters, bytes };
    return { parameters: parameters - shared.parameters, bytes: bytes - shared.bytes };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

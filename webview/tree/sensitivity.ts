/** What the sensitivity of a candidate says in words, and how long its bar is. Pure. */
import type { Candidate } from '../../src/core/results';
import { formatBytes, formatDb, formatInteger, formatNumber, formatPercent } from '../../src/shared/format';
import type { ScanView, ViewRow } from '../../src/shared/viewRpc';

export type Measured = ScanView['measured'];

/** What an empty and a full bar stand for. */
export interface BarScale {
  readonly low: number;
  readonly high: number;
}

/** Guesses have a unit of their own, so their bars have a scale of their own. */
export interface BarScales {
  readonly measured: BarScale;
  readonly guessed: BarScale;
}

/** Decibels have no zero that a bar could start from: the least noise gets a stub of this length. */
const DB_STUB = 6;

/** Scales on which the worst candidate, with its standard error, fills the bar. */
export function barScales(candidates: readonly Candidate[], measured: Measured): BarScales {
  const known = candidates.filter(({ sensitivity }) => sensitivity !== null);
  return {
    measured: scaleOf(
      known.filter(({ provisional }) => !provisional),
      measured?.metric === 'sqnr',
    ),
    guessed: scaleOf(
      known.filter(({ provisional }) => provisional),
      false,
    ),
  };
}

export function rowScales(rows: readonly ViewRow[], measured: Measured): BarScales {
  return barScales(
    rows.flatMap(({ candidate }) => (candidate ? [candidate] : [])),
    measured,
  );
}

function scaleOf(candidates: readonly Candidate[], decibels: boolean): BarScale {
  const values = candidates.map(({ sensitivity }) => sensitivity ?? 0);
  const ends = candidates.map(({ sensitivity, standardError }) => (sensitivity ?? 0) + (standardError ?? 0));
  const high = ends.reduce((a, b) => Math.max(a, b), decibels ? -Infinity : 0);
  return { low: decibels ? values.reduce((a, b) => Math.min(a, b), high) - DB_STUB : 0, high };
}

/** Share of the bar, 0 to 1, that a value fills. */
export function shareOf(value: number, { low, high }: BarScale): number {
  return high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0;
}

export function scaleFor({ provisional }: Pick<Candidate, 'provisional'>, scales: BarScales): BarScale {
  return provisional ? scales.guessed : scales.measured;
}

/** `0.0123`; guesses say so: `~0.0123`. */
export function sensitivityText({
  sensitivity,
  provisional,
}: Pick<Candidate, 'sensitivity' | 'provisional'>) {
  return sensitivity === null ? '' : `${provisional ? '~' : ''}${formatNumber(sensitivity)}`;
}

export const GUESS_LABEL = 'guess from the weight alone';

export const METRICS: Readonly<Record<NonNullable<Measured>['metric'], string>> = {
  kl: 'KL',
  nmse: 'NMSE',
  sqnr: 'noise over signal in dB',
  accuracy: 'loss of accuracy',
};

/** What the figures of a scan mean: metric, slice, samples, and that they are simulated. */
export function measuredLabel(measured: Measured): string {
  if (!measured) return 'Not measured';
  const { metric, slice, samples, partial, random } = measured;
  const parts = [
    METRICS[metric],
    `${slice} slice`,
    `${formatInteger(samples)} samples`,
    'simulated',
    ...(partial ? ['scan incomplete'] : []),
    ...(random ? ['random inputs'] : []),
  ];
  return parts.join(', ');
}

/** Everything known of a candidate, in sentences. */
export function candidateTitle(candidate: Candidate, measured: Measured): string {
  const { sensitivity, standardError, agreement, localSqnrDb, bytes, recover } = candidate;
  const scheme = recover === undefined ? candidate.scheme : `${candidate.scheme}, compensated (${recover})`;
  if (sensitivity === null) return `${scheme} failed: ${candidate.error ?? 'it could not be measured.'}`;
  const size = `${formatBytes(bytes)} as ${scheme}.`;
  if (candidate.provisional) {
    return `A ${GUESS_LABEL}: relative squared error ${sensitivity}, until the layer is measured. ${size}`;
  }
  const error =
    standardError === null || standardError === undefined
      ? ''
      : ` ± ${formatNumber(standardError)} standard error`;
  return [
    `${measuredLabel(measured)}: ${sensitivity}${error}.`,
    ...(typeof agreement === 'number' ? [`${formatPercent(agreement)} of top classes stay.`] : []),
    `SQNR at the layer's own output ${formatDb(localSqnrDb)}.`,
    size,
    ...(candidate.interaction ? [`Interaction. ${interactionText(candidate)}`] : []),
  ].join(' ');
}

/** Why a layer alone does not tell what it costs among others. */
export function interactionText({ restoring }: Pick<Candidate, 'restoring'>): string {
  const what = 'What it costs depends on what else is quantized.';
  return typeof restoring === 'number'
    ? `${what} With all layers quantized, keeping it float gains ${formatNumber(restoring)}.`
    : what;
}

/** Order of trust: what was measured, guesses, which have another unit, failures, and last what nobody tried. */
export function certainty(candidate: Candidate | null): number {
  if (!candidate) return 3;
  if (candidate.sensitivity === null) return 2;
  return candidate.provisional ? 1 : 0;
}

/** What became of each layer whose accuracy was recovered, as words and figures: the same ones in every place that tells of it. */
import type { RecoveredLayer, RecoverResult, TriedCorrection } from '../core/recoverResults';

export const RECOVERED_HEADER = ['layer', 'codes', 'nearest', 'recovered', 'corrections'];

/** One row for each layer: cells under `RECOVERED_HEADER`. */
export function recoveredRows({ layers }: RecoverResult): string[][] {
  return layers.map((layer) => [
    layer.name,
    layer.rule,
    errorText(layer.beforeDb),
    errorText(layer.afterDb),
    corrections(layer),
  ]);
}

function corrections({ tried, reason }: RecoveredLayer): string {
  return reason ? `none: it ${reason}` : tried.map(correctionText).join(', ');
}

function correctionText({ step, version, kept }: TriedCorrection): string {
  if (!kept) return `no ${step}`;
  return version ? `${step} (${version})` : step;
}

function errorText(decibels: number | null): string {
  return decibels === null ? '–' : `${decibels.toFixed(2)} dB`;
}

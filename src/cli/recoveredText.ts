import type { TriedCorrection } from '../core/recoverResults';
import type { QuantizeResult } from '../core/results';
import { table } from './text';

/** Lines on what became of each layer that was recovered: none where there was nothing to do. */
export function recoveredText({ recovered }: QuantizeResult): string[] {
  if (!recovered || recovered.layers.length === 0) return [];
  const rows = recovered.layers.map(({ name, rule, beforeDb, afterDb, tried }) => [
    name,
    rule,
    errorText(beforeDb),
    errorText(afterDb),
    tried.map(correctionText).join(', '),
  ]);
  return ['', table(['layer', 'codes', 'nearest', 'recovered', 'corrections'], rows, new Set([2, 3])), ''];
}

function correctionText({ step, version, kept }: TriedCorrection): string {
  if (!kept) return `no ${step}`;
  return version ? `${step} (${version})` : step;
}

function errorText(decibels: number | null): string {
  return decibels === null ? '–' : `${decibels.toFixed(2)} dB`;
}

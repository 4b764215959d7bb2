import type { SearchGoal } from '../core/searchResults';
import { formatBytes, formatCount, formatNumber, formatPercent, plural } from './format';

/** What a search is for, as a part of a sentence: `at most 40.0 % of the bytes`. */
export function goalText(goal: SearchGoal): string {
  if (goal.kind === 'cap') {
    const { error, limit } = goal;
    if (error === 'kl') return `a KL divergence up to ${formatNumber(limit)}`;
    if (error === 'sqnr') return `an SQNR from ${formatNumber(limit)} dB`;
    if (error === 'agreement') return `an agreement from ${formatPercent(limit)}`;
    return `an accuracy drop up to ${formatPercent(limit)}`;
  }
  const { cost, most, ratio } = goal;
  if (ratio) return `at most ${formatPercent(most)} of the ${ratioNames[cost]}`;
  if (cost === 'bytes') return `at most ${formatBytes(most)}`;
  if (cost === 'bops') return `at most ${formatCount(most)} bit-operations`;
  if (cost === 'latency') return `at most ${formatNumber(most)} ms`;
  return `at most ${plural(most, 'float layer')}`;
}

const ratioNames = {
  bytes: 'bytes',
  bops: 'bit-operations',
  latency: 'latency',
  floatLayers: 'layers in float',
};

import type { SearchGoal, SearchResult } from '../core/searchResults';
import { formatBytes, formatCount, formatNumber, formatPercent, plural } from './format';

/** What a search is for: `least KL divergence with at most 40.0 % of the bytes`. */
export function aimText({ goal, metric }: Pick<SearchResult, 'goal' | 'metric'>): string {
  const least = goal.kind === 'cap' ? costNames[goal.cost] : metric === 'kl' ? 'KL divergence' : 'NMSE';
  return `least ${least} with ${goalText(goal)}`;
}

/** The limit that a search keeps to, as a part of a sentence: `at most 40.0 % of the bytes`. */
export function goalText(goal: SearchGoal): string {
  if (goal.kind === 'cap') {
    const { error, limit } = goal;
    if (error === 'kl') return `a KL divergence up to ${formatNumber(limit)}`;
    if (error === 'sqnr') return `an SQNR from ${formatNumber(limit)} dB`;
    if (error === 'agreement') return `an agreement from ${formatPercent(limit)}`;
    return `an accuracy drop up to ${formatPercent(limit)}`;
  }
  const { cost, most, ratio } = goal;
  if (ratio)
    return `at most ${formatPercent(most)} of the ${cost === 'floatLayers' ? 'layers in float' : costNames[cost]}`;
  if (cost === 'bytes') return `at most ${formatBytes(most)}`;
  if (cost === 'bops') return `at most ${formatCount(most)} bit-operations`;
  if (cost === 'latency') return `at most ${formatNumber(most)} ms`;
  return `at most ${plural(most, 'float layer')}`;
}

const costNames = { bytes: 'bytes', bops: 'bit-operations', latency: 'latency' };

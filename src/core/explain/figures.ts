/** Figures in the sentences of an explanation. */
import type { ScanMetric } from '../results';

export function percent(share: number): string {
  const figure = 100 * share;
  return `${figure >= 10 || figure === 0 ? Math.round(figure) : Number(figure.toPrecision(1))} %`;
}

export function decibels(sqnrDb: number): string {
  return `${sqnrDb.toFixed(1)} dB`;
}

/** `24 times`, `3.1 times`. */
export function times(factor: number): string {
  return `${factor >= 10 ? Math.round(factor) : factor.toFixed(1)} times`;
}

/** Of an effect on the outputs, in the unit of the metric. */
export function effect(value: number, metric: ScanMetric): string {
  if (metric === 'sqnr') return decibels(value);
  if (metric === 'accuracy') return percent(value);
  return value === 0 ? '0' : value.toExponential(1);
}

const thousands = new Intl.NumberFormat('en-US');

/** `for 1,024 bytes more (+50 %)`. */
export function costInBytes(before: number, after: number): string {
  const difference = after - before;
  if (difference === 0) return 'for the same bytes';
  const share = before > 0 ? ` (${difference > 0 ? '+' : '−'}${percent(Math.abs(difference) / before)})` : '';
  const amount = thousands.format(Math.abs(difference));
  return `for ${amount} ${amount === '1' ? 'byte' : 'bytes'} ${difference > 0 ? 'more' : 'less'}${share}`;
}

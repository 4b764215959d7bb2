/** The numbers behind the chart of channel errors. Pure. */
import type { ChannelErrorColumns } from '../../src/core/inspectorResults';
import { formatInteger, formatPercent } from '../../src/shared/format';
import { channelText } from './channelRows';

/** One channel, or neighbours together where there are too many to show. */
export interface ChannelErrorRow {
  readonly first: number;
  readonly last: number;
  /** Parts of the squared error of all rows. */
  readonly clipping: number;
  readonly rounding: number;
  readonly share: number;
  /** Of the row alone; null: no error, or nothing but zeros. */
  readonly sqnrDb: number | null;
}

/** @param isSorted by share, the greatest first; else in the order of the tensor. */
export function channelErrorRows(columns: ChannelErrorColumns, isSorted: boolean): ChannelErrorRow[] {
  const { perRow, channels, first, energy, clipping, rounding } = columns;
  const whole = sumOf(clipping) + sumOf(rounding) || 1;
  const rows = first.map((channel, row) => {
    const [clipped = 0, rounded = 0] = [clipping[row], rounding[row]];
    const noise = clipped + rounded;
    const signal = energy[row] ?? 0;
    return {
      first: channel,
      last: perRow === 1 ? channel : (first[row + 1] ?? channels) - 1,
      clipping: clipped / whole,
      rounding: rounded / whole,
      share: noise / whole,
      sqnrDb: noise > 0 && signal > 0 ? 10 * Math.log10(signal / noise) : null,
    };
  });
  return isSorted ? rows.sort((a, b) => b.share - a.share || a.first - b.first) : rows;
}

/** Channels named as those with most of the error. */
const NAMED = 3;

/** How the error divides, in words. */
export function errorText(columns: ChannelErrorColumns): string {
  const [clipping, rounding] = [sumOf(columns.clipping), sumOf(columns.rounding)];
  const whole = clipping + rounding;
  if (whole === 0) return 'The format holds every value exactly: no channel has an error.';
  const worst = channelErrorRows(columns, true).slice(0, NAMED);
  const share = worst.reduce((sum, row) => sum + row.share, 0);
  const parts = `Clipping makes ${formatPercent(clipping / whole)} of the squared error, rounding ${formatPercent(rounding / whole)}.`;
  if (columns.first.length <= NAMED) return parts;
  return `${parts} Most is in channels ${worst.map(channelText).join(', ')}: ${formatPercent(share)} in ${worst.length} of ${formatInteger(columns.first.length)}.`;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

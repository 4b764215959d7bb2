/** The numbers behind the chart of channels. Pure. */
import type { ChannelBoxes, DecidingChannel, StepSizes } from '../../src/core/inspectorResults';
import { formatInteger, formatNumber, formatPercent } from '../../src/shared/format';

/** One channel, or neighbours together where there are too many to show. */
export interface ChannelRow {
  readonly first: number;
  readonly last: number;
  readonly min: number;
  readonly low: number;
  readonly median: number;
  readonly high: number;
  readonly max: number;
  readonly magnitude: number;
  readonly step: number;
}

/** @param isSorted by magnitude, the greatest first; else in the order of the tensor. */
export function channelRows(boxes: ChannelBoxes, steps: StepSizes | null, isSorted: boolean): ChannelRow[] {
  const rows = boxes.min.map((min, row) => {
    const first = row * boxes.perRow;
    const max = boxes.max[row] ?? 0;
    return {
      first,
      last: Math.min(boxes.channels, first + boxes.perRow) - 1,
      min,
      low: boxes.low[row] ?? 0,
      median: boxes.median[row] ?? 0,
      high: boxes.high[row] ?? 0,
      max,
      magnitude: Math.max(Math.abs(min), Math.abs(max)),
      step: steps?.perChannel[row] ?? 0,
    };
  });
  return isSorted ? rows.sort((a, b) => b.magnitude - a.magnitude || a.first - b.first) : rows;
}

/** `13`, or `12–15` for channels together. */
export function channelText({ first, last }: Pick<ChannelRow, 'first' | 'last'>): string {
  return first === last ? formatInteger(first) : `${formatInteger(first)}–${formatInteger(last)}`;
}

/** A range that shrinks by less than this without a channel is not decided by it. */
const DECIDING_SHARE = 0.01;

/** Which channels the range of the whole tensor is due to, in words. */
export function decidingText(deciding: readonly DecidingChannel[]): string {
  const [first, ...others] = deciding;
  if (!first || first.magnitude === 0) return 'All channels are zero.';
  const widest = others.filter(({ magnitude }) => magnitude > 0).map(named);
  const less = 1 - first.without / first.magnitude;
  if (widest.length === 0 && less === 1) return `Channel ${named(first)} decides the per-tensor range alone.`;
  if (less < DECIDING_SHARE) {
    return `No channel decides the per-tensor range alone. The widest are ${[named(first), ...widest].join(', ')}.`;
  }
  const without = `without it, it would be ±${formatNumber(first.without)} (${formatPercent(less)} less)`;
  const next = widest.length > 0 ? ` Then come ${widest.join(', ')}.` : '';
  return `Channel ${named(first)} decides the per-tensor range: ${without}.${next}`;
}

function named({ channel, magnitude }: DecidingChannel): string {
  return `${formatInteger(channel)} (±${formatNumber(magnitude)})`;
}

/** What a step per channel gains, in words. */
export function stepsText({ bits, perTensor, perChannel, gainDb }: StepSizes): string {
  const steps = perChannel.filter((step) => step > 0);
  if (gainDb === null || steps.length === 0) return 'The weight is zero.';
  const [least, most] = [Math.min(...steps), Math.max(...steps)].map(formatNumber);
  const channels = least === most ? `${most}` : `${least} … ${most}`;
  return `Step at ${bits} bits: ${formatNumber(perTensor)} per tensor, ${channels} per channel. Steps per channel make rounding noise ${gainDb.toFixed(1)} dB less.`;
}

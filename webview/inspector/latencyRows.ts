/** What a layer takes in each scheme, in the order in which it is shown. Pure. */
import { parseFormat } from '../../src/core/quant/layerFormat';
import { labelsOf } from '../../src/core/quant/schemeCatalog';
import { formatNumber } from '../../src/shared/format';
import type { LayerLatencyView } from '../../src/shared/viewRpc';

export interface LatencyRow {
  readonly scheme: string;
  /** Milliseconds of the layer; null: only the difference to float is known. */
  readonly milliseconds: number | null;
  /** Milliseconds more than in float. */
  readonly extra: number;
  /** Of the slowest scheme shown. */
  readonly share: number;
  /** The runtime computes it in float: nothing is promised. */
  readonly isNoSpeedUp: boolean;
}

/** The fastest first. @param op the layer's operator. */
export function latencyRows({ floatMs, extraMs }: LayerLatencyView, op: string): LatencyRow[] {
  const all = [['float', 0] as const, ...Object.entries(extraMs)];
  // Shares of noise can be more than the layer takes.
  const timeOf = (extra: number): number | null => (floatMs === null ? null : Math.max(0, floatMs + extra));
  const slowest = Math.max(0, ...all.map(([, extra]) => timeOf(extra) ?? 0));
  return all
    .map(([scheme, extra]) => ({
      scheme,
      extra,
      milliseconds: timeOf(extra),
      share: slowest > 0 ? (timeOf(extra) ?? 0) / slowest : 0,
      isNoSpeedUp: isNoSpeedUp(scheme, op),
    }))
    .sort((a, b) => a.extra - b.extra);
}

function isNoSpeedUp(scheme: string, op: string): boolean {
  const format = parseFormat(scheme);
  return !('mistake' in format) && labelsOf(format, op).includes('no speed-up');
}

/** `+0.12`, `−0.3`; `±0` for float. */
export function differenceText(extra: number): string {
  if (extra === 0) return '±0';
  return `${extra > 0 ? '+' : '−'}${formatNumber(Math.abs(extra))}`;
}

/** What the error of a weight does to the layer's own output, from what a scan measured of the layer. Pure. */
import { withoutFixedRange } from '../../src/core/quant/fixedRange';
import { formatText, parseFormat, type LayerFormat } from '../../src/core/quant/layerFormat';
import type { Candidate } from '../../src/core/results';
import type { CurvePoint } from '../charts/errorSplitScales';

export interface LayerForecast {
  /** Noise over signal at the output for that of rounding in the weight. */
  readonly gain: number;
  /** Noise over signal at the output that comes from activations. */
  readonly others: number;
}

/**
 * Rounding errors of weights are independent, so that the layer passes on a share of them that hardly depends on the range: the
 * one measured with the range that the format chooses by itself. Clipping errors are not: they count as they are.
 * @param scheme the row's.
 * @param plannedDb SQNR of the weight in it, with the range that it chooses by itself.
 * @returns undefined where the scan did not measure the format, or its weights by themselves (16-bit activations are as good).
 */
export function layerForecast(
  scheme: string,
  plannedDb: number | null,
  candidates: readonly Candidate[],
): LayerForecast | undefined {
  const parsed = parseFormat(scheme);
  if ('mistake' in parsed || plannedDb === null) return undefined;
  const { forced, ...format } = withoutFixedRange(parsed);
  const measured = (wanted: LayerFormat): number | undefined => {
    const text = formatText(wanted);
    const found = candidates.find(
      (each) => each.scheme === text && !each.part && !each.recover && !each.provisional,
    );
    const db = found?.localSqnrDb ?? null;
    return db === null ? undefined : powerOf(-db);
  };
  const isStatic = format.scheme === 'w8a8' || format.scheme === 'w8a16';
  const whole = measured(forced ? { ...format, forced } : format);
  const alone = isStatic
    ? (measured({ ...format, scheme: 'w8' }) ?? measured({ ...format, scheme: 'w8a16' }))
    : whole;
  if (whole === undefined || alone === undefined) return undefined;
  return { gain: alone / powerOf(-plannedDb), others: Math.max(0, whole - alone) };
}

/** SQNR at the layer's output in dB; null: no error. */
export function foretoldDb(
  { gain, others }: LayerForecast,
  { clippingDb, roundingDb }: Pick<CurvePoint, 'clippingDb' | 'roundingDb'>,
): number | null {
  const noise =
    others +
    (clippingDb === null ? 0 : powerOf(clippingDb)) +
    (roundingDb === null ? 0 : gain * powerOf(roundingDb));
  return noise > 0 ? -10 * Math.log10(noise) : null;
}

function powerOf(db: number): number {
  return 10 ** (db / 10);
}

/** How strongly a sensitivity colours a shape of the overview. Pure. */
import type { ViewRow } from '../../src/shared/viewRpc';
import { barScales, shareOf, type BarScales, type Measured } from '../tree/sensitivity';
import type { Totals } from '../tree/totals';

/** Of a heat: each has a colour. The filled height tells the same without colours. */
export type HeatStep = 1 | 2 | 3 | 4 | 5;

export interface Heat {
  /** 0 to 1, 1 being the worst layer of the model. */
  readonly share: number;
  readonly step: HeatStep;
  /** From the weight alone. */
  readonly isGuess: boolean;
}

/** Powers of ten below the worst that can be told apart: sensitivities of one model differ by as much. */
export const HEAT_DECADES = 3;

/** Scales on which the worst layer itself, without its standard error, has the strongest colour. */
export function heatScales(rows: readonly ViewRow[], measured: Measured): BarScales {
  const candidates = rows.flatMap(({ candidate }) =>
    candidate ? [{ ...candidate, standardError: null }] : [],
  );
  return barScales(candidates, measured);
}

/** null: nothing is known. Figures in decibels are logarithms already. */
export function heatOf(worst: Totals['worst'], scales: BarScales, measured: Measured): Heat | null {
  if (!worst || worst.sensitivity === null) return null;
  const { sensitivity } = worst;
  const isGuess = worst.provisional ?? false;
  const scale = isGuess ? scales.guessed : scales.measured;
  const isDecibels = !isGuess && measured?.metric === 'sqnr';
  const share = isDecibels ? shareOf(sensitivity, scale) : logShare(sensitivity, scale.high);
  const step = Math.max(1, Math.min(5, Math.ceil(share * 5))) as HeatStep;
  return { share, step, isGuess };
}

function logShare(value: number, high: number): number {
  if (value <= 0 || high <= 0) return 0;
  return Math.max(0, Math.min(1, 1 + Math.log10(value / high) / HEAT_DECADES));
}

/** Figures with their uncertainty. Pure. */
import { formatNumber } from '../src/shared/format';

/** `0.0123 ± 0.00085`: an uncertainty has two digits. Without one, the figure alone. */
export function withError(value: number, standardError: number | null | undefined): string {
  if (standardError === null || standardError === undefined) return formatNumber(value);
  return `${formatNumber(value)} ± ${formatNumber(Number(standardError.toPrecision(2)))}`;
}

import { formatInteger } from '../../src/shared/format';

/**
 * How many rows the filter leaves, and that rows are still to come; empty when all rows are shown.
 * @param total rows that would be shown without a filter.
 */
export function rowCountText(shown: number, total: number, isComplete: boolean): string {
  const all = formatInteger(total);
  if (isComplete) return shown === total ? '' : `${formatInteger(shown)} of ${all}`;
  const first = shown === total ? `First ${all}` : `${formatInteger(shown)} of the first ${all}`;
  return `${first}, reading the rest…`;
}

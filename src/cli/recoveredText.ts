import type { QuantizeResult } from '../core/results';
import { RECOVERED_HEADER, recoveredRows } from '../shared/recoveredRows';
import { table } from './text';

/** Lines on what became of each layer that was recovered: none where there was nothing to do. */
export function recoveredText({ recovered }: QuantizeResult): string[] {
  if (!recovered || recovered.layers.length === 0) return [];
  return ['', table(RECOVERED_HEADER, recoveredRows(recovered), new Set([2, 3])), ''];
}

/** What is said of a row's scheme wherever it is shown. Pure. */
import { parseRowFormat } from '../src/core/quant/layerFormat';
import { labelsOf, type SchemeLabel } from '../src/core/quant/schemeCatalog';
import { formatBytes } from '../src/shared/format';
import type { ViewRow } from '../src/shared/viewRpc';

/**
 * The labels of the scheme that a layer has; none for nodes without a weight.
 * @param isCompensated whether the plan makes up for the errors of weights.
 */
export function rowLabels({ scheme, op, isLayer }: ViewRow, isCompensated: boolean): RowLabel[] {
  if (!isLayer) return [];
  const format = parseRowFormat(scheme);
  if ('mistake' in format || format.scheme === 'auto') return [];
  return labelsOf(format, op).map((label) =>
    label === 'needs compensation' && isCompensated ? 'compensated' : label,
  );
}

/** A scheme that needs compensation has it where the plan says so. */
export type RowLabel = SchemeLabel | 'compensated';

/** `78.4 kB → 20.1 kB with w8`; undefined when nothing is foretold for the scheme that the row has now. */
export function predictedText({ bytes, scheme, predicted }: ViewRow): string | undefined {
  if (!predicted || predicted.planned !== scheme) return undefined;
  // The plan's options are not repeated in what was written.
  const isAsPlanned = scheme.split(',')[0] === predicted.scheme;
  const how = isAsPlanned ? `with ${scheme}` : `as ${predicted.scheme}, not ${scheme}: see the plan’s notes`;
  return `${formatBytes(bytes)} → ${formatBytes(predicted.bytes)} ${how}`;
}

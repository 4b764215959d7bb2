/** What `roundoff compare --layers` prints. */
import type { LayerComparison, LayerDifference, ValueDifference } from '../core/compareResults';
import { csvLine } from '../shared/csv';
import { decibelText, table } from './text';

/** A line per layer in the order of computation. */
export function layerTable({ layers, unmatched, samples }: LayerComparison): string {
  const rows = layers.map(({ layer, op, accumulated, local, reason }) => [
    layer,
    op,
    differenceText(accumulated),
    differenceText(local),
    reason ?? '',
  ]);
  const lines = [
    table(['layer', 'op', 'accumulated', 'alone', ''], rows, new Set([2, 3])),
    '',
    `SQNR of what each layer gives, ${samples} samples, quantization simulated: with the errors of all layers before it, and alone, fed with what a gives.`,
    ...unmatched.a.map(({ layer, reason }) => `not compared: ${layer} of a. ${reason}`),
    ...unmatched.b.map(({ layer, reason }) => `not compared: ${layer} of b. ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}

function differenceText(difference: ValueDifference | null): string {
  return difference === null ? 'unknown' : decibelText(difference.sqnrDb);
}

/** RFC 4180, a line per layer; an SQNR is empty where nothing differs, its NMSE is 0 then. */
export function layerCsv({ layers }: Pick<LayerComparison, 'layers'>): string {
  const header = [
    'layer',
    'op',
    'a_nodes',
    'a_value',
    'b_nodes',
    'b_value',
    ...columns('accumulated'),
    ...columns('local'),
    'reason',
  ];
  return [header, ...layers.map(cells)].map(csvLine).join('');
}

const columns = (kind: string): string[] =>
  ['sqnr_db', 'nmse', 'cosine', 'max_abs'].map((name) => `${kind}_${name}`);

function cells({
  layer,
  op,
  a,
  b,
  accumulated,
  local,
  reason,
}: LayerDifference): (string | number | null | undefined)[] {
  const figures = (difference: ValueDifference | null) => [
    difference?.sqnrDb,
    difference?.nmse,
    difference?.cosine,
    difference?.maxAbs,
  ];
  return [
    layer,
    op,
    a.nodes.join(' '),
    a.value,
    b.nodes.join(' '),
    b.value,
    ...figures(accumulated),
    ...figures(local),
    reason,
  ];
}

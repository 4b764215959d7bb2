import { csvLine } from '../../src/shared/csv';
import { formatShape } from '../../src/shared/format';
import type { ViewRow } from '../../src/shared/viewRpc';

const HEADER = [
  'name',
  'op',
  'weight',
  'dtype',
  'parameters',
  'bytes',
  'predicted_bytes',
  'macs',
  'scheme',
  'sensitivity',
  'standard_error',
];

/** Rows of the layer tree with exact figures; what is unknown, or only guessed, is empty. */
export function layersCsv(rows: readonly ViewRow[]): string {
  const lines = rows.map(({ name, op, weight, parameters, bytes, predicted, macs, scheme, candidate }) => {
    const measured = candidate?.provisional ? null : candidate;
    return [
      name,
      op,
      weight && formatShape(weight.shape),
      weight?.dtype,
      parameters,
      bytes,
      predicted?.planned === scheme ? predicted.bytes : null,
      macs,
      scheme,
      measured?.sensitivity,
      measured?.standardError,
    ];
  });
  return [HEADER, ...lines].map(csvLine).join('');
}

import { type ComponentChildren, render } from 'preact';
import { csvLine } from '../../src/shared/csv';

/** A table as CSV, as it is shown; it need not be on the screen. */
export function tableCsv(table: ComponentChildren): string {
  const place = document.createElement('div');
  render(table, place);
  const rows = [...place.querySelectorAll('tr')].map((row) =>
    [...row.cells].map((cell) => (cell.textContent ?? '').replaceAll(/\s+/g, ' ').trim()),
  );
  render(null, place);
  return rows.map(csvLine).join('');
}

import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { ExportButton } from '../export/ExportButton';
import { curvePoints } from './errorSplitScales';
import { rangeText } from './rangeText';

/** Of the thresholds of the chart; between them the figures hardly change. */
const EVERY = 4;

/** The same figures as the chart's, for those who cannot or do not want to see it. */
export function ErrorSplitTable({ curve }: { curve: ErrorSplitCurve }) {
  const db = (value: number | null): string => (value === null ? 'none' : value.toFixed(1));
  const points = curvePoints(curve);
  const shown = points.filter((_, index) => (points.length - 1 - index) % EVERY === 0);
  const table = (
    <table>
      <thead>
        <tr>
          <th scope="col">Range</th>
          <th scope="col">Clipping, dB</th>
          <th scope="col">Rounding, dB</th>
          <th scope="col">Total, dB</th>
          <th scope="col">Codes</th>
        </tr>
      </thead>
      <tbody>
        {shown.map((point) => (
          <tr key={point.threshold}>
            <th scope="row">{rangeText(curve, point.threshold)}</th>
            <td>{db(point.clippingDb)}</td>
            <td>{db(point.roundingDb)}</td>
            <td>{db(point.totalDb)}</td>
            <td>{point.codes}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
  return (
    <div class="twin-row">
      <details class="twin">
        <summary>Curves as a table</summary>
        <div class="table-scroll" tabIndex={0} role="region" aria-label="Error by range">
          {table}
        </div>
      </details>
      <ExportButton title="Error by range" table={() => table} />
    </div>
  );
}

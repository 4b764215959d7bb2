import type { ErrorSplitCurve } from '../../src/core/results';
import { formatNumber } from '../../src/shared/format';
import { ruleLabel } from './errorSplitChart';
import { curvePoints } from './errorSplitScales';

/** The same figures as the chart's, for those who cannot or do not want to see it. */
export function ErrorSplitTable({ curve }: { curve: ErrorSplitCurve }) {
  const db = (value: number | null): string => (value === null ? 'none' : value.toFixed(1));
  return (
    <details class="twin">
      <summary>Figures as a table</summary>
      <p>
        Ranges:{' '}
        {curve.markers
          .map(({ rule, threshold }) => `${ruleLabel(rule)} ±${formatNumber(threshold)}`)
          .join(', ') || 'none'}
        .
      </p>
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Error by range">
        <table>
          <thead>
            <tr>
              <th scope="col">Range ±a</th>
              <th scope="col">Clipping, dB</th>
              <th scope="col">Rounding, dB</th>
              <th scope="col">Total, dB</th>
            </tr>
          </thead>
          <tbody>
            {curvePoints(curve).map((point) => (
              <tr key={point.threshold}>
                <th scope="row">{formatNumber(point.threshold)}</th>
                <td>{db(point.clippingDb)}</td>
                <td>{db(point.roundingDb)}</td>
                <td>{db(point.totalDb)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

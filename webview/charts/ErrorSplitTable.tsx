import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { curvePoints } from './errorSplitScales';
import { rangeText } from './rangeText';

/** Of the thresholds of the chart; between them the figures hardly change. */
const EVERY = 4;

/** The same figures as the chart's, for those who cannot or do not want to see it. */
export function ErrorSplitTable({ curve }: { curve: ErrorSplitCurve }) {
  const db = (value: number | null): string => (value === null ? 'none' : value.toFixed(1));
  const points = curvePoints(curve);
  const shown = points.filter((_, index) => (points.length - 1 - index) % EVERY === 0);
  return (
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
}

import { scaleLinear, type ScaleLinear } from 'd3-scale';
import type { ChannelErrorColumns } from '../../src/core/inspectorResults';
import { formatPercent } from '../../src/shared/format';
import { channelErrorRows, errorText, type ChannelErrorRow } from './channelErrorRows';
import { channelText } from './channelRows';
import { PLOT_LEFT, PLOT_RIGHT, PLOT_WIDTH, round } from './plot';

const HEIGHT = 152;
const TOP = 18;
const GROUND = 116;

interface ChannelErrorsProps {
  columns: ChannelErrorColumns;
  isSorted: boolean;
}

/** Each channel's share of a weight's squared error: clipping below, rounding on top of it. Pure. */
export function ChannelErrorsChart({ columns, isSorted }: ChannelErrorsProps) {
  const rows = channelErrorRows(columns, isSorted);
  const x = scaleLinear([0, Math.max(1, rows.length)], [PLOT_LEFT, PLOT_RIGHT]);
  const most = rows.reduce((greatest, { share }) => Math.max(greatest, share), 0);
  const y = scaleLinear([0, most || 1], [GROUND, TOP]);
  const even = rows.length > 0 ? 1 / rows.length : 0;
  const ticks = x.ticks(6).filter((column) => Number.isInteger(column) && column < rows.length);
  const middle = (PLOT_LEFT + PLOT_RIGHT) / 2;
  return (
    <svg
      class="plot channel-errors"
      viewBox={`0 0 ${PLOT_WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Error by channel. ${errorText(columns)} The table below has the figures.`}
    >
      <g class="axis">
        {y.ticks(4).map((tick) => (
          <>
            <line class="gridline" x1={PLOT_LEFT} x2={PLOT_RIGHT} y1={round(y(tick))} y2={round(y(tick))} />
            <text x={PLOT_LEFT - 4} y={round(y(tick) + 3)} text-anchor="end">
              {Number((100 * tick).toPrecision(3))}
            </text>
          </>
        ))}
        <line x1={PLOT_LEFT} x2={PLOT_RIGHT} y1={GROUND} y2={GROUND} />
        <text x={4} y={10}>
          % of the squared error
        </text>
        {/* Sorted, numbers in equal distances would say nothing. */}
        {!isSorted &&
          ticks.map((column) => (
            <text x={round(x(column + 0.5))} y={GROUND + 13} text-anchor="middle">
              {rows[column]?.first ?? column}
            </text>
          ))}
        <text x={middle} y={GROUND + (isSorted ? 14 : 27)} text-anchor="middle">
          {isSorted ? 'channels, the greatest error first' : 'channel'}
        </text>
      </g>
      <path class="part rounding" d={columnsPath(rows, x, y, 'clipping', 'share')} />
      <path class="part clipping" d={columnsPath(rows, x, y, undefined, 'clipping')} />
      {even < most && (
        <line class="even" x1={PLOT_LEFT} x2={PLOT_RIGHT} y1={round(y(even))} y2={round(y(even))} />
      )}
    </svg>
  );
}

/** One shape for all columns, with a gap between them where there is room; columns of nothing are left out. */
function columnsPath(
  rows: readonly ChannelErrorRow[],
  x: ScaleLinear<number, number>,
  y: ScaleLinear<number, number>,
  from: 'clipping' | undefined,
  to: 'share' | 'clipping',
): string {
  const gap = x(1) - x(0) > 3 ? 0.5 : 0;
  return rows
    .map((row, column) => {
      const bottom = round(y(from === undefined ? 0 : row[from]));
      const top = round(y(row[to]));
      return top === bottom
        ? ''
        : `M${round(x(column) + gap)} ${bottom}V${top}H${round(x(column + 1) - gap)}V${bottom}Z`;
    })
    .join('');
}

/** The same figures, a row for each channel. Pure. */
export function ChannelErrorsTable({ columns, isSorted }: ChannelErrorsProps) {
  const rows = channelErrorRows(columns, isSorted);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Channel</th>
          <th scope="col">Of the error</th>
          <th scope="col">Clipping</th>
          <th scope="col">Rounding</th>
          <th scope="col">SQNR, dB</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.first}>
            <th scope="row">{channelText(row)}</th>
            <td>{formatPercent(row.share)}</td>
            <td>{formatPercent(row.clipping)}</td>
            <td>{formatPercent(row.rounding)}</td>
            <td>{row.sqnrDb?.toFixed(1) ?? (row.share === 0 ? 'exact' : 'none')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

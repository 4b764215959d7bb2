import { scaleLinear, type ScaleLinear } from 'd3-scale';
import type { ChannelBoxes, StepSizes } from '../../src/core/inspectorResults';
import { tickLabels } from '../../src/shared/charts/ticks';
import { formatInteger, formatNumber } from '../../src/shared/format';
import { channelRows, channelText, decidingText, type ChannelRow } from './channelRows';
import { PLOT_LEFT, PLOT_RIGHT, PLOT_WIDTH, round } from './plot';

const HEIGHT = 226;
const TOP = 20;
const RANGES_GROUND = 128;
const STEPS_TOP = 152;
const STEPS_GROUND = 194;
/** More rows than this are drawn as bands: boxes would be too narrow to see. */
const MOST_BOXES = 64;
/** Channels that get a pointer. */
const POINTED = 3;

interface ChannelsChartProps {
  channels: ChannelBoxes;
  steps: StepSizes | null;
  isSorted: boolean;
}

/**
 * The range of each channel, and below it the step that it would have of its own against the one for all. Pure.
 * Ranges: whisker from least to greatest, box from 1st to 99th percentile, tick at the median.
 */
export function ChannelsChart({ channels, steps, isSorted }: ChannelsChartProps) {
  const rows = channelRows(channels, steps, isSorted);
  const x = scaleLinear([0, Math.max(1, rows.length)], [PLOT_LEFT, PLOT_RIGHT]);
  const low = Math.min(0, ...rows.map(({ min }) => min));
  const high = Math.max(0, ...rows.map(({ max }) => max));
  const y = scaleLinear(low < high ? [low, high] : [-1, 1], [RANGES_GROUND, TOP]);
  const ticks = y.ticks(4);
  const labels = tickLabels(ticks);
  const pointed = channels.deciding.slice(0, POINTED).filter(({ magnitude }) => magnitude > 0);
  const columnOf = (channel: number): number =>
    rows.findIndex(({ first, last }) => channel >= first && channel <= last);
  return (
    <svg
      class="plot channels"
      viewBox={`0 0 ${PLOT_WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={channelsSummary(channels)}
    >
      <g class="axis">
        {ticks.map((tick, at) => (
          <>
            <line class="gridline" x1={PLOT_LEFT} x2={PLOT_RIGHT} y1={round(y(tick))} y2={round(y(tick))} />
            <text x={PLOT_LEFT - 4} y={round(y(tick) + 3)} text-anchor="end">
              {labels[at]}
            </text>
          </>
        ))}
      </g>
      {rows.length <= MOST_BOXES ? (
        <Boxes rows={rows} x={x} y={y} />
      ) : (
        <>
          <path class="band whole" d={bandPath(rows, x, y, 'min', 'max')} />
          <path class="band middle" d={bandPath(rows, x, y, 'low', 'high')} />
          <path class="median" d={stepPath(rows, x, (row) => y(row.median))} />
        </>
      )}
      <g class="pointers">
        {pointed.map(({ channel }, place) => {
          const column = columnOf(channel);
          const at = round(x(column + 0.5));
          const tip = round(y(Math.max(0, rows[column]?.max ?? 0)) - 2);
          return (
            <>
              <path d={`M${at} ${tip}l-3.5 -6h7z`} />
              {/* The names of the others could cover this one; the text below has them. */}
              {place === 0 && (
                <text x={at} y={tip - 8} text-anchor="middle">
                  {channel}
                </text>
              )}
            </>
          );
        })}
      </g>
      {steps && <Steps rows={rows} x={x} steps={steps} />}
      <ChannelAxis rows={rows} x={x} isSorted={isSorted} />
    </svg>
  );
}

interface PartProps {
  rows: readonly ChannelRow[];
  x: ScaleLinear<number, number>;
}

function Boxes({ rows, x, y }: PartProps & { y: ScaleLinear<number, number> }) {
  return (
    <g class="boxes">
      {rows.map(({ min, low, median, high, max }, column) => {
        const center = round(x(column + 0.5));
        const [from, to] = [round(x(column + 0.15)), round(x(column + 0.85))];
        return (
          <>
            <line class="whisker" x1={center} x2={center} y1={round(y(max))} y2={round(y(min))} />
            <rect
              x={from}
              y={round(y(high))}
              width={round(to - from)}
              height={Math.max(0.5, round(y(low) - y(high)))}
            />
            <line class="median" x1={from} x2={to} y1={round(y(median))} y2={round(y(median))} />
          </>
        );
      })}
    </g>
  );
}

function Steps({ rows, x, steps }: PartProps & { steps: StepSizes }) {
  const y = scaleLinear([0, steps.perTensor || 1], [STEPS_GROUND, STEPS_TOP]);
  return (
    <g class="steps">
      <path class="step" d={`${stepPath(rows, x, (row) => y(row.step))}V${STEPS_GROUND}H${PLOT_LEFT}Z`} />
      <line class="per-tensor" x1={PLOT_LEFT} x2={PLOT_RIGHT} y1={STEPS_TOP} y2={STEPS_TOP} />
      <line class="ground" x1={PLOT_LEFT} x2={PLOT_RIGHT} y1={STEPS_GROUND} y2={STEPS_GROUND} />
      <text x={PLOT_LEFT - 4} y={STEPS_GROUND + 3} text-anchor="end">
        0
      </text>
      <text
        x={PLOT_LEFT}
        y={STEPS_TOP - 6}
      >{`step at ${steps.bits} bits, up to ${formatNumber(steps.perTensor)} per tensor`}</text>
    </g>
  );
}

function ChannelAxis({ rows, x, isSorted }: PartProps & { isSorted: boolean }) {
  const columns = x.ticks(6).filter((column) => Number.isInteger(column) && column < rows.length);
  return (
    <g class="axis">
      {/* Sorted, numbers in equal distances would say nothing. */}
      {!isSorted &&
        columns.map((column) => (
          <text x={round(x(column + 0.5))} y={STEPS_GROUND + 13} text-anchor="middle">
            {rows[column]?.first ?? column}
          </text>
        ))}
      <text x={(PLOT_LEFT + PLOT_RIGHT) / 2} y={STEPS_GROUND + (isSorted ? 14 : 26)} text-anchor="middle">
        {isSorted ? 'channels, the widest first' : 'channel'}
      </text>
    </g>
  );
}

/** A line that is level over each column. */
function stepPath(
  rows: readonly ChannelRow[],
  x: ScaleLinear<number, number>,
  height: (row: ChannelRow) => number,
): string {
  return rows
    .map(
      (row, column) =>
        `${column === 0 ? `M${PLOT_LEFT} ` : 'V'}${round(height(row))}H${round(x(column + 1))}`,
    )
    .join('');
}

function bandPath(
  rows: readonly ChannelRow[],
  x: ScaleLinear<number, number>,
  y: ScaleLinear<number, number>,
  low: 'min' | 'low',
  high: 'max' | 'high',
): string {
  const back = rows.map((row, column) => `V${round(y(row[low]))}H${round(x(column))}`).toReversed();
  return `${stepPath(rows, x, (row) => y(row[high]))}${back.join('')}Z`;
}

export function channelsSummary(channels: ChannelBoxes): string {
  return `Ranges of ${formatInteger(channels.channels)} channels. ${decidingText(channels.deciding)} The table below has the figures.`;
}

/** The same figures, a row for each channel. Pure. */
export function ChannelsTable({ channels, steps, isSorted }: ChannelsChartProps) {
  const rows = channelRows(channels, steps, isSorted);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Channel</th>
          <th scope="col">Min</th>
          <th scope="col">1 %</th>
          <th scope="col">Median</th>
          <th scope="col">99 %</th>
          <th scope="col">Max</th>
          {steps && <th scope="col">{`Step, ${steps.bits} bits`}</th>}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.first}>
            <th scope="row">{channelText(row)}</th>
            {[row.min, row.low, row.median, row.high, row.max].map((value, column) => (
              <td key={column}>{formatNumber(value)}</td>
            ))}
            {steps && <td>{formatNumber(row.step)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

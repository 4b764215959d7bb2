import { scaleLinear } from 'd3-scale';
import type { WeightStatistics } from '../../src/core/inspectorResults';
import { edgeText } from '../../src/shared/charts/ticks';
import { formatInteger, formatNumber } from '../../src/shared/format';
import {
  type Histogram,
  HistogramBars,
  histogramDomain,
  PLOT_LEFT,
  PLOT_RIGHT,
  PLOT_WIDTH,
  round,
  ValueAxis,
} from './plot';

const HEIGHT = 128;
const TOP = 16;
const GROUND = 98;

type Shown = Pick<WeightStatistics, 'histogram' | 'mean' | 'standardDeviation' | 'weight' | 'min' | 'max'>;

/** How often values occur in a weight, with its mean and one standard deviation to either side. Pure. */
export function WeightHistogram({ statistics }: { statistics: Shown }) {
  const { histogram, mean, standardDeviation } = statistics;
  const x = scaleLinear(histogramDomain(histogram), [PLOT_LEFT, PLOT_RIGHT]);
  const most = histogram.counts.reduce((a, b) => Math.max(a, b), 0);
  const [low, high] = x.domain() as [number, number];
  const spread =
    mean === null || standardDeviation === null
      ? []
      : [mean - standardDeviation, mean + standardDeviation].filter((at) => at >= low && at <= high);
  return (
    <svg
      class="plot"
      viewBox={`0 0 ${PLOT_WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={histogramSummary(statistics)}
    >
      <HistogramBars histogram={histogram} x={x} ground={GROUND} height={GROUND - TOP} />
      <ValueAxis x={x} ground={GROUND} label="weight" />
      <text x={PLOT_LEFT} y={TOP - 6}>
        {`highest: ${formatInteger(most)}`}
      </text>
      {spread.map((at) => (
        <line class="spread" x1={round(x(at))} x2={round(x(at))} y1={TOP} y2={GROUND} />
      ))}
      {mean !== null && (
        <line class="mean" x1={round(x(mean))} x2={round(x(mean))} y1={TOP - 4} y2={GROUND} />
      )}
    </svg>
  );
}

export function histogramSummary({ weight, mean, min, max }: Shown): string {
  if (mean === null || min === null || max === null) return `${weight} has no finite values.`;
  return `Histogram of ${weight}: from ${formatNumber(min)} to ${formatNumber(max)}, mean ${formatNumber(mean)}. The table below has the counts.`;
}

/** The same counts, a row for each bin. Pure. */
export function HistogramTable({ histogram }: { histogram: Histogram }) {
  const { edges, counts } = histogram;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">To</th>
          <th scope="col">Values</th>
        </tr>
      </thead>
      <tbody>
        {counts.map((count, bin) => {
          const [from, to] = [edges[bin] ?? 0, edges[bin + 1] ?? 0];
          return (
            <tr key={bin}>
              <th scope="row">{edgeText(from, to - from)}</th>
              <td>{edgeText(to, to - from)}</td>
              <td>{formatInteger(count)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

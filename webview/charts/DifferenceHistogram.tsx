import { scaleLinear } from 'd3-scale';
import type { Differences } from '../../src/core/inspectorResults';
import { formatInteger, formatNumber } from '../../src/shared/format';
import { HistogramBars, histogramDomain, PLOT_LEFT, PLOT_RIGHT, PLOT_WIDTH, round, ValueAxis } from './plot';

const HEIGHT = 128;
const TOP = 16;
const GROUND = 98;

/** How far the values that a format gives lie from those of the weight. Pure. */
export function DifferenceHistogram({ differences }: { differences: Differences }) {
  const { histogram } = differences;
  const x = scaleLinear(histogramDomain(histogram), [PLOT_LEFT, PLOT_RIGHT]);
  const most = histogram.counts.reduce((a, b) => Math.max(a, b), 0);
  return (
    <svg
      class="plot differences"
      viewBox={`0 0 ${PLOT_WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Histogram of what the format changes. ${differencesText(differences)} The table below has the counts.`}
    >
      <HistogramBars histogram={histogram} x={x} ground={GROUND} height={GROUND - TOP} />
      <ValueAxis x={x} ground={GROUND} label="weight − its value in the format" />
      <text x={PLOT_LEFT} y={TOP - 6}>
        {`highest: ${formatInteger(most)}`}
      </text>
      <line class="zero" x1={round(x(0))} x2={round(x(0))} y1={TOP} y2={GROUND} />
    </svg>
  );
}

/** What the picture leaves out, in words. */
export function differencesText({ beyond, greatest, histogram }: Differences): string {
  if (greatest === 0) return 'The format holds every value exactly.';
  if (beyond === 0) return `No value is farther off than ${formatNumber(greatest)}.`;
  const end = formatNumber(histogram.edges.at(-1) ?? 0);
  const values = beyond === 1 ? '1 value is' : `${formatInteger(beyond)} values are`;
  return `${values} farther off than ±${end}, up to ${formatNumber(greatest)}.`;
}

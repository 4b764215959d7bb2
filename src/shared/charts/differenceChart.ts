import { scaleLinear } from 'd3-scale';
import type { DifferenceHistogram } from '../../core/compareResults';
import { formatInteger, formatNumber, formatPercent } from '../format';
import { chart, element, escapeXml, textElement } from './svg';
import { edgeText, tickLabels } from './ticks';

const WIDTH = 480;
const HEIGHT = 240;
const PLOT = { left: 12, right: WIDTH - 12, top: 48, bottom: HEIGHT - 44 };

/** How often values of one model are how far from those of the other, with their mean and one standard deviation. */
export function differenceChart(
  { edges, counts, equal, values, mean, standardDeviation }: DifferenceHistogram,
  { title, a, b }: { readonly title: string; readonly a: string; readonly b: string },
): string {
  const [low = -1, high = 1] = [edges[0], edges.at(-1)];
  // Zero belongs into the picture: there the two are equal.
  const x = scaleLinear([Math.min(0, low), Math.max(0, high)], [PLOT.left, PLOT.right]);
  const most = counts.reduce((x1, x2) => Math.max(x1, x2), 1);
  const y = scaleLinear([0, most], [PLOT.bottom, PLOT.top]);
  const bars = counts.flatMap((count, bin) => {
    const [from, to] = [edges[bin] ?? 0, edges[bin + 1] ?? 0];
    if (count === 0) return [];
    const told = `${edgeText(from, to - from)} to ${edgeText(to, to - from)}: ${formatInteger(count)}`;
    return [
      element(
        'rect',
        {
          class: 'one',
          x: x(from),
          y: y(count),
          width: Math.max(0.5, x(to) - x(from)),
          height: PLOT.bottom - y(count),
        },
        element('title', {}, escapeXml(told)),
      ),
    ];
  });
  const [least = low, greatest = high] = x.domain();
  // A few values far off make the deviation reach beyond all of them.
  const spread = [mean - standardDeviation, mean, mean + standardDeviation]
    .filter((value) => value >= least && value <= greatest)
    .map((value) =>
      element('line', {
        class: value === mean ? 'two line' : 'two line dashed',
        x1: x(value),
        x2: x(value),
        y1: PLOT.top,
        y2: PLOT.bottom,
      }),
    );
  const ticks = x.ticks(6);
  const labels = tickLabels(ticks);
  const same = `${formatInteger(equal)} of ${formatInteger(values)} are equal (${formatPercent(equal / values)})`;
  return chart(
    WIDTH,
    HEIGHT,
    title,
    `Histogram of ${formatInteger(values)} differences of ${b} from ${a}: mean ${formatNumber(mean)}, standard deviation ${formatNumber(standardDeviation)}; ${same}.`,
    textElement(
      `${same}, not drawn. Mean ${formatNumber(mean)}, std. deviation ${formatNumber(standardDeviation)}`,
      { x: 8, y: 34 },
    ),
    element('line', { class: 'grid', x1: PLOT.left, x2: PLOT.right, y1: PLOT.bottom, y2: PLOT.bottom }),
    ...bars,
    ...spread,
    ...ticks.flatMap((value, at) => [
      element('line', { class: 'grid', x1: x(value), x2: x(value), y1: PLOT.bottom, y2: PLOT.bottom + 4 }),
      textElement(labels[at] ?? '', { x: x(value), y: PLOT.bottom + 16, 'text-anchor': 'middle' }),
    ]),
    textElement(`${b} − ${a}`, { x: (PLOT.left + PLOT.right) / 2, y: HEIGHT - 8, 'text-anchor': 'middle' }),
  );
}

import { scaleLinear } from 'd3-scale';
import { chart, DIGIT_WIDTH, element, textElement } from './svg';
import { tickLabels } from './ticks';

const SIZE = 320;
const PLOT = { left: 52, right: SIZE - 12, top: 28, bottom: SIZE - 40 };
/** Points at most: a file of a few tens of kilobytes. */
const MOST_POINTS = 512;

/**
 * Values of one model over those of another, with the line on which they are equal.
 * @param points of many the first ones are drawn, which comparisons order to be an even choice.
 */
export function scatterChart(
  points: readonly (readonly [number, number])[],
  { title, a, b }: { readonly title: string; readonly a: string; readonly b: string },
): string {
  const shown = points.slice(0, MOST_POINTS);
  const [low, high] = shown
    .flat()
    .reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  const domain = low < high ? [low, high] : [low - 1 || -1, high + 1 || 1];
  const x = scaleLinear(domain, [PLOT.left, PLOT.right]).nice();
  const y = scaleLinear(domain, [PLOT.bottom, PLOT.top]).nice();
  const ticks = x.ticks(5);
  const [from = 0, to = 0] = x.domain();
  const labels = tickLabels(ticks);
  const [first = 0, second = Infinity] = ticks.map(x);
  const labelsBelow = tickLabels(ticks, (second - first) / DIGIT_WIDTH);
  return chart(
    SIZE,
    SIZE,
    title,
    `${shown.length} values of ${b} over those of ${a}; on the diagonal they are equal.`,
    ...ticks.flatMap((value, at) => [
      element('line', { class: 'grid', x1: PLOT.left, x2: PLOT.right, y1: y(value), y2: y(value) }),
      element('line', { class: 'grid', x1: x(value), x2: x(value), y1: PLOT.top, y2: PLOT.bottom }),
      textElement(labels[at] ?? '', { x: PLOT.left - 6, y: y(value) + 4, 'text-anchor': 'end' }),
      labelBelow(labelsBelow[at] ?? '', x(value)),
    ]),
    element('line', { class: 'two line', x1: x(from), y1: y(from), x2: x(to), y2: y(to) }),
    ...shown.map(([ofA, ofB]) => element('circle', { class: 'one', cx: x(ofA), cy: y(ofB), r: 1.5 })),
    textElement(a, { x: PLOT.right, y: SIZE - 8, 'text-anchor': 'end' }),
    textElement(`↑ ${b}`, { x: 8, y: SIZE - 8 }),
  );
}

/** At the edge of the picture it ends there: it would be cut. */
function labelBelow(text: string, at: number): string {
  const isCut = at + (text.length * DIGIT_WIDTH) / 2 > SIZE;
  return textElement(text, {
    x: isCut ? SIZE - 2 : at,
    y: PLOT.bottom + 14,
    'text-anchor': isCut ? 'end' : 'middle',
  });
}

import { scaleLinear } from 'd3-scale';
import { chart, element, escapeXml, textElement } from './svg';

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Drawn as an outline around it: what it was before. */
  readonly before?: number;
}

export interface BarChartOptions {
  readonly title: string;
  /** What the bars are, in a sentence. */
  readonly label: string;
  readonly text: (value: number) => string;
  /** Bars at most, of the greatest; 40 when absent. */
  readonly most?: number;
}

const WIDTH = 720;
const ROW = 16;
const NAMES = 220;
const FIGURES = 130;
const LONGEST_NAME = 36;

/** Horizontal bars with their names and figures, in the order given; of many, the greatest ones. */
export function barChart(bars: readonly Bar[], { title, label, text, most = 40 }: BarChartOptions): string {
  const sizeOf = ({ value, before = 0 }: Bar): number => Math.max(value, before);
  const least = bars.map(sizeOf).toSorted((a, b) => b - a)[most - 1] ?? 0;
  const shown = bars.filter((bar) => sizeOf(bar) >= least).slice(0, most);
  const x = scaleLinear([0, Math.max(...shown.map(sizeOf), Number.MIN_VALUE)], [0, WIDTH - NAMES - FIGURES]);
  const rows = shown.flatMap((bar, position) => {
    const y = 30 + position * ROW;
    const { name, value, before } = bar;
    return [
      textElement(shortened(name), { x: NAMES - 8, y: y + 11, 'text-anchor': 'end' }),
      ...(before === undefined
        ? []
        : [element('rect', { class: 'two hollow', x: NAMES, y: y + 2, width: x(before), height: 11 })]),
      element(
        'rect',
        { class: 'one', x: NAMES, y: y + 4, width: x(value), height: 7 },
        element('title', {}, escapeXml(name)),
      ),
      textElement(before === undefined ? text(value) : `${text(before)} → ${text(value)}`, {
        x: NAMES + x(sizeOf(bar)) + 6,
        y: y + 11,
      }),
    ];
  });
  const left = bars.length - shown.length;
  const note =
    left > 0 ? [textElement(`${left} smaller ones are left out.`, { x: 8, y: 42 + shown.length * ROW })] : [];
  return chart(WIDTH, 36 + (shown.length + note.length) * ROW, title, label, ...rows, ...note);
}

/** The end of a name says more than its beginning. */
function shortened(name: string): string {
  const characters = [...name];
  return characters.length <= LONGEST_NAME ? name : `…${characters.slice(1 - LONGEST_NAME).join('')}`;
}

/** What charts over values share: their width, an axis, a histogram. Pure. */
import type { ScaleLinear } from 'd3-scale';
import { tickLabels } from '../../src/shared/charts/ticks';

/** In units of the view box; the inspector scales it. */
export const PLOT_WIDTH = 310;
export const PLOT_LEFT = 38;
export const PLOT_RIGHT = PLOT_WIDTH - 8;

/** Half of what a digit of a label takes: a label may not reach over the edge, where it would be cut. */
const HALF_DIGIT = 2.8;

/** Coordinates need one digit after the point. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export interface Histogram {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

interface ValueAxisProps {
  x: ScaleLinear<number, number>;
  ground: number;
  label: string;
}

/** A horizontal axis with about five ticks, and what it shows below. */
export function ValueAxis({ x, ground, label }: ValueAxisProps) {
  const [from = PLOT_LEFT, to = PLOT_RIGHT] = x.range();
  const ticks = x.ticks(5);
  const [first = 0, second = Infinity] = ticks.map(x);
  const labels = tickLabels(ticks, (second - first) / (2 * HALF_DIGIT));
  return (
    <g class="axis">
      <line x1={round(from)} x2={round(to)} y1={ground} y2={ground} />
      {ticks.map((tick, at) => {
        const text = labels[at] ?? '';
        const isCut = x(tick) + HALF_DIGIT * text.length > PLOT_WIDTH;
        return (
          <>
            <line x1={round(x(tick))} x2={round(x(tick))} y1={ground} y2={ground + 3} />
            <text
              x={isCut ? PLOT_WIDTH : round(x(tick))}
              y={ground + 13}
              text-anchor={isCut ? 'end' : 'middle'}
            >
              {text}
            </text>
          </>
        );
      })}
      <text x={round((from + to) / 2)} y={ground + 26} text-anchor="middle">
        {label}
      </text>
    </g>
  );
}

interface HistogramBarsProps {
  histogram: Histogram;
  x: ScaleLinear<number, number>;
  ground: number;
  height: number;
}

/** Bars of equal bins; the highest fills the height. */
export function HistogramBars({ histogram, x, ground, height }: HistogramBarsProps) {
  const { edges, counts } = histogram;
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  return (
    <g class="bars">
      {counts.map((count, bin) => {
        const [from, to] = [x(edges[bin] ?? 0), x(edges[bin + 1] ?? 0)];
        const tall = (count / most) * height;
        return count === 0 ? null : (
          <rect
            x={round(from)}
            y={round(ground - tall)}
            width={Math.max(0.5, round(to - from))}
            height={round(tall)}
          />
        );
      })}
    </g>
  );
}

/** The ends of a histogram; one apart where all values are the same. */
export function histogramDomain({ edges }: Histogram): [number, number] {
  const [first = 0, last = 1] = [edges[0], edges.at(-1)];
  return last > first ? [first, last] : [first - 0.5, first + 0.5];
}

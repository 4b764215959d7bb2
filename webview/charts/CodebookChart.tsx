import { scaleLinear } from 'd3-scale';
import type { CodesInUse } from '../../src/core/inspectorResults';
import { formatInteger, formatNumber, plural } from '../../src/shared/format';
import {
  HistogramBars,
  histogramDomain,
  PLOT_LEFT,
  PLOT_RIGHT,
  PLOT_WIDTH,
  round,
  ValueAxis,
  type Histogram,
} from './plot';

const TOP = 10;
const GROUND = 96;
const AXIS = 32;
const RUG_ROW = 10;
/** Labels of exponents closer than this would run into each other. */
const LABEL_WIDTH = 36;

export type Codebook = NonNullable<CodesInUse['codebook']>;

interface CodebookChartProps {
  codebook: Codebook;
  /** Of the weight itself. */
  histogram: Histogram;
}

/**
 * The values of a codebook on the weight's histogram: as lines through it if there is one table, else each table in a row of
 * ticks above. With scales, the values are those of the channel with the greatest one. Pure.
 */
export function CodebookChart({ codebook, histogram }: CodebookChartProps) {
  const { tables, exponents } = codebook;
  const factor = scaleOf(codebook);
  const shown = tables.map((table) => table.map((value) => value * factor));
  const values = shown.flat();
  const [low, high] = histogramDomain(histogram);
  const x = scaleLinear([Math.min(low, ...values), Math.max(high, ...values)], [PLOT_LEFT, PLOT_RIGHT]);
  const head = exponents ? RUG_ROW + 2 : 0;
  const rugs = tables.length > 1 ? tables.length * RUG_ROW : 0;
  const top = TOP + head + rugs;
  const ground = GROUND + head + rugs;
  return (
    <svg
      class="plot codebook"
      viewBox={`0 0 ${PLOT_WIDTH} ${ground + AXIS}`}
      role="img"
      aria-label={codebookSummary(codebook)}
    >
      <HistogramBars histogram={histogram} x={x} ground={ground} height={ground - top} />
      {shown.map((table, group) => {
        const from = tables.length > 1 ? TOP + head + group * RUG_ROW : top - 4;
        const to = tables.length > 1 ? from + RUG_ROW - 3 : ground;
        return (
          <g class="centroids">
            {tables.length > 1 && (
              <text x={PLOT_LEFT - 4} y={to} text-anchor="end">
                {group}
              </text>
            )}
            {table.map((value) => (
              <line x1={round(x(value))} x2={round(x(value))} y1={from} y2={to} />
            ))}
          </g>
        );
      })}
      {exponents && (
        <g class="exponents">
          {exponentLabels(exponents, (exponent) => x(2 ** exponent * factor)).map(({ exponent, at }) => (
            <text x={at} y={TOP + 4} text-anchor="middle">
              {`2^${exponent}`}
            </text>
          ))}
        </g>
      )}
      <ValueAxis x={x} ground={ground} label="weight" />
    </svg>
  );
}

/** What the values of a table are drawn with: the greatest scale. */
export function scaleOf({ scales }: Codebook): number {
  return scales?.max ?? 1;
}

/** From the greatest on, as many as there is room for. */
function exponentLabels(exponents: readonly number[], place: (exponent: number) => number) {
  const labels: { exponent: number; at: number }[] = [];
  for (const exponent of exponents.toReversed()) {
    const at = Math.min(PLOT_RIGHT - LABEL_WIDTH / 2, round(place(exponent)));
    const last = labels.at(-1);
    if (!last || last.at - at >= LABEL_WIDTH) labels.push({ exponent, at });
  }
  return labels;
}

export function codebookSummary({ tables, groups }: Codebook): string {
  const entries = tables[0]?.length ?? 0;
  const what = groups === 1 ? 'One codebook' : plural(groups, 'codebook');
  return `${what} of ${plural(entries, 'value')} on the histogram of the weight. The table below has the values.`;
}

interface CodebookTableProps {
  codebook: Codebook;
  codes: CodesInUse['codes'];
}

/** The same values, a row for each index, with the exponents and how many values of the weight take it. Pure. */
export function CodebookTable({ codebook, codes }: CodebookTableProps) {
  const { tables, exponents } = codebook;
  const [first = []] = tables;
  const counts = codes?.counts.length === first.length ? codes.counts : undefined;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Index</th>
          {tables.map((_, group) => (
            <th scope="col" key={group}>
              {tables.length === 1 ? 'Value' : `Group ${group}`}
            </th>
          ))}
          {exponents && <th scope="col">Power</th>}
          {counts && <th scope="col">Weights</th>}
        </tr>
      </thead>
      <tbody>
        {first.map((value, index) => (
          <tr key={index}>
            <th scope="row">{index}</th>
            {tables.map((table, group) => (
              <td key={group}>{formatNumber(table[index] ?? 0)}</td>
            ))}
            {exponents && <td>{powerText(value)}</td>}
            {counts && <td>{formatInteger(counts[index] ?? 0)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** `−2^-3`; only for powers of two and zero. */
export function powerText(value: number): string {
  return value === 0 ? '0' : `${value < 0 ? '−' : ''}2^${Math.log2(Math.abs(value))}`;
}

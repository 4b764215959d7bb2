import { formatBytes, formatCount, formatInteger, formatPercent, plural } from '../../src/shared/format';
import { round } from '../charts/plot';
import type { BitWidth, NumberKind } from './countBits';

const ROW = 46;
const BAR = 9;

const KINDS: Readonly<Record<Exclude<NumberKind, 'constants'>, string>> = {
  float: 'float',
  integer: 'integer',
  codebook: 'codebook',
};

/** `8-bit integer`. */
export function widthLabel({ bits, kind }: BitWidth): string {
  return bits === null || kind === 'constants' ? 'other constants' : `${bits}-bit ${KINDS[kind]}`;
}

function afterText({ after }: BitWidth): string {
  return after === null ? 'size not known yet' : formatBytes(after);
}

interface Totals {
  readonly parameters: number;
  readonly before: number;
  /** null: not known yet. */
  readonly after: number | null;
}

export function widthTotals(widths: readonly BitWidth[]): Totals {
  return widths.reduce<Totals>(
    (sum, { parameters, before, after }) => ({
      parameters: sum.parameters + parameters,
      before: sum.before + before,
      after: sum.after === null || after === null ? null : sum.after + after,
    }),
    { parameters: 0, before: 0, after: 0 },
  );
}

/**
 * Two bars for each bit width: its share of the parameters, filled, and what these take in the written file as a share of what
 * all take now, hollow. Pure.
 */
export function BitWidthChart({ widths, width }: { widths: readonly BitWidth[]; width: number }) {
  const totals = widthTotals(widths);
  return (
    <svg
      class="bit-widths"
      viewBox={`0 0 ${width} ${widths.length * ROW}`}
      width={width}
      height={widths.length * ROW}
      role="img"
      aria-label={bitWidthSummary(widths)}
    >
      {widths.map((each, index) => {
        const top = index * ROW;
        const share = each.parameters / totals.parameters;
        return (
          <g key={widthLabel(each)} class={each.kind}>
            <text class="name" x="0" y={top + 12}>
              {widthLabel(each)}
            </text>
            <text class="figure" x={width} y={top + 12} text-anchor="end">
              {`${formatCount(each.parameters)} · ${each.after === null ? '…' : formatBytes(each.after)}`}
            </text>
            <rect class="track" x="0" y={top + 18} width={width} height={BAR} />
            <rect class="parameters" x="0" y={top + 18} width={round(share * width)} height={BAR} />
            {each.after !== null && (
              <rect
                class="bytes"
                x="0.5"
                y={top + 30.5}
                width={round(Math.max(0, (each.after / Math.max(1, totals.before)) * width - 1))}
                height={BAR - 2}
              />
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** What the chart says, in words. */
export function bitWidthSummary(widths: readonly BitWidth[]): string {
  const { parameters } = widthTotals(widths);
  const parts = widths.map(
    (each) =>
      `${widthLabel(each)} ${formatPercent(each.parameters / parameters)} of the parameters, ${afterText(each)}`,
  );
  return `Parameters by bit width: ${parts.length === 0 ? 'there are none' : parts.join('; ')}.`;
}

/** The same as figures. Pure. */
export function BitWidthTable({ widths }: { widths: readonly BitWidth[] }) {
  const { parameters } = widthTotals(widths);
  return (
    <table aria-label="Parameters by bit width">
      <thead>
        <tr>
          <th scope="col" class="text">
            Format
          </th>
          <th scope="col">Parameters</th>
          <th scope="col">Share</th>
          <th scope="col">Now</th>
          <th scope="col">Planned</th>
          <th scope="col" class="text">
            In
          </th>
        </tr>
      </thead>
      <tbody>
        {widths.map((each) => (
          <tr key={widthLabel(each)}>
            <th scope="row" class="text">
              {widthLabel(each)}
            </th>
            <td>{formatInteger(each.parameters)}</td>
            <td>{formatPercent(each.parameters / parameters)}</td>
            <td>{formatBytes(each.before)}</td>
            <td>{each.after === null ? 'not known yet' : formatBytes(each.after)}</td>
            <td class="text">{plural(each.rows, 'row')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

import { scaleLinear } from 'd3-scale';
import type { CodesInUse } from '../../src/core/inspectorResults';
import { formatInteger, formatPercent } from '../../src/shared/format';
import { PLOT_LEFT, PLOT_RIGHT, PLOT_WIDTH, round } from './plot';

const HEIGHT = 134;
const TOP = 16;
const GROUND = 94;
/** The strip of codes that nothing uses. */
const STRIP = { top: GROUND + 2, height: 5 };
/** Bars beyond this many touch each other. */
const MOST_GAPS = 32;

export type Codes = NonNullable<CodesInUse['codes']>;

/** How many values take each code; below, the codes that none takes. Pure. */
export function CodesChart({ codes }: { codes: Codes }) {
  const { first, counts, possible } = codes;
  const x = scaleLinear([first, first + Math.max(possible, counts.length)], [PLOT_LEFT, PLOT_RIGHT]);
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  const gap = counts.length <= MOST_GAPS ? 1 : 0;
  const width = x(1) - x(0);
  return (
    <svg class="plot" viewBox={`0 0 ${PLOT_WIDTH} ${HEIGHT}`} role="img" aria-label={codesSummary(codes)}>
      <g class="bars codes">
        {counts.map((count, at) => {
          const tall = (count / most) * (GROUND - TOP);
          return count === 0 ? null : (
            <rect
              x={round(x(first + at))}
              y={round(GROUND - tall)}
              width={Math.max(0.5, round(width - gap))}
              height={Math.max(0.5, round(tall))}
            />
          );
        })}
      </g>
      <g class="unused">
        {unusedRuns(codes).map(([from, to]) => (
          <rect
            x={round(x(from))}
            y={STRIP.top}
            width={Math.max(0.5, round(x(to + 1) - x(from) - gap))}
            height={STRIP.height}
          />
        ))}
      </g>
      <g class="axis">
        <line x1={PLOT_LEFT} x2={PLOT_RIGHT} y1={GROUND} y2={GROUND} />
        {x
          .ticks(5)
          .filter((code) => Number.isInteger(code) && code < first + possible)
          .map((code) => (
            <text x={round(x(code + 0.5))} y={GROUND + 19} text-anchor="middle">
              {code}
            </text>
          ))}
        <text x={(PLOT_LEFT + PLOT_RIGHT) / 2} y={GROUND + 33} text-anchor="middle">
          code
        </text>
        <text x={PLOT_LEFT} y={TOP - 6}>
          {`highest: ${formatInteger(most)}`}
        </text>
      </g>
    </svg>
  );
}

/** First and last code of each run that no value takes. */
export function unusedRuns({ first, counts, possible }: Codes): [number, number][] {
  const runs: [number, number][] = [];
  for (let at = 0; at < possible; at++) {
    if ((counts[at] ?? 0) > 0) continue;
    const last = runs.at(-1);
    if (last?.[1] === first + at - 1) last[1] = first + at;
    else runs.push([first + at, first + at]);
  }
  return runs;
}

/** `247 of 256 (96.5 %)`. */
export function codesText({ used, possible }: Codes): string {
  return `${formatInteger(used)} of ${formatInteger(possible)} (${formatPercent(used / possible)})`;
}

export function codesSummary(codes: Codes): string {
  return `Values per code: ${codesText(codes)} codes are used. The table below has the counts.`;
}

/** The same counts, a row for each code. Pure. */
export function CodesTable({ codes: { first, counts } }: { codes: Codes }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Code</th>
          <th scope="col">Values</th>
        </tr>
      </thead>
      <tbody>
        {counts.map((count, at) => (
          <tr key={at}>
            <th scope="row">{first + at}</th>
            <td>{count === 0 ? 'unused' : formatInteger(count)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

import { line } from 'd3-shape';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { formatNumber } from '../../src/shared/format';
import {
  bestPoint,
  chartScales,
  curvePoints,
  histogramBars,
  SPLIT_FRAME as FRAME,
  type CurvePoint,
} from './errorSplitScales';
import { logTicks } from './logTicks';
import { axisTitle, codesName, rangeText, ruleLabel, sqnrText, whatOf } from './rangeText';

const MARKER_ROW = 12;
/** A label that is farther left than this has no room on that side of its line. */
const LEFT_LABEL = 100;

/**
 * Clipping, rounding and total error of a tensor over the reach of its range, with the histogram of magnitudes behind and a line
 * where each rule puts the range. A pure function of the curve: text and geometry only, colours are classes.
 */
export function ErrorSplitChart({ curve }: { curve: ErrorSplitCurve }) {
  const points = curvePoints(curve);
  const { x, y } = chartScales(points, FRAME);
  const [floor, ceiling] = y.domain() as [number, number];
  const bars = histogramBars(curve.histogram, x.domain() as [number, number]);
  const ground = FRAME.height - FRAME.bottom;
  const barHeight = ground - FRAME.top;
  const path = (db: (point: CurvePoint) => number | null): string =>
    line<CurvePoint>()
      .defined((point) => db(point) !== null)
      .x((point) => round(x(point.threshold)))
      .y((point) => round(y(Math.min(ceiling, Math.max(floor, db(point) ?? floor)))))(points) ?? '';
  return (
    <svg
      class="plot"
      viewBox={`0 0 ${FRAME.width} ${FRAME.height}`}
      role="img"
      aria-label={chartSummary(curve)}
    >
      <g class="histogram">
        {bars.map((bar) => (
          <rect
            x={round(x(bar.from))}
            y={round(ground - bar.height * barHeight)}
            width={round(x(bar.to) - x(bar.from))}
            height={round(bar.height * barHeight)}
          />
        ))}
      </g>
      <g class="axis">
        {y.ticks(5).map((db) => (
          <>
            <line
              class="gridline"
              x1={FRAME.left}
              x2={FRAME.width - FRAME.right}
              y1={round(y(db))}
              y2={round(y(db))}
            />
            <text x={FRAME.left - 4} y={round(y(db) + 3)} text-anchor="end">
              {db}
            </text>
          </>
        ))}
        {logTicks(x.domain() as [number, number]).map((threshold) => (
          <>
            <line x1={round(x(threshold))} x2={round(x(threshold))} y1={ground} y2={ground + 3} />
            {/* Below the grip of the handle, which would cover it. */}
            <text x={round(x(threshold))} y={ground + 19} text-anchor="middle">
              {formatNumber(threshold)}
            </text>
          </>
        ))}
        <line x1={FRAME.left} x2={FRAME.width - FRAME.right} y1={ground} y2={ground} />
        <text x={(FRAME.left + FRAME.width - FRAME.right) / 2} y={FRAME.height - 5} text-anchor="middle">
          {axisTitle(curve)}
        </text>
        <text x={4} y={FRAME.top - 10} text-anchor="start">
          error, dB
        </text>
      </g>
      <g class="markers">
        {markerRows(curve).map(({ rule, threshold, index }, row) => {
          const at = round(x(threshold));
          const flip = at > LEFT_LABEL;
          return (
            <>
              <line class={`marker marker-${index}`} x1={at} x2={at} y1={2 + row * MARKER_ROW} y2={ground} />
              <text x={flip ? at - 3 : at + 3} y={10 + row * MARKER_ROW} text-anchor={flip ? 'end' : 'start'}>
                {ruleLabel(rule)} {formatNumber(threshold)}
              </text>
            </>
          );
        })}
      </g>
      {/* The total is a wide band below: where one part makes all of it, both stay visible. */}
      <path class="curve total" d={path((point) => point.totalDb)} />
      <path class="curve rounding" d={path((point) => point.roundingDb)} />
      <path class="curve clipping" d={path((point) => point.clippingDb)} />
    </svg>
  );
}

/** The widest first, so that no line runs through a label to the left of another; `index` tells their dashes apart. */
function markerRows({ markers }: ErrorSplitCurve) {
  return markers
    .map((marker, index) => ({ ...marker, index }))
    .sort((a, b) => b.threshold - a.threshold || a.index - b.index);
}

/** What the chart says, in words. */
export function chartSummary(curve: ErrorSplitCurve): string {
  const best = bestPoint(curvePoints(curve));
  const what = `Clipping and rounding error of ${whatOf(curve)} ${curve.table === null ? `at ${curve.bits} bits` : `in the ${codesName(curve)}`} over the range.`;
  if (!best) return `${what} All values are zero, so there is no error.`;
  return `${what} Greatest SQNR: ${sqnrText(best.totalDb)} at ${rangeText(curve, best.threshold)}. The tables below have the figures.`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

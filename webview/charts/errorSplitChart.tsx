import { line } from 'd3-shape';
import type { ErrorSplitCurve } from '../../src/core/results';
import { formatInteger, formatNumber } from '../../src/shared/format';
import {
  bestPoint,
  chartScales,
  curvePoints,
  histogramBars,
  type CurvePoint,
  type Frame,
} from './errorSplitScales';
import { logTicks } from './logTicks';

const FRAME: Frame = { width: 310, height: 200, left: 30, right: 8, top: 42, bottom: 30 };
const MARKER_ROW = 12;

/**
 * Clipping, rounding and total error of a weight over the symmetric range ±a, with the histogram of |w| behind.
 * A pure function of the curve: text and geometry only, colours are classes.
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
    <figure class="error-split">
      <svg viewBox={`0 0 ${FRAME.width} ${FRAME.height}`} role="img" aria-label={chartSummary(curve)}>
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
              <text x={round(x(threshold))} y={ground + 13} text-anchor="middle">
                {formatNumber(threshold)}
              </text>
            </>
          ))}
          <line x1={FRAME.left} x2={FRAME.width - FRAME.right} y1={ground} y2={ground} />
          <text x={(FRAME.left + FRAME.width - FRAME.right) / 2} y={FRAME.height - 5} text-anchor="middle">
            range ±a
          </text>
          <text x={4} y={FRAME.top - 10} text-anchor="start">
            error, dB
          </text>
        </g>
        <g class="markers">
          {curve.markers.map(({ rule, threshold }, index) => {
            const at = round(x(threshold));
            const flip = at > FRAME.width / 2;
            return (
              <>
                <line
                  class={`marker marker-${index}`}
                  x1={at}
                  x2={at}
                  y1={4 + index * MARKER_ROW}
                  y2={ground}
                />
                <text
                  x={flip ? at - 3 : at + 3}
                  y={11 + index * MARKER_ROW}
                  text-anchor={flip ? 'end' : 'start'}
                >
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
      <figcaption>
        <span class="key clipping">clipping</span>
        <span class="key rounding">rounding</span>
        <span class="key total">total</span>
        <span class="key bars">how many |w|</span>
        <p class="dim">
          Error power over weight power, {curve.bits} bits, per-tensor, {formatInteger(curve.elements)}{' '}
          weights, exact.
        </p>
      </figcaption>
    </figure>
  );
}

/** What the chart says, in words. */
export function chartSummary(curve: ErrorSplitCurve): string {
  const best = bestPoint(curvePoints(curve));
  const what = `Clipping and rounding error of ${curve.weight} at ${curve.bits} bits over the range.`;
  if (!best) return `${what} All weights are zero, so there is no error.`;
  const least = best.totalDb === null ? 'no error' : `${best.totalDb.toFixed(1)} dB`;
  return `${what} Least total: ${least} at ±${formatNumber(best.threshold)}. The table below has the figures.`;
}

/** `percentile:99.99` reads as `99.99 %`. */
export function ruleLabel(rule: string): string {
  const percentile = /^percentile:(.+)$/.exec(rule)?.[1];
  if (percentile !== undefined) return `${percentile} %`;
  return rule === 'mse' ? 'MSE' : rule;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

import { placeOf, type CurvePoint, type Frame, type SplitScales } from './errorSplitScales';

interface HandleMarkProps {
  point: CurvePoint;
  scales: SplitScales;
  frame: Frame;
}

/** Half of the grip's width and of what shows the focus. */
const GRIP = 6;

/** The line of a range handle, its grip on the axis, and where it meets the curves. Geometry only. */
export function HandleMark({ point, scales, frame }: HandleMarkProps) {
  const { y } = scales;
  const at = round(placeOf(scales, point.threshold));
  const ground = frame.height - frame.bottom;
  const [floor, ceiling] = y.domain() as [number, number];
  const height = (db: number): number => round(y(Math.min(ceiling, Math.max(floor, db))));
  return (
    <g class="handle">
      <rect
        class="focus"
        x={at - GRIP}
        y={frame.top - 4}
        width={2 * GRIP}
        height={ground - frame.top + 14}
        rx={2}
      />
      <line x1={at} x2={at} y1={frame.top} y2={ground} />
      <path class="grip" d={`M${at},${ground - 3}l${GRIP - 1},6v6h${-2 * (GRIP - 1)}v-6z`} />
      {point.clippingDb !== null && (
        <rect class="at clipping" x={at - 3} y={height(point.clippingDb) - 3} width={6} height={6} />
      )}
      {point.roundingDb !== null && (
        <path class="at rounding" d={`M${at},${height(point.roundingDb) - 4}l4,7h-8z`} />
      )}
      {point.totalDb !== null && <circle class="at total" cx={at} cy={height(point.totalDb)} r={3.5} />}
    </g>
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

import { useRef } from 'preact/hooks';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { nearestPoint, placeOf, SPLIT_FRAME, type CurvePoint, type SplitScales } from './errorSplitScales';
import { HandleMark } from './HandleMark';
import { codesText, pointText, sqnrText } from './rangeText';

interface RangeHandleProps {
  curve: ErrorSplitCurve;
  points: readonly CurvePoint[];
  scales: SplitScales;
  /** What the handle is at: one of the points, or the range in the plan. */
  point: CurvePoint;
  /** Reach of the range that the plan fixes. */
  planned: number | undefined;
  onMove: (at: number) => void;
}

const PAGE = 10;

/** What the keys of a slider do; Home and End are the narrowest and the widest range. */
function moved(key: string, at: number, last: number): number | undefined {
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return Math.max(0, at - 1);
    case 'ArrowRight':
    case 'ArrowUp':
      return Math.min(last, at + 1);
    case 'PageDown':
      return Math.max(0, at - PAGE);
    case 'PageUp':
      return Math.min(last, at + PAGE);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}

/** A hand on the range: lies over the chart, moved by mouse or by keys, from one measured threshold to the next. */
export function RangeHandle({ curve, points, scales, point, planned, onMove }: RangeHandleProps) {
  const slider = useRef<SVGGElement>(null);
  const at = nearestPoint(points, point.threshold);
  const last = points.length - 1;
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = event.altKey || event.ctrlKey || event.metaKey ? undefined : moved(event.key, at, last);
    if (next === undefined) return;
    event.preventDefault();
    onMove(next);
  };
  const onPointerDown = (event: PointerEvent): void => {
    const plot = event.currentTarget as SVGSVGElement;
    const { left, width } = plot.getBoundingClientRect();
    if (event.button !== 0 || width === 0) return;
    const moveTo = (pointer: PointerEvent): void =>
      onMove(nearestPoint(points, scales.x.invert(((pointer.clientX - left) / width) * SPLIT_FRAME.width)));
    const end = (): void => {
      plot.removeEventListener('pointermove', moveTo);
      plot.removeEventListener('lostpointercapture', end);
    };
    plot.setPointerCapture(event.pointerId);
    plot.addEventListener('pointermove', moveTo);
    plot.addEventListener('lostpointercapture', end);
    event.preventDefault();
    slider.current?.focus();
    moveTo(event);
  };
  return (
    <svg
      class="range-handle"
      viewBox={`0 0 ${SPLIT_FRAME.width} ${SPLIT_FRAME.height}`}
      onPointerDown={onPointerDown}
    >
      {planned !== undefined && (
        <line
          class="marker planned"
          x1={placeOf(scales, planned)}
          x2={placeOf(scales, planned)}
          y1={SPLIT_FRAME.top}
          y2={SPLIT_FRAME.height - SPLIT_FRAME.bottom}
        />
      )}
      <g
        ref={slider}
        role="slider"
        tabindex={0}
        aria-label="Range"
        aria-orientation="horizontal"
        aria-valuemin={points[0]?.threshold ?? 0}
        aria-valuemax={points[last]?.threshold ?? 0}
        aria-valuenow={point.threshold}
        aria-valuetext={`${pointText(curve, point)}: SQNR ${sqnrText(point.totalDb)}, codes used ${codesText(point.codes, curve)}`}
        onKeyDown={onKeyDown}
      >
        <HandleMark point={point} scales={scales} frame={SPLIT_FRAME} />
      </g>
    </svg>
  );
}

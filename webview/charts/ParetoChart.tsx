import { curveStepAfter, line } from 'd3-shape';
import type { SearchCost } from '../../src/core/searchResults';
import { formatNumber } from '../../src/shared/format';
import type { SearchPointView } from '../../src/shared/viewRpc';
import { logTicks } from './logTicks';
import { DIAMOND, FRAME_HALF, POINTER, STAR } from './marks';
import {
  byCost,
  COST_LABELS,
  costOf,
  costText,
  errorOf,
  errorText,
  floatCost,
  frontOf,
  goalErrorLimit,
  METRIC_LABELS,
  shareText,
  type Found,
} from './planCosts';
import { paretoScales, type ParetoFrame, type ParetoScales } from './paretoScales';

export interface ParetoChartProps {
  found: Found;
  cost: SearchCost;
  frame: ParetoFrame;
  /** Limit on the axis of costs; null: none. */
  budget: number | null;
  /** Point that the budget chooses. */
  picked: number | null;
  /** Point that is explained beside the chart. */
  current: number | null;
}

/**
 * Plans by cost and error: a list box whose options are the points. A pure function: text and geometry only, colours are
 * classes, and every state has a shape of its own. The frame is in CSS pixels.
 */
export function ParetoChart(props: ParetoChartProps) {
  const { found, cost, frame, budget, current } = props;
  const scales = paretoScales(found, cost, frame);
  const points = byCost(found.points, cost);
  // What was run covers what was only foretold.
  const drawn = [...points].sort((a, b) => Number(a.verified !== null) - Number(b.verified !== null));
  const explained = points.find(({ id }) => id === current);
  return (
    <svg
      class="pareto-chart"
      viewBox={`0 0 ${frame.width} ${frame.height}`}
      width={frame.width}
      height={frame.height}
      role="listbox"
      // Attributes of SVG elements are case-sensitive.
      tabindex={0}
      aria-label={paretoSummary(found, cost)}
      aria-activedescendant={explained && pointId(explained.id)}
    >
      <Axes scales={scales} metric={found.metric} />
      {budget !== null && <BudgetLine at={budget} cost={cost} scales={scales} />}
      <ErrorLimit found={found} scales={scales} />
      <path class="front" d={frontPath(points, cost, scales)} aria-hidden="true" />
      <FloatModel found={found} cost={cost} scales={scales} />
      {drawn.map((point) => (
        <PlanPoint
          key={point.id}
          point={point}
          position={points.indexOf(point) + 1}
          of={points.length}
          scales={scales}
          {...props}
        />
      ))}
      {explained && (
        <circle
          class="ring"
          cx={round(scales.x(costOf(explained, cost) ?? 0))}
          cy={round(scales.y(errorOf(explained)))}
          r="11"
          aria-hidden="true"
        />
      )}
    </svg>
  );
}

export function pointId(id: number): string {
  return `plan-${id}`;
}

/** What the chart says, in words. */
export function paretoSummary(found: Found, cost: SearchCost): string {
  const { points, chosen } = found;
  const verified = points.filter((point) => point.verified !== null).length;
  const what = `Plans by ${COST_LABELS[cost].toLowerCase()} and ${METRIC_LABELS[found.metric]}: ${points.length}, ${verified} of them verified.`;
  const best = points.find(({ id }) => id === chosen);
  return best ? `${what} The search chose ${pointLabel(best, found, cost)}.` : what;
}

/** `1.2 MB, 26.5 % of float, KL divergence 0.003, predicted`, and what is special about the point. */
export function pointLabel(point: SearchPointView, found: Found, cost: SearchCost): string {
  const value = costOf(point, cost);
  const parts = [
    ...(value === null ? [] : [costText(value, cost), shareText(value, found, cost)]),
    errorText(point, found.metric),
    point.id === found.chosen ? 'chosen by the search' : undefined,
    point.id === found.applied ? 'applied' : undefined,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

function Axes({ scales, metric }: { scales: ParetoScales; metric: Found['metric'] }) {
  const { left, right, top, bottom, zero, ground } = scales;
  return (
    <g class="axis" aria-hidden="true">
      {logTicks(scales.yDomain).map((error) => (
        <>
          <line
            class="gridline"
            x1={left}
            x2={right}
            y1={round(scales.y(error))}
            y2={round(scales.y(error))}
          />
          <text x={left - 6} y={round(scales.y(error) + 3.5)} text-anchor="end">
            {powerText(error)}
          </text>
        </>
      ))}
      <line class="gridline" x1={left} x2={right} y1={bottom} y2={bottom} stroke-dasharray="1 3" />
      <text x={left - 6} y={round(zero + 3.5)} text-anchor="end">
        {scales.isFloorCut ? '≈ 0' : '0'}
      </text>
      {scales.xTicks.map(({ at, label }) => (
        <>
          <line x1={round(at)} x2={round(at)} y1={ground} y2={ground + 4} />
          <text x={round(at)} y={ground + 15} text-anchor="middle">
            {label}
          </text>
        </>
      ))}
      <line x1={left} x2={right} y1={ground} y2={ground} />
      <text x={(left + right) / 2} y={ground + 30} text-anchor="middle">
        {scales.xTitle}
      </text>
      <text x={4} y={top - 9} text-anchor="start">
        {METRIC_LABELS[metric]}
      </text>
    </g>
  );
}

/** The part of the chart that the budget rules out is shaded. */
function BudgetLine({ at, cost, scales }: { at: number; cost: SearchCost; scales: ParetoScales }) {
  const { left, right, top, ground } = scales;
  const x = round(Math.min(right, Math.max(left, scales.x(at))));
  const flip = x > (left + right) / 2;
  return (
    <g class="budget" aria-hidden="true">
      <rect class="beyond" x={x} y={top} width={round(right - x)} height={round(ground - top)} />
      <line x1={x} x2={x} y1={top} y2={ground} />
      <text x={flip ? x - 5 : x + 5} y={top - 9} text-anchor={flip ? 'end' : 'start'}>
        budget {costText(at, cost)}
      </text>
    </g>
  );
}

function ErrorLimit({ found, scales }: { found: Found; scales: ParetoScales }) {
  const limit = goalErrorLimit(found);
  if (limit === null) return null;
  const y = round(scales.y(limit));
  return (
    <g class="budget" aria-hidden="true">
      <line x1={scales.left} x2={scales.right} y1={y} y2={y} />
      <text x={scales.right} y={y - 4} text-anchor="end">
        limit {formatNumber(limit)}
      </text>
    </g>
  );
}

function FloatModel({ found, cost, scales }: { found: Found; cost: SearchCost; scales: ParetoScales }) {
  const whole = floatCost(found, cost);
  if (whole === null) return null;
  const [x, y] = [round(scales.x(whole)), round(scales.zero)];
  return (
    <g class="float-model" aria-hidden="true">
      <path d={DIAMOND} transform={`translate(${x} ${y})`} />
      <text x={x + 9} y={round(y + 3.5)} text-anchor="start">
        float
      </text>
    </g>
  );
}

/** Steps: between two plans the cheaper one is the best that fits. */
function frontPath(points: readonly SearchPointView[], cost: SearchCost, { x, y }: ParetoScales): string {
  const step = line<SearchPointView>()
    .x((point) => round(x(costOf(point, cost) ?? 0)))
    .y(({ predicted }) => round(y(predicted)))
    .curve(curveStepAfter);
  return step(frontOf(points, cost)) ?? '';
}

interface PlanPointProps extends ParetoChartProps {
  point: SearchPointView;
  position: number;
  of: number;
  scales: ParetoScales;
}

function PlanPoint({ point, position, of, scales, found, cost, picked }: PlanPointProps) {
  const { id, verified, predicted } = point;
  const [x, y] = [round(scales.x(costOf(point, cost) ?? 0)), round(scales.y(errorOf(point)))];
  const isChosen = id === found.chosen;
  const isApplied = id === found.applied;
  return (
    <g
      id={pointId(id)}
      class={`plan-point ${verified ? 'verified' : 'predicted'}`}
      data-plan={id}
      role="option"
      aria-selected={isApplied}
      aria-posinset={position}
      aria-setsize={of}
      aria-label={pointLabel(point, found, cost)}
    >
      {verified && (
        <>
          <line class="foretold" x1={x} x2={x} y1={round(scales.y(predicted))} y2={y} />
          <line
            class="foretold"
            x1={x - 2.5}
            x2={x + 2.5}
            y1={round(scales.y(predicted))}
            y2={round(scales.y(predicted))}
          />
          <Whisker x={x} error={verified.error} by={verified.standardError ?? 0} y={scales.y} />
        </>
      )}
      {isChosen ? (
        <path class="mark" d={STAR} transform={`translate(${x} ${y})`} />
      ) : (
        <circle class="mark" cx={x} cy={y} r={verified ? 4.5 : 3.5} />
      )}
      {isApplied && (
        <rect
          class="applied"
          x={round(x - FRAME_HALF)}
          y={round(y - FRAME_HALF)}
          width={2 * FRAME_HALF}
          height={2 * FRAME_HALF}
        />
      )}
      {id === picked && <path class="picked" d={POINTER} transform={`translate(${x} ${y})`} />}
      <circle class="hit" cx={x} cy={y} r="10" />
    </g>
  );
}

function Whisker({
  x,
  error,
  by,
  y,
}: {
  x: number;
  error: number;
  by: number;
  y: (error: number) => number;
}) {
  if (by <= 0) return null;
  const [high, low] = [round(y(error + by)), round(y(Math.max(0, error - by)))];
  return (
    <>
      <line class="whisker" x1={x} x2={x} y1={high} y2={low} />
      <line class="whisker" x1={x - 3} x2={x + 3} y1={high} y2={high} />
      <line class="whisker" x1={x - 3} x2={x + 3} y1={low} y2={low} />
    </>
  );
}

/** `0.01`, and `1e-5` where zeros would have to be counted. */
function powerText(error: number): string {
  return error < 1e-3 || error >= 1e4 ? error.toExponential(0) : String(error);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

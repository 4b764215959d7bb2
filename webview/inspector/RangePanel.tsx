import { useMemo, useState } from 'preact/hooks';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import type { Candidate } from '../../src/core/results';
import type { PlanView, ViewRow } from '../../src/shared/viewRpc';
import { ErrorSplitChart } from '../charts/errorSplitChart';
import { ErrorSplitTable } from '../charts/ErrorSplitTable';
import {
  chartScales,
  curvePoints,
  nearestPoint,
  plannedPoint,
  reachOf,
  SPLIT_FRAME,
} from '../charts/errorSplitScales';
import { RangeHandle } from '../charts/RangeHandle';
import { basisText } from '../charts/rangeText';
import { TableTwin } from '../charts/TableTwin';
import type { Host } from '../host';
import { layerForecast } from './layerForecast';
import { applied, plannedRange, released, type RangeChange } from './rangeChange';
import { RangeReadout } from './RangeReadout';
import { RangeRules } from './RangeRules';
import { hasWeightChoice } from './WeightChoice';

interface RangePanelProps {
  curve: ErrorSplitCurve;
  row: ViewRow;
  plan: PlanView;
  /** What a scan measured of the layer. */
  candidates: readonly Candidate[];
  host: Host;
}

/** Chart, handle and figures of one curve. A step of the handle renders the handle and the readout, not the chart. */
export function RangePanel({ curve, row, plan, candidates, host }: RangePanelProps) {
  const points = useMemo(() => curvePoints(curve), [curve]);
  const scales = useMemo(() => chartScales(points, SPLIT_FRAME), [points]);
  const plannedNow = plannedRange(curve, row.scheme, plan);
  const { min, max } = plannedNow ?? {};
  // The same object as long as it is the same range.
  const planned = useMemo(
    () => (min === undefined || max === undefined ? undefined : { min, max }),
    [min, max],
  );
  /** Where the user moved the handle; null: not yet, or to the range in the plan. */
  const [held, setHeld] = useState<number | null>(null);
  const best = curve.markers.find(({ rule }) => rule === 'mse')?.threshold;
  const fixed = held === null ? plannedPoint(curve, planned) : undefined;
  const start = planned ? reachOf(planned) : best;
  const point = fixed ?? points[nearestPoint(points, held ?? start ?? 0)];
  const picture = useMemo(() => <ErrorSplitChart curve={curve} />, [curve]);
  const twin = useMemo(
    () => (
      <TableTwin
        label="Error by range"
        summary="Curves as a table"
        table={() => <ErrorSplitTable curve={curve} />}
      />
    ),
    [curve],
  );
  const rules = useMemo(
    () => <RangeRules curve={curve} points={points} planned={planned} scheme={row.scheme} onPick={setHeld} />,
    [curve, points, planned, row.scheme],
  );
  const forecast = useMemo(
    () => layerForecast(row.scheme, curve.plannedDb, candidates),
    [row.scheme, curve, candidates],
  );
  const change = (wish: RangeChange): void => {
    const call =
      wish.kind === 'scheme'
        ? host.call('setScheme', { names: [row.name], scheme: wish.scheme })
        : host.call('fixRange', { value: wish.value, range: wish.range });
    // What went wrong is shown by the host.
    void call.catch(() => undefined);
  };
  const wish = fixed ? undefined : point && applied(curve, row.scheme, plan, point.threshold);
  const release = released(curve, row.scheme, plan);
  return (
    <>
      <figure class="error-split">
        <div class="plot-area">
          {picture}
          {point && (
            <RangeHandle
              curve={curve}
              points={points}
              scales={scales}
              point={point}
              planned={planned && reachOf(planned)}
              onMove={(next) => setHeld(points[next]?.threshold ?? null)}
            />
          )}
        </div>
        <figcaption>
          <span class="key clipping">clipping</span>
          <span class="key rounding">rounding</span>
          <span class="key total">total</span>
          <span class="key bars">how many</span>
          <p class="dim">{basisText(curve)}</p>
        </figcaption>
      </figure>
      {point && <RangeReadout curve={curve} point={point} points={points} forecast={forecast} />}
      <div class="buttons">
        {curve.table === null && (
          <vscode-button
            disabled={!wish}
            title={curve.whyNotFixed ?? 'Fixes this range in the plan; can be undone'}
            onClick={() => wish && change(wish)}
          >
            {wish?.label ?? (curve.whyNotFixed === null ? 'In the Plan' : 'Apply')}
          </vscode-button>
        )}
        {release && (
          <vscode-button secondary onClick={() => change({ ...release })}>
            {release.label}
          </vscode-button>
        )}
      </div>
      {curve.whyNotFixed !== null && <p class="hint">{curve.whyNotFixed}</p>}
      {curve.of === 'weight' && hasWeightChoice(row.op) && curve.whyNotFixed === null && (
        <p class="hint">The plan has one range for both weights of the layer.</p>
      )}
      {rules}
      {twin}
    </>
  );
}

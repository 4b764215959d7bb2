import { withoutFixedRange } from '../../src/core/quant/fixedRange';
import { formatText, parseFormat } from '../../src/core/quant/layerFormat';
import type { Range } from '../../src/core/quant/scheme';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { nearestPoint, plannedPoint, reachOf, type CurvePoint } from '../charts/errorSplitScales';
import { pointText, rangeText, ruleLabel, sqnrText } from '../charts/rangeText';

interface RangeRulesProps {
  curve: ErrorSplitCurve;
  points: readonly CurvePoint[];
  /** The range that the plan fixes. */
  planned: Range | undefined;
  /** The row's scheme. */
  scheme: string;
  /** Takes the handle to a threshold; null: to the range in the plan. */
  onPick: (threshold: number | null) => void;
}

interface RuleRow {
  readonly label: string;
  readonly range: string;
  /** Its figures; undefined: not measured yet. */
  readonly point: CurvePoint | undefined;
  /** For `onPick`. */
  readonly goal: number | null;
  readonly dash: string;
}

/** Where each rule puts the range and what that costs; a rule's name takes the handle there. */
export function RangeRules({ curve, points, planned, scheme, onPick }: RangeRulesProps) {
  const rules: RuleRow[] = curve.markers.map(({ rule, threshold }, index) => ({
    label: ruleLabel(rule),
    range: rangeText(curve, threshold),
    // Their thresholds are among those of the curve.
    point: points[nearestPoint(points, threshold)],
    goal: threshold,
    dash: `marker-${index}`,
  }));
  if (planned) {
    rules.unshift({
      label: 'in the plan',
      range: pointText(curve, { threshold: reachOf(planned), range: planned }),
      point: plannedPoint(curve, planned),
      goal: null,
      dash: 'planned',
    });
  }
  return (
    <table class="range-rules">
      <caption class="hidden-text">Where the rules put the range, and codes that are used then</caption>
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col">Range</th>
          <th scope="col">SQNR</th>
          <th scope="col">Codes</th>
        </tr>
      </thead>
      <tbody>
        {rules.map(({ label, range, point, goal, dash }) => (
          <tr key={label}>
            <th scope="row">
              <svg class="dash" viewBox="0 0 18 6" aria-hidden="true">
                <line class={`marker ${dash}`} x1={0} x2={18} y1={3} y2={3} />
              </svg>
              <button type="button" class="link" title="Move the handle there" onClick={() => onPick(goal)}>
                {label}
              </button>
            </th>
            <td>{range}</td>
            <td>{point ? sqnrText(point.totalDb) : ''}</td>
            <td>{point?.codes}</td>
          </tr>
        ))}
        {curve.plannedDb !== null && (
          <tr>
            <th scope="row" class="dim">
              {planned ? withoutRange(scheme) : `${scheme} now`}
            </th>
            <td class="dim">by its own rule</td>
            <td>{sqnrText(-curve.plannedDb)}</td>
            <td />
          </tr>
        )}
      </tbody>
    </table>
  );
}

/** The scheme as it chooses ranges by itself. */
function withoutRange(scheme: string): string {
  const format = parseFormat(scheme);
  return 'mistake' in format ? scheme : formatText(withoutFixedRange(format));
}

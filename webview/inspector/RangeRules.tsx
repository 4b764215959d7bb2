import { withoutFixedRange } from '../../src/core/quant/fixedRange';
import { formatText, parseFormat } from '../../src/core/quant/layerFormat';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { nearestPoint, type CurvePoint } from '../charts/errorSplitScales';
import { rangeText, ruleLabel, sqnrText } from '../charts/rangeText';

interface RangeRulesProps {
  curve: ErrorSplitCurve;
  points: readonly CurvePoint[];
  /** Reach of the range that the plan fixes. */
  planned: number | undefined;
  /** The row's scheme. */
  scheme: string;
  onPick: (threshold: number) => void;
}

/** Where each rule puts the range and what that costs; a rule's name takes the handle there. */
export function RangeRules({ curve, points, planned, scheme, onPick }: RangeRulesProps) {
  const rules = [
    ...(planned === undefined ? [] : [{ label: 'in the plan', threshold: planned, dash: 'planned' }]),
    ...curve.markers.map(({ rule, threshold }, index) => ({
      label: ruleLabel(rule),
      threshold,
      dash: `marker-${index}`,
    })),
  ];
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
        {rules.map(({ label, threshold, dash }) => {
          const point = points[nearestPoint(points, threshold)];
          return (
            <tr key={label}>
              <th scope="row">
                <svg class="dash" viewBox="0 0 18 6" aria-hidden="true">
                  <line class={`marker ${dash}`} x1={0} x2={18} y1={3} y2={3} />
                </svg>
                <button
                  type="button"
                  class="link"
                  title="Move the handle there"
                  onClick={() => onPick(threshold)}
                >
                  {label}
                </button>
              </th>
              <td>{rangeText(curve, threshold)}</td>
              <td>{point ? sqnrText(point.totalDb) : ''}</td>
              <td>{point?.codes}</td>
            </tr>
          );
        })}
        {curve.plannedDb !== null && (
          <tr>
            <th scope="row" class="dim">
              {planned === undefined ? `${scheme} now` : withoutRange(scheme)}
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

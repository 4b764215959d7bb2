import {
  formatCount,
  formatDb,
  formatInteger,
  formatNumber,
  formatPercent,
  plural,
} from '../../src/shared/format';
import type { SearchPointView } from '../../src/shared/viewRpc';
import { costText, errorText, formatsText, shareText, type Found } from '../charts/planCosts';
import { Fact } from '../inspector/Fact';

interface PlanDetailsProps {
  point: SearchPointView;
  found: Found;
  /** It is the best within the budget. */
  isPicked: boolean;
  onApply: (id: number) => void;
}

/** Everything known of one plan, and the button that applies it. */
export function PlanDetails({ point, found, isPicked, onApply }: PlanDetailsProps) {
  const { verified, bytes, bops, latencyMs } = point;
  const isApplied = point.id === found.applied;
  return (
    <>
      <h3>
        {costText(bytes, 'bytes')} <span class="dim">{shareText(bytes, found, 'bytes')}</span>
      </h3>
      <p class="tags">
        {point.id === found.chosen && <span class="tag">★ the search’s choice</span>}
        {isPicked && <span class="tag">▾ best within the budget</span>}
        {isApplied && <span class="tag">▢ applied</span>}
      </p>
      <dl class="facts column">
        <Fact name="Error" value={errorText(point, found.metric)} />
        {verified && <Fact name="Predicted" value={formatNumber(point.predicted)} />}
        {verified && <Fact name="Output SQNR" value={formatDb(verified.sqnrDb)} />}
        {verified && verified.agreement !== null && (
          <Fact name="Agreement" value={formatPercent(verified.agreement)} note="of top classes" />
        )}
        {verified?.accuracy && (
          <Fact
            name="Accuracy"
            value={`${formatPercent(verified.accuracy.float)} → ${formatPercent(verified.accuracy.plan)}`}
          />
        )}
        {bops !== null && (
          <Fact name="Bit-operations" value={formatCount(bops)} note={shareText(bops, found, 'bops')} />
        )}
        {latencyMs !== null && (
          <Fact
            name="Latency"
            value={costText(latencyMs, 'latency')}
            note={verified ? 'measured' : 'predicted'}
          />
        )}
        <Fact name="Formats" value={formatsText(point)} />
        {point.keeps.length > 0 && <Fact name={keepsName(point)} value={keepsText(point)} />}
      </dl>
      <div class="buttons">
        <vscode-button disabled={isApplied} onClick={() => onApply(point.id)}>
          {isApplied ? 'Applied' : 'Apply Plan'}
        </vscode-button>
      </div>
    </>
  );
}

function keepsName({ floatLayers }: SearchPointView): string {
  return floatLayers > 0 ? `Keeps float` : 'Most bits';
}

function keepsText({ keeps, floatLayers }: SearchPointView): string {
  const more = floatLayers - keeps.length;
  return more > 0 ? `${keeps.join(', ')} and ${formatInteger(more)} more` : keeps.join(', ');
}

/** `23 plans, 6 verified`. */
export function countText({ points }: Found): string {
  const verified = points.filter((point) => point.verified !== null).length;
  return `${plural(points.length, 'plan')}, ${verified} verified`;
}

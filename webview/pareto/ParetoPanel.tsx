import { useRef, useState } from 'preact/hooks';
import type { SearchCost } from '../../src/core/searchResults';
import type { SearchPointView, SearchView } from '../../src/shared/viewRpc';
import { aimText } from '../../src/shared/goalText';
import { ParetoLegend } from '../charts/ParetoLegend';
import { ParetoTable } from '../charts/ParetoTable';
import { byCost, knownCosts, shownCost, type Found } from '../charts/planCosts';
import { ExportButton } from '../export/ExportButton';
import type { Host } from '../host';
import type { ViewState } from '../viewState';
import { parseBudget } from './budget';
import { choose } from './choice';
import { HeightHandle } from './HeightHandle';
import { PanelControls } from './PanelControls';
import { countText, PlanDetails } from './PlanDetails';
import { planAt } from './planAt';
import { neighbour, PLAN_KEYS } from './planKeys';
import { SizedChart } from './SizedChart';

interface ParetoPanelProps {
  search: SearchView;
  view: ViewState;
  change: (part: Partial<ViewState>) => void;
  host: Host;
}

/** The plans that the search found: chart or table, the budget that chooses among them, and what each is. */
export function ParetoPanel({ search, view, change, host }: ParetoPanelProps) {
  const { found, running } = search;
  if (!found) return null;
  return (
    <section class="panel" aria-label="Plans">
      <div class="panel-head">
        <h2>
          <button
            type="button"
            class="disclosure"
            aria-expanded={view.plansOpen}
            onClick={() => change({ plansOpen: !view.plansOpen })}
          >
            <span class={`codicon codicon-chevron-${view.plansOpen ? 'down' : 'right'}`} aria-hidden="true" />
            Plans
          </button>
        </h2>
        <span class="summary">{countText(found)}</span>
        <span class="dim goal">{aimText(found)}</span>
        {stateOf(found, running !== null).map(({ text, kind }) => (
          <span key={text} class={`tag ${kind}`}>
            {text}
          </span>
        ))}
      </div>
      {view.plansOpen && (
        <OpenPanel found={found} searching={running !== null} view={view} change={change} host={host} />
      )}
    </section>
  );
}

interface StateTag {
  text: string;
  kind: 'good' | 'warning' | 'plain';
}

/** What the reader must know before trusting the points. */
function stateOf({ met, partial, random, recover }: Found, searching: boolean): StateTag[] {
  const tags: StateTag[] = [];
  if (recover.length > 0) tags.push({ text: `compensated: ${recover.join(', ')}`, kind: 'plain' });
  if (searching) tags.push({ text: 'searching', kind: 'plain' });
  else if (partial) tags.push({ text: 'search incomplete', kind: 'warning' });
  if (met !== null) tags.push(met ? { text: 'met', kind: 'good' } : { text: 'not met', kind: 'warning' });
  if (random) tags.push({ text: 'random inputs', kind: 'warning' });
  return tags;
}

interface OpenPanelProps extends Omit<ParetoPanelProps, 'search'> {
  found: Found;
  searching: boolean;
}

function OpenPanel({ found, searching, view, change, host }: OpenPanelProps) {
  const [hovered, setHovered] = useState<number | null>(null);
  const [focused, setFocused] = useState<number | null>(null);
  const [error, setError] = useState<string | null>(null);
  const body = useRef<HTMLDivElement>(null);
  const cost = shownCost(found, view.plansCost);
  const points = byCost(found.points, cost);
  const choice = choose(found, cost, view.budget);
  const picked = choice.picked?.id ?? null;
  const explained = [hovered, focused, picked, found.chosen, found.applied]
    .map((id) => points.find((point) => point.id === id))
    .find((point) => point !== undefined);
  const current = explained?.id ?? null;

  const apply = (id: number): void => {
    setError(null);
    host.call('applyPoint', { id }).catch((reason: unknown) => {
      setError(reason instanceof Error ? reason.message : String(reason));
    });
  };
  const onBudget = (text: string): void => {
    setFocused(null);
    const budget = parseBudget(text, cost);
    // A unit says which cost is meant.
    const isOther = budget && 'cost' in budget && knownCosts(found).includes(budget.cost);
    change({ budget: text, ...(isOther ? { plansCost: budget.cost } : {}) });
  };
  const onCost = (plansCost: SearchCost): void => {
    const budget = parseBudget(view.budget, cost);
    // A share holds for any cost, a number of bytes does not.
    const holds = budget === null || 'mistake' in budget || budget.ratio;
    change({ plansCost, ...(holds ? {} : { budget: '' }) });
  };
  const focusPoint = (point: SearchPointView | undefined): void => {
    if (!point) return;
    setHovered(null);
    setFocused(point.id);
    if (view.plansTable) {
      body.current?.querySelector<HTMLElement>(`tr[data-plan="${point.id}"] button`)?.focus();
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const inView = event.target instanceof Element && event.target.closest('.pareto-view');
    if (!inView || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = PLAN_KEYS[event.key];
    if (step !== undefined) focusPoint(neighbour(points, current, step));
    // The buttons of the table take Enter by themselves.
    else if (event.key === 'Enter' && !view.plansTable && current !== null) apply(current);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onClick = (event: MouseEvent): void => {
    const id = planAt(event);
    if (id === null) return;
    setFocused(id);
    apply(id);
  };
  const shown = { found, cost, picked, current };
  const has = (id: number | null): boolean => points.some((point) => point.id === id);
  return (
    <>
      <HeightHandle
        label="Height of the plans"
        target={body}
        height={view.plansHeight}
        onHeight={(plansHeight) => change({ plansHeight })}
      />
      <PanelControls
        found={found}
        cost={cost}
        budget={view.budget}
        choice={choice}
        table={view.plansTable}
        onCost={onCost}
        onBudget={onBudget}
        onApply={() => picked !== null && apply(picked)}
        onTable={(plansTable) => change({ plansTable })}
      />
      <ExportButton
        title="Plans"
        chart={() => body.current?.querySelector<SVGSVGElement>('.sized-chart svg') ?? null}
        table={() => <ParetoTable {...shown} />}
      />
      {error !== null && (
        <p class="note" role="alert">
          <span class="codicon codicon-error" aria-hidden="true" /> {error}
        </p>
      )}
      <div
        class="panel-body"
        ref={body}
        style={view.plansHeight === null ? undefined : { height: `${view.plansHeight}px` }}
        onKeyDown={onKeyDown}
      >
        <div
          class={`pareto-view${view.plansTable ? ' as-table' : ''}`}
          onClick={onClick}
          onPointerMove={(event) => setHovered(planAt(event))}
          onPointerLeave={() => setHovered(null)}
          onFocusIn={(event) => view.plansTable && setFocused(planAt(event))}
        >
          {points.length === 0 ? (
            <p class="hint">
              {searching ? 'Plans appear here while the search runs.' : 'The search found no plan.'}
            </p>
          ) : view.plansTable ? (
            <ParetoTable {...shown} />
          ) : (
            <>
              <SizedChart {...shown} budget={choice.amount} />
              <ParetoLegend
                hasVerified={points.some(({ verified }) => verified !== null)}
                hasChosen={has(found.chosen)}
                hasApplied={has(found.applied)}
                hasPicked={has(picked)}
              />
            </>
          )}
        </div>
        <aside class="plan-details" aria-label="Plan" tabIndex={0}>
          {explained ? (
            <PlanDetails point={explained} found={found} isPicked={current === picked} onApply={apply} />
          ) : (
            <p class="hint">Point at a plan to see what it is. A click, or Enter, applies it.</p>
          )}
        </aside>
      </div>
    </>
  );
}

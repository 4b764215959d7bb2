import type { SearchCost } from '../../src/core/searchResults';
import { COST_LABELS, knownCosts, type Found } from '../charts/planCosts';
import type { Choice } from './choice';

interface PanelControlsProps {
  found: Found;
  cost: SearchCost;
  budget: string;
  choice: Choice;
  table: boolean;
  onCost: (cost: SearchCost) => void;
  onBudget: (text: string) => void;
  /** Applies what the budget chooses. */
  onApply: () => void;
  onTable: (table: boolean) => void;
}

const EXAMPLES: Readonly<Record<SearchCost, string>> = {
  bytes: '40%, 1.2 MB',
  bops: '25%, 3 G',
  latency: '50%, 2.5 ms',
  floatLayers: '2',
};

/** What the axis shows, the budget, and chart or table. */
export function PanelControls(props: PanelControlsProps) {
  const { found, cost, budget, choice, table } = props;
  return (
    <div class="panel-controls">
      <label class="field inline">
        <span>Cost</span>
        <vscode-single-select
          label="Cost"
          value={cost}
          onChange={(event) => props.onCost((event.currentTarget as HTMLSelectElement).value as SearchCost)}
        >
          {knownCosts(found).map((known) => (
            <vscode-option key={known} value={known}>
              {COST_LABELS[known]}
            </vscode-option>
          ))}
        </vscode-single-select>
      </label>
      <label class="field inline budget-field">
        <span>Budget</span>
        <vscode-textfield
          label="Budget"
          placeholder={EXAMPLES[cost]}
          value={budget}
          invalid={choice.isMistake}
          title="Shows the best plan found within it; Enter applies that plan"
          onInput={(event) => props.onBudget((event.currentTarget as HTMLInputElement).value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') props.onApply();
          }}
        />
      </label>
      <span class={`choice${choice.isMistake ? ' mistake' : ''}`} role="status">
        {choice.message}
      </span>
      <vscode-button secondary onClick={() => props.onTable(!table)}>
        {table ? 'Show as Chart' : 'Show as Table'}
      </vscode-button>
    </div>
  );
}

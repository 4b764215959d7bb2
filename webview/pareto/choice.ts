/** What the budget field chooses, and what it says about it. Pure. */
import type { SearchCost } from '../../src/core/searchResults';
import type { SearchPointView } from '../../src/shared/viewRpc';
import { pointLabel } from '../charts/ParetoChart';
import { byCost, COST_LABELS, costOf, costText, goalBudget, type Found } from '../charts/planCosts';
import { bestWithin, budgetAmount, budgetProblem, parseBudget } from './budget';

export interface Choice {
  /** Limit on the axis of costs; null: none. */
  readonly amount: number | null;
  readonly picked: SearchPointView | null;
  /** What the text means, or why it means nothing; empty without a text. */
  readonly message: string;
  readonly isMistake: boolean;
}

/** @param cost what the axis shows, and what a text without a unit is about. */
export function choose(found: Found, cost: SearchCost, text: string): Choice {
  const budget = parseBudget(text, cost);
  // The goal's own budget was chosen for by the search.
  if (budget === null) {
    return { amount: goalBudget(found, cost), picked: null, message: '', isMistake: false };
  }
  const nothing = { amount: null, picked: null, isMistake: true };
  if ('mistake' in budget) return { ...nothing, message: budget.mistake };
  const problem = budgetProblem(found, budget);
  const amount = budgetAmount(budget, found);
  if (problem !== undefined || amount === null) return { ...nothing, message: problem ?? '' };
  const picked = bestWithin(found.points, budget.cost, amount);
  const shown = budget.cost === cost ? amount : null;
  if (picked) {
    return {
      amount: shown,
      picked,
      message: `Best within: ${pointLabel(picked, found, budget.cost)}.`,
      isMistake: false,
    };
  }
  const [least] = byCost(found.points, budget.cost);
  const floor = least ? costText(costOf(least, budget.cost) ?? 0, budget.cost) : 'none';
  return {
    amount: shown,
    picked: null,
    message: `No plan found is within ${costText(amount, budget.cost)}; the least ${COST_LABELS[budget.cost].toLowerCase()} is ${floor}.`,
    isMistake: true,
  };
}

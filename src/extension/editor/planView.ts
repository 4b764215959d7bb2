import type { PlanMismatch } from '../../core/plan/editPlan';
import { recoverSummaries } from '../../core/plan/recover';
import type { Plan } from '../../core/plan/types';
import type { DataSummary } from '../../core/results';
import type { PlanView } from '../../shared/viewRpc';

/** Names of plan entries that a view lists; it gets the number of all. */
const LISTED_NAMES = 1000;

/** What the views are told about a plan. @param mismatch its `missing` counts only once the model is known. */
export function planViewOf(
  plan: Plan,
  { changed, missing }: PlanMismatch,
  place: { readonly file: string; readonly error: string | null; readonly data: DataSummary | null },
): PlanView {
  return {
    ...place,
    changed: changed.slice(0, LISTED_NAMES),
    changedCount: changed.length,
    missing: missing.slice(0, LISTED_NAMES),
    missingCount: missing.length,
    dimensions: { ...plan.dimensions },
    calibration: plan.calibration ?? null,
    fixedRanges: fixedRanges(plan),
    recover: (plan.recover?.steps ?? []).map((step) => recoverSummaries[step].label),
  };
}

function fixedRanges({ tensors = {} }: Plan): PlanView['fixedRanges'] {
  const fixed = Object.entries(tensors).flatMap(([name, { min, max }]) =>
    min !== undefined && max !== undefined ? [[name, { min, max }] as const] : [],
  );
  return Object.fromEntries(fixed.slice(0, LISTED_NAMES));
}

/**
 * The plan as a prediction needs it: without hashes, which would make the engine read every weight, and without
 * entries of nodes that are gone, which the views list anyway.
 */
export function planToPredict(plan: Plan, names: ReadonlySet<string>): Plan {
  const layers = Object.entries(plan.layers)
    .filter(([name]) => names.has(name))
    .map(([name, { weightHash: _, ...entry }]) => [name, entry] as const);
  return { ...plan, layers: Object.fromEntries(layers) };
}

import { InputError } from '../errors';
import type { OutputDescription } from '../graph/types';
import type { SearchCost, SearchGoal, SearchPoint } from '../searchResults';
import { givesClasses } from '../scan/sampleFigures';
import { metricOf } from '../scan/summary';
import { nmseOf } from './searchLayer';

/** What of the float model a budget may be a share of. */
export interface FloatCosts {
  readonly bytes: number;
  readonly bops: number | null;
  /** Milliseconds of one run; null: it could not be measured. */
  readonly latencyMs: number | null;
  readonly layers: number;
}

/** The error that a search adds up: of the goal, or of the model's outputs. @throws InputError */
export function searchMetric(goal: SearchGoal, outputs: readonly OutputDescription[]): 'kl' | 'nmse' {
  const hasClasses = outputs.some(givesClasses);
  if (goal.kind === 'cap' && goal.error !== 'sqnr' && !hasClasses) {
    throw new InputError('The model has no output with classes: give a least SQNR (--min-sqnr) instead.');
  }
  if (goal.kind === 'cap' && goal.error === 'sqnr') return 'nmse';
  return metricOf(outputs) === 'kl' ? 'kl' : 'nmse';
}

/** The limit of a cap in the metric of its search; undefined: only runs tell. */
export function predictableLimit(goal: SearchGoal): number | undefined {
  if (goal.kind !== 'cap') return undefined;
  if (goal.error === 'kl') return goal.limit;
  return goal.error === 'sqnr' ? nmseOf(goal.limit) : undefined;
}

/** What a budget allows, in its own unit. @throws InputError when that cannot be told, or is no amount. */
export function budgetOf(goal: SearchGoal & { kind: 'budget' }, float: FloatCosts): number {
  const { cost, most, ratio } = goal;
  if (!(most >= 0 && Number.isFinite(most))) {
    throw new InputError(`A budget must be a number from 0, not ${most}.`);
  }
  if (cost === 'latency' && float.latencyMs === null) throw unknownLatency();
  if (!ratio) return most;
  const wholes = {
    bytes: float.bytes,
    bops: float.bops,
    latency: float.latencyMs,
    floatLayers: float.layers,
  };
  const whole = wholes[cost];
  if (whole === null) throw unknownWork();
  return most * whole;
}

export function unknownLatency(): InputError {
  return new InputError(
    'The time of layers cannot be measured with this runtime: give a budget in bytes or bops instead.',
  );
}

export function unknownWork(): InputError {
  return new InputError(
    'The work of some layers is unknown, as their shapes are: give the sizes of symbolic dimensions (--dim NAME=N), or a budget ' +
      'in bytes.',
  );
}

/** What a plan takes of a budget. */
export function amountOf({ bytes, bops, latencyMs, floatLayers }: SearchPoint, cost: SearchCost): number {
  return { bytes, bops: bops ?? Infinity, latency: latencyMs ?? Infinity, floatLayers }[cost];
}

/** True for a plan that was run and meets the goal. @param budget of goals that have one. */
export function meets(point: SearchPoint, goal: SearchGoal, budget: number): boolean {
  const { verified } = point;
  if (!verified) return false;
  if (goal.kind === 'budget') return amountOf(point, goal.cost) <= budget;
  switch (goal.error) {
    case 'kl':
      return verified.error <= goal.limit;
    case 'sqnr':
      return verified.sqnrDb === null || verified.sqnrDb >= goal.limit;
    case 'agreement':
      return (verified.agreement ?? 0) >= goal.limit;
    case 'accuracyDrop': {
      const { accuracy } = verified;
      // Shares of a few hundred samples: 0.96 − 0.95 must be within 0.01.
      return accuracy !== null && accuracy.float - accuracy.plan <= goal.limit + 1e-9;
    }
  }
}

/**
 * The best of the plans that were run: of those that meet the goal the one with the least error (budgets) or cost (caps);
 * when none does, the one that comes closest: the cheapest, or the one with the least error.
 */
export function bestOf(
  points: readonly SearchPoint[],
  goal: SearchGoal,
  budget: number,
): SearchPoint | undefined {
  const run = points.filter(({ verified }) => verified !== null);
  const met = run.filter((point) => meets(point, goal, budget));
  const byError = (point: SearchPoint): number => point.verified?.error ?? Infinity;
  const byCost = (point: SearchPoint): number => amountOf(point, goal.cost);
  if (goal.kind === 'budget')
    return met.length > 0 ? least(met, byError, byCost) : least(run, byCost, byError);
  return met.length > 0 ? least(met, byCost, byError) : least(run, byError, byCost);
}

type Figure = (point: SearchPoint) => number;

function least(points: readonly SearchPoint[], first: Figure, second: Figure): SearchPoint | undefined {
  return points.toSorted((a, b) => first(a) - first(b) || second(a) - second(b))[0];
}

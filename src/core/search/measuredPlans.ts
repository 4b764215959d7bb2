import { CancelledError, RoundoffError, throwIfCancelled } from '../errors';
import type { Work } from '../ports';
import type { PlanTrials } from './planTrials';
import type { LayerFormats } from '../plan/layerFormats';
import type { Picks } from './searchLayer';

export interface MeasuredPlan {
  readonly picks: Picks;
  /** Simulated. */
  readonly error: number;
}

/** Plans as the simulation judges them. */
export class MeasuredPlans {
  private readonly known = new Map<string, MeasuredPlan>();

  /** @param notes gets why a plan did not run. */
  constructor(
    private readonly trials: Pick<PlanTrials, 'measure'>,
    private readonly formatsOf: (picks: Picks) => LayerFormats,
    private readonly notes: string[],
    private readonly work: Work,
  ) {}

  /** Error of a plan. @returns undefined when it does not run. @throws CancelledError */
  async measure(picks: Picks): Promise<number | undefined> {
    const { trials, notes, work } = this;
    throwIfCancelled(work.signal);
    const known = this.known.get(picksKey(picks));
    if (known) return known.error;
    const count = this.known.size + 1;
    work.onProgress?.(0, 0, `Measuring layers together: plan ${count}`);
    try {
      const error = await trials.measure(this.formatsOf(picks));
      this.known.set(picksKey(picks), { picks, error });
      return error;
    } catch (error) {
      if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
      notes.push(`A plan could not be simulated and was left out. ${error.message}`);
      return undefined;
    }
  }

  has(picks: Picks): boolean {
    return this.known.has(picksKey(picks));
  }

  /** Infinity for one that was not measured. */
  errorOf(picks: Picks): number {
    return this.known.get(picksKey(picks))?.error ?? Infinity;
  }

  /** Of the plans that pass, the one with the least error. @param passes asked of no more plans than needed. */
  async best(passes: (picks: Picks) => Promise<boolean>): Promise<MeasuredPlan | undefined> {
    for (const plan of [...this.known.values()].sort((a, b) => a.error - b.error)) {
      if (await passes(plan.picks)) return plan;
    }
    return undefined;
  }
}

export function picksKey(picks: Picks): string {
  return picks.join(' ');
}

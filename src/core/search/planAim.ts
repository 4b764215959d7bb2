import { median } from '../latency/interleaved';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import type { SearchGoal } from '../searchResults';
import { exactBytes, type Costs } from './costs';
import type { Front } from './front';
import { predictableLimit } from './goals';
import { picksKey } from './measuredPlans';
import { formatsOf, totalsOf, type Picks, type SearchLayer } from './searchLayer';
import type { Verified } from './verifyPlans';

/** A plan that was built and run. */
export interface VerifiedPicks {
  readonly picks: Picks;
  readonly figures: Verified;
}

interface AimContext {
  readonly model: Model;
  readonly plan: Plan;
  readonly goal: SearchGoal;
  /** What a budget allows. */
  readonly budget: number;
  readonly costs: Costs;
  readonly work: Work;
}

/** Chooses of a front the plan that a goal asks for, with what files and runs have told of costs that do not add up. */
export class PlanAim {
  /** Bytes of the file, or milliseconds, beyond the sum of its layers, as found out for the last plan aimed at. */
  surplus = 0;

  constructor(
    private readonly context: AimContext,
    /** Of this search, as they come. */
    private readonly verified: ReadonlyMap<string, VerifiedPicks>,
  ) {}

  /** The solution of the front that the goal asks for, as far as it can be told without running. */
  async at(front: Front): Promise<Picks> {
    const { goal } = this.context;
    if (goal.kind === 'budget') {
      return goal.cost === 'bytes' || goal.cost === 'latency' ? this.aimAtExact(front) : this.within(front);
    }
    const limit = predictableLimit(goal);
    const index = limit === undefined ? front.knee : front.withinError(limit);
    return front.picksAt(index ?? front.length - 1);
  }

  /** The least error within the budget, the surplus taken off; the cheapest when nothing fits. */
  private within(front: Front): Picks {
    const { costs, budget, goal } = this.context;
    const fixed = {
      bytes: costs.floatBytes + this.surplus,
      bops: costs.otherBops ?? 0,
      latency: (costs.latency?.baseMs ?? 0) + this.surplus,
      floatLayers: 0,
    };
    return front.bestWithin(budget - fixed[goal.cost]) ?? front.picksAt(0);
  }

  /**
   * Layers' bytes and times do not quite add up: what the file would take beyond their sum moves the budget, until the plan
   * fits.
   */
  private async aimAtExact(front: Front): Promise<Picks> {
    const { layers } = front;
    const { budget } = this.context;
    let best: { readonly picks: Picks; readonly error: number } | undefined;
    let picks = this.within(front);
    for (let attempt = 0; attempt < 5; attempt++) {
      const exact = await this.exact(layers, picks);
      const sum = this.sumOf(layers, picks);
      this.surplus = Math.max(exact - sum, this.surplusOfRuns(layers));
      const { error } = totalsOf(layers, picks);
      const fits = sum + this.surplus <= budget;
      if (fits && (!best || error < best.error)) best = { picks, error };
      const next = this.within(front);
      if (picksKey(next) === picksKey(picks)) break;
      picks = next;
    }
    return best?.picks ?? picks;
  }

  /** What a plan takes in all, bytes or milliseconds, as far as it can be told without running it. */
  private async exact(layers: readonly SearchLayer[], picks: Picks): Promise<number> {
    const { model, plan, costs, goal, work } = this.context;
    const formats = formatsOf(layers, picks);
    if (goal.cost === 'latency') {
      const foretold = costs.latency?.foretold(formats) ?? Infinity;
      return foretold + Math.max(0, median(this.excessOfRuns(layers)) || 0);
    }
    return exactBytes(model, plan, formats, work);
  }

  /** The same as its layers add up. */
  private sumOf(layers: readonly SearchLayer[], picks: Picks): number {
    const { costs, goal } = this.context;
    const { bytes, latencyMs } = totalsOf(layers, picks);
    return goal.cost === 'latency' ? (costs.latency?.baseMs ?? 0) + latencyMs : costs.floatBytes + bytes;
  }

  /** Files that were written may hold more than a dry run tells: scales that a correction of the gain added. */
  private surplusOfRuns(layers: readonly SearchLayer[]): number {
    const { goal, costs } = this.context;
    if (goal.cost === 'latency') return -Infinity;
    const each = [...this.verified.values()].map(
      ({ picks, figures }) => figures.bytes - costs.floatBytes - totalsOf(layers, picks).bytes,
    );
    return each.length > 0 ? Math.max(...each) : -Infinity;
  }

  /** Milliseconds that plans took longer than foretold. */
  private excessOfRuns(layers: readonly SearchLayer[]): number[] {
    const { latency } = this.context.costs;
    return [...this.verified.values()].flatMap(({ picks, figures: { latencyMs } }) => {
      const foretold = latency?.foretold(formatsOf(layers, picks));
      return typeof foretold === 'number' && typeof latencyMs === 'number' ? [latencyMs - foretold] : [];
    });
  }
}

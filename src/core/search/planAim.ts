import { median } from '../latency/interleaved';
import type { SearchGoal } from '../searchResults';
import type { Costs } from './costs';
import type { Front } from './front';
import { predictableLimit } from './goals';
import { picksKey } from './measuredPlans';
import type { PlanBytes, VerifiedPicks } from './planBytes';
import { formatsOf, totalsOf, type Picks, type SearchLayer } from './searchLayer';

/** Plans that are looked at closely until one fits. */
const MOST_ATTEMPTS = 5;

interface AimContext {
  readonly goal: SearchGoal;
  /** What a budget allows. */
  readonly budget: number;
  readonly costs: Costs;
}

/** Chooses of a front the plan that a goal asks for, with what files and runs have told of costs that do not add up. */
export class PlanAim {
  /** Bytes of the file, or milliseconds, of the last plan aimed at beyond the sum of its layers: a guess for the next one. */
  private surplus = 0;

  constructor(
    private readonly context: AimContext,
    private readonly bytes: PlanBytes,
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
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const exact = await this.exact(layers, picks);
      this.surplus = exact - this.sumOf(layers, picks);
      const { error } = totalsOf(layers, picks);
      if (exact <= budget && (!best || error < best.error)) best = { picks, error };
      const next = this.within(front);
      if (picksKey(next) === picksKey(picks)) break;
      picks = next;
    }
    return best?.picks ?? picks;
  }

  /** What a plan takes in all, bytes or milliseconds, as far as it can be told without running it. */
  private async exact(layers: readonly SearchLayer[], picks: Picks): Promise<number> {
    const { costs, goal } = this.context;
    if (goal.cost !== 'latency') return this.bytes.ofFile(picks);
    const foretold = costs.latency?.foretold(formatsOf(layers, picks)) ?? Infinity;
    return foretold + Math.max(0, median(this.excessOfRuns(layers)) || 0);
  }

  /** The same as its layers add up. */
  private sumOf(layers: readonly SearchLayer[], picks: Picks): number {
    const { costs, goal } = this.context;
    if (goal.cost !== 'latency') return this.bytes.sumOf(picks);
    return (costs.latency?.baseMs ?? 0) + totalsOf(layers, picks).latencyMs;
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

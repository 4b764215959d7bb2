import type { SearchGoal } from '../searchResults';
import type { PlanBytes } from './planBytes';
import type { Picks } from './searchLayer';

/** How far from a budget the sum of the layers leaves no doubt: bytes, and a share of the float file. */
const DECIDED_BYTES = 2 ** 16;
const DECIDED_SHARE = 0.05;

/** Tells which plans are within a budget. */
export class PlanFit {
  /** @param amountOf what a plan takes of budgets that are not of bytes. */
  constructor(
    private readonly goal: SearchGoal,
    private readonly budget: number,
    private readonly bytes: PlanBytes,
    private readonly amountOf: (picks: Picks) => number,
  ) {}

  /** By a dry run of the plan where the sum of its layers leaves a doubt. @throws CancelledError */
  readonly fits = async (picks: Picks): Promise<boolean> => {
    const { goal, budget, bytes } = this;
    if (goal.cost !== 'bytes' || budget === Infinity) return this.amountOf(picks) <= budget;
    const left = budget - bytes.sumOf(picks);
    const isDecided = Math.abs(left) > DECIDED_BYTES + DECIDED_SHARE * bytes.ofFloat;
    return isDecided ? left > 0 : (await bytes.ofFile(picks)) <= budget;
  };

  /**
   * A guess for plans that differ little from one, without a dry run of each.
   * @throws CancelledError
   */
  async around(near: Picks): Promise<(picks: Picks) => boolean> {
    const { goal, budget, bytes } = this;
    if (goal.cost !== 'bytes' || budget === Infinity) return (picks) => this.amountOf(picks) <= budget;
    const surplus = (await bytes.ofFile(near)) - bytes.sumOf(near);
    return (picks) => bytes.sumOf(picks) + surplus <= budget;
  }
}

import { CancelledError, InputError, RoundoffError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import type { FloatCurve, SearchGoal, SearchPoint } from '../searchResults';
import { cheapestMeeting } from './capSearch';
import { exactBytes, type Costs } from './costs';
import { floatCurvePicks, Front, uniformPicks } from './front';
import { amountOf, bestOf, meets, predictableLimit, unknownLatency, unknownWork } from './goals';
import type { PlanTrials } from './planTrials';
import { isWrong, rescored } from './rescore';
import { formatsOf, totalsOf, type Picks, type SearchLayer } from './searchLayer';
import type { PlanVerifier, Verified } from './verifyPlans';

/** Plans that are built, written and run in full. */
const MOST_BUILDS = 8;
/** Times that effects are measured again around a plan. */
const MOST_ROUNDS = 3;
/** Errors up to it are none: rounding in another order gives as much. */
const NEGLIGIBLE = 1e-7;
/** Points of a front that are told; a front may have 100,000. */
const TOLD_POINTS = 48;

export interface SearchContext {
  readonly model: Model;
  readonly plan: Plan;
  readonly goal: SearchGoal;
  /** What a budget allows; Infinity for caps. */
  readonly budget: number;
  readonly costs: Costs;
  readonly trials: Pick<PlanTrials, 'measure'>;
  readonly verifier: Pick<PlanVerifier, 'verify'>;
  readonly onPoints: (points: SearchPoint[]) => void;
  readonly work: Work;
}

/** The state of a search: it can be asked for its best plan at any time. */
export class SearchRun {
  rounds = 0;
  curve: FloatCurve | null = null;
  readonly notes: string[] = [];
  private front: Front;
  private target: Picks;
  private readonly measured = new Map<string, { readonly picks: Picks; readonly error: number }>();
  private readonly verified = new Map<string, { readonly picks: Picks; readonly figures: Verified }>();
  private readonly failed = new Set<string>();
  /** Bytes of the file beyond the sum of its layers, as found out for the last target. */
  private surplus = 0;

  /** @throws InputError when the goal counts bit-operations and some are unknown. */
  constructor(
    private readonly context: SearchContext,
    private layers: readonly SearchLayer[],
  ) {
    const unknown = layers.some(({ options }) => options.some(({ bops }) => bops === null));
    if (context.goal.cost === 'bops' && (unknown || context.costs.otherBops === null)) throw unknownWork();
    if (context.goal.cost === 'latency') throw unknownLatency();
    this.front = new Front(layers, context.goal.cost);
    this.target = this.front.picksAt(0);
  }

  /** Finds the plan to aim at from the sums alone. */
  async foretell(): Promise<void> {
    this.target = await this.aim();
    this.context.onPoints(this.told());
  }

  /** Finds the plan to aim at, measuring effects again around it while the sum of single ones is wrong. */
  async settle(): Promise<void> {
    const { onPoints, work } = this.context;
    for (;;) {
      this.target = await this.aim();
      const { target } = this;
      if (this.measured.has(keyOf(target))) break;
      work.onProgress?.(this.rounds, MOST_ROUNDS, 'Measuring the layers together');
      const error = await this.measure(target);
      const { error: predicted } = totalsOf(this.layers, target);
      if (error === undefined || !isWrong(predicted, error, NEGLIGIBLE) || this.rounds === MOST_ROUNDS) break;
      const measure = async (picks: Picks): Promise<number> => (await this.measure(picks)) ?? Infinity;
      this.layers = await rescored(this.layers, target, error, measure);
      this.front = new Front(this.layers, this.context.goal.cost);
      this.rounds++;
      onPoints(this.told());
    }
  }

  /** Builds and runs the plan aimed at and others that may be better or tell the shape of the front. */
  async verify(): Promise<void> {
    if (this.context.goal.kind === 'cap') return this.verifyCap();
    await this.verifyTarget();
    for (const picks of this.contenders()) {
      if (this.verified.size + this.failed.size >= MOST_BUILDS) return;
      await this.run(picks);
    }
  }

  /** Keeps k layers float, those that cost most in a format. @throws CancelledError */
  async measureCurve(format: string): Promise<void> {
    const points: FloatCurve['points'] = [];
    for (const { floatLayers, picks } of floatCurvePicks(this.layers, format)) {
      throwIfCancelled(this.context.work.signal);
      const { bytes, bops, predicted } = this.point(picks);
      const measured = await this.measure(picks);
      if (measured === undefined) continue;
      points.push({
        floatLayers: floatLayers.length,
        bytes,
        bops,
        layers: [...floatLayers],
        predicted,
        measured,
      });
    }
    this.curve = { format, points };
  }

  /** The best plan so far: of those that were run, or else the one aimed at. */
  get chosen(): SearchPoint {
    const run = [...this.verified.values()].map(({ picks }) => this.point(picks));
    return bestOf(run, this.context.goal, this.context.budget) ?? this.point(this.target);
  }

  get met(): boolean {
    return meets(this.chosen, this.context.goal, this.context.budget);
  }

  /** The front in some of its points, with all that were run, by cost. */
  told(): SearchPoint[] {
    const all = new Map(
      [
        ...this.front.spread(TOLD_POINTS).map((index) => this.front.picksAt(index)),
        ...[...this.verified.values()].map(({ picks }) => picks),
        this.target,
      ].map((picks) => [keyOf(picks), picks]),
    );
    const { cost } = this.context.goal;
    return [...all.values()]
      .map((picks) => this.point(picks))
      .sort((a, b) => amountOf(a, cost) - amountOf(b, cost) || b.predicted - a.predicted);
  }

  private point(picks: Picks): SearchPoint {
    const { costs } = this.context;
    const { bytes, bops, error, floatLayers } = totalsOf(this.layers, picks);
    const known = this.verified.get(keyOf(picks))?.figures;
    const { bytes: written, ...verified } = known ?? { bytes: undefined };
    return {
      bytes: written ?? Math.round(costs.floatBytes + bytes),
      bops: bops === null || costs.otherBops === null ? null : bops + costs.otherBops,
      latencyMs: null,
      floatLayers,
      predicted: error,
      verified: known ? (verified as Omit<Verified, 'bytes'>) : null,
      layers: { ...formatsOf(this.layers, picks) },
    };
  }

  /** The solution of the front that the goal asks for, as far as it can be told without running. */
  private async aim(): Promise<Picks> {
    const { front } = this;
    const { goal } = this.context;
    if (goal.kind === 'budget') return goal.cost === 'bytes' ? this.aimAtBytes() : this.within();
    const limit = predictableLimit(goal);
    const index = limit === undefined ? front.knee : front.withinError(limit);
    return front.picksAt(index ?? front.length - 1);
  }

  /** The least error within the budget, the surplus taken off; the cheapest when nothing fits. */
  private within(): Picks {
    const { costs, budget, goal } = this.context;
    const fixed = {
      bytes: costs.floatBytes + this.surplus,
      bops: costs.otherBops ?? 0,
      latency: 0,
      floatLayers: 0,
    };
    return this.front.bestWithin(budget - fixed[goal.cost]) ?? this.front.picksAt(0);
  }

  /** Layers' bytes do not quite add up: what the file would take beyond their sum moves the budget, until the plan fits. */
  private async aimAtBytes(): Promise<Picks> {
    const { model, plan, costs, budget, work } = this.context;
    let best: { readonly picks: Picks; readonly error: number } | undefined;
    let picks = this.within();
    for (let attempt = 0; attempt < 5; attempt++) {
      const bytes = await exactBytes(model, plan, formatsOf(this.layers, picks), work);
      const { bytes: sum, error } = totalsOf(this.layers, picks);
      this.surplus = Math.max(bytes - costs.floatBytes - sum, this.surplusOfRuns());
      const fits = costs.floatBytes + sum + this.surplus <= budget;
      if (fits && (!best || error < best.error)) best = { picks, error };
      const next = this.within();
      if (keyOf(next) === keyOf(picks)) break;
      picks = next;
    }
    return best?.picks ?? picks;
  }

  /** Files that were written may hold more than a dry run tells: scales that a correction of the gain added. */
  private surplusOfRuns(): number {
    const { floatBytes } = this.context.costs;
    const each = [...this.verified.values()].map(
      ({ picks, figures }) => figures.bytes - floatBytes - totalsOf(this.layers, picks).bytes,
    );
    return each.length > 0 ? Math.max(...each) : -Infinity;
  }

  private async verifyTarget(): Promise<void> {
    const { goal, budget } = this.context;
    for (let attempt = 0; attempt < 3; attempt++) {
      const point = await this.run(this.target);
      if (!point || amountOf(point, goal.cost) <= budget) return;
      const next = await this.aim();
      if (keyOf(next) === keyOf(this.target)) return;
      this.target = next;
    }
  }

  /** Other plans worth a run, the most promising first. */
  private contenders(): Picks[] {
    const { front, layers } = this;
    const { error } = totalsOf(layers, this.target);
    const tried = [...this.measured.values()].sort((a, b) => a.error - b.error).map(({ picks }) => picks);
    const texts = new Set(layers.flatMap(({ options }) => options.map(({ text }) => text)));
    const uniform = [...texts]
      .map((text) => uniformPicks(layers, text))
      .sort((a, b) => totalsOf(layers, a).error - totalsOf(layers, b).error);
    const at = (index: number | undefined): Picks[] => (index === undefined ? [] : [front.picksAt(index)]);
    const fits = (picks: Picks): boolean => this.isWithinBudget(picks);
    return [
      ...tried.filter(fits).slice(0, 1),
      ...uniform.filter(fits).slice(0, 1),
      ...at(front.withinError(error * 1.15)),
      ...at(front.knee),
      ...at(0),
      ...at(front.withinError(error / 1.5)),
    ];
  }

  private isWithinBudget(picks: Picks): boolean {
    return amountOf(this.point(picks), this.context.goal.cost) <= this.context.budget;
  }

  private async verifyCap(): Promise<void> {
    const { front } = this;
    const { goal, budget } = this.context;
    const found = await cheapestMeeting(
      front,
      predictableLimit(goal),
      async (index) => {
        const point = await this.run(front.picksAt(index));
        if (point?.verified && goal.kind === 'cap' && goal.error === 'accuracyDrop') requireLabels(point);
        if (!point?.verified) return { met: false, error: Infinity };
        return { met: meets(point, goal, budget), error: point.verified.error };
      },
      MOST_BUILDS - 1,
    );
    if (found === undefined) await this.run(front.picksAt(front.length - 1));
  }

  /** Simulated error. @returns undefined when the plan does not run. */
  private async measure(picks: Picks): Promise<number | undefined> {
    const { trials, work } = this.context;
    throwIfCancelled(work.signal);
    try {
      const error = await trials.measure(formatsOf(this.layers, picks));
      this.measured.set(keyOf(picks), { picks, error });
      return error;
    } catch (error) {
      if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
      this.notes.push(`A plan could not be simulated and was left out. ${error.message}`);
      return undefined;
    }
  }

  /** @returns undefined when the plan cannot be built or run. */
  private async run(picks: Picks): Promise<SearchPoint | undefined> {
    const key = keyOf(picks);
    if (this.failed.has(key)) return undefined;
    if (!this.verified.has(key)) {
      throwIfCancelled(this.context.work.signal);
      try {
        const figures = await this.context.verifier.verify(formatsOf(this.layers, picks));
        this.verified.set(key, { picks, figures });
      } catch (error) {
        if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
        this.failed.add(key);
        this.notes.push(`A plan could not be run and was left out. ${error.message}`);
        return undefined;
      }
      this.context.onPoints([this.point(picks)]);
    }
    return this.point(picks);
  }
}

function requireLabels({ verified }: SearchPoint): void {
  if (verified?.accuracy) return;
  throw new InputError('A limit of accuracy needs labels with the samples.');
}

function keyOf(picks: Picks): string {
  return picks.join(' ');
}

import { CancelledError, RoundoffError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import type { FloatCurve, SearchGoal, SearchPoint } from '../searchResults';
import { cheapestMeeting } from './capSearch';
import type { Costs } from './costs';
import { costOf, floatCurvePicks, Front } from './front';
import { amountOf, bestOf, meets, predictableLimit, unknownLatency, unknownWork } from './goals';
import type { PlanTrials } from './planTrials';
import { MeasuredPlans, picksKey, type MeasuredPlan } from './measuredPlans';
import { PlanAim } from './planAim';
import { PlanBytes, type VerifiedPicks } from './planBytes';
import { PlanFit } from './planFit';
import { contestedChanges, exchanges, isWrong, rescored } from './rescore';
import { formatsOf, totalsOf, type LayerOption, type Picks, type SearchLayer } from './searchLayer';
import { simplePlans, type SimplePlans } from './simplePlans';
import type { PlanVerifier, Verified } from './verifyPlans';

/** Plans that are built, written and run in full. */
const MOST_BUILDS = 8;
/** Times that effects are measured again around a plan. */
const MOST_ROUNDS = 2;
/** Sums of single effects that are off by this factor are measured again. */
const OFF = 1.1;
/** Exchanges tried in one round. */
const MOST_EXCHANGES = 6;
/** Exchanges that are looked at until so many fit. */
const MOST_GUESSES = 24;
/** A round that does not take the error below this share of what it was is the last. */
const WORTH_ANOTHER = 0.97;
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
  /** Of weights in the format that makes files smallest, by layer. */
  readonly weightErrors: ReadonlyMap<string, number>;
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
  /** With the effects that layers have alone. */
  private readonly scanned: readonly SearchLayer[];
  private front: Front;
  private target: Picks;
  /** What the sums of single effects alone aim at. */
  private first: Picks | undefined;
  private readonly measured: MeasuredPlans;
  private simple: SimplePlans = { uniform: [], floatEnds: [], byWeightError: [] };
  private readonly verified = new Map<string, VerifiedPicks>();
  private readonly failed = new Set<string>();
  private readonly bytes: PlanBytes;
  private readonly fit: PlanFit;
  private readonly aim: PlanAim;

  /** @throws InputError when the goal counts bit-operations and some are unknown. */
  constructor(
    private readonly context: SearchContext,
    private layers: readonly SearchLayer[],
  ) {
    const unknown = layers.some(({ options }) => options.some(({ bops }) => bops === null));
    if (context.goal.cost === 'bops' && (unknown || context.costs.otherBops === null)) throw unknownWork();
    if (context.goal.cost === 'latency' && !context.costs.latency) throw unknownLatency();
    this.scanned = layers;
    this.bytes = new PlanBytes(context, layers, this.verified);
    this.fit = new PlanFit(context.goal, context.budget, this.bytes, (picks) =>
      amountOf(this.point(picks), context.goal.cost),
    );
    this.aim = new PlanAim(context, this.bytes, this.verified);
    this.measured = new MeasuredPlans(
      context.trials,
      (picks) => formatsOf(this.layers, picks),
      this.notes,
      context.work,
    );
    this.front = new Front(layers, context.goal.cost);
    this.target = this.front.picksAt(0);
  }

  /** Finds the plan to aim at from the sums alone. */
  async foretell(): Promise<void> {
    this.target = await this.aimed();
    this.context.onPoints(this.told());
  }

  /**
   * Finds the plan to aim at. Where the sum of single effects is off, they are measured again around the best plan so far, by
   * changing one layer of it at a time, and the front is made anew. Within a budget also simple plans are measured, and
   * exchanges between two layers where the front has nothing new to say.
   */
  async settle(): Promise<void> {
    const { goal } = this.context;
    const isBudget = goal.kind === 'budget';
    this.target = await this.aimed();
    this.first = this.target;
    let around = this.target;
    let error = await this.measured.measure(around);
    if (isBudget) {
      await this.measureSimple();
      ({ picks: around, error } = (await this.measured.best(this.fit.fits)) ?? { picks: around, error });
    }
    while (this.rounds < MOST_ROUNDS && error !== undefined) {
      const { error: predicted } = totalsOf(this.layers, around);
      if (!isWrong(predicted, error, isBudget && this.rounds > 0 ? 1 : OFF, NEGLIGIBLE)) break;
      await this.rescore(around, error);
      const next = isBudget ? await this.better(error) : await this.newTarget();
      if (!next) break;
      const isLast = isBudget && next.error > WORTH_ANOTHER * error;
      around = next.picks;
      error = next.error;
      if (isLast) break;
    }
    this.target = isBudget ? around : await this.aimed();
  }

  /** Builds and runs the plan aimed at and others that may be better or tell the shape of the front. */
  async verify(): Promise<void> {
    if (this.context.goal.kind === 'cap') return this.verifyCap();
    await this.verifyTarget();
    for (const picks of await this.contenders()) {
      if (this.verified.size + this.failed.size >= MOST_BUILDS) return;
      await this.run(picks);
    }
  }

  /** Keeps k layers float, those that cost most in a format. @throws CancelledError */
  async measureCurve(format: string): Promise<void> {
    const points: FloatCurve['points'] = [];
    for (const { floatLayers, picks } of floatCurvePicks(this.scanned, format)) {
      throwIfCancelled(this.context.work.signal);
      await this.bytes.of(picks);
      const { bytes, bops } = this.point(picks);
      const { error: predicted } = totalsOf(this.scanned, picks);
      const measured = await this.measured.measure(picks);
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
      ].map((picks) => [picksKey(picks), picks]),
    );
    const { cost } = this.context.goal;
    return [...all.values()]
      .map((picks) => this.point(picks))
      .sort((a, b) => amountOf(a, cost) - amountOf(b, cost) || b.predicted - a.predicted);
  }

  private point(picks: Picks): SearchPoint {
    const { costs } = this.context;
    const { bops, error, floatLayers } = totalsOf(this.layers, picks);
    const known = this.verified.get(picksKey(picks))?.figures;
    const formats = formatsOf(this.layers, picks);
    const { bytes: _, latencyMs, ...verified } = known ?? { bytes: undefined, latencyMs: undefined };
    return {
      bytes: this.bytes.bestKnown(picks),
      bops: bops === null || costs.otherBops === null ? null : bops + costs.otherBops,
      latencyMs: latencyMs ?? costs.latency?.foretold(formats) ?? null,
      floatLayers,
      predicted: this.measured.has(picks) ? this.measured.errorOf(picks) : error,
      verified: known ? (verified as Omit<Verified, 'bytes' | 'latencyMs'>) : null,
      layers: { ...formats },
    };
  }

  private aimed(): Promise<Picks> {
    return this.aim.at(this.front);
  }

  private async verifyTarget(): Promise<void> {
    const { goal, budget } = this.context;
    for (let attempt = 0; attempt < 3; attempt++) {
      const point = await this.run(this.target);
      if (!point || amountOf(point, goal.cost) <= budget) return;
      const next = await this.aimed();
      if (picksKey(next) === picksKey(this.target)) return;
      this.target = next;
    }
  }

  /** Other plans worth a run, the most promising first. */
  private async contenders(): Promise<Picks[]> {
    const { front, layers } = this;
    const { error } = totalsOf(layers, this.target);
    const bestFirst = (a: Picks, b: Picks): number =>
      this.measured.errorOf(a) - this.measured.errorOf(b) || this.predicted(a) - this.predicted(b);
    const simple: Picks[] = [];
    const { uniform, floatEnds, byWeightError } = this.simple;
    const target = picksKey(this.target);
    for (const plans of [uniform, floatEnds, byWeightError]) {
      for (const picks of [...plans].sort(bestFirst)) {
        if (!(await this.fit.fits(picks))) continue;
        simple.push(picks);
        break;
      }
    }
    const second = await this.measured.best(
      async (picks) => picksKey(picks) !== target && (await this.fit.fits(picks)),
    );
    const at = (index: number | undefined): Picks[] => (index === undefined ? [] : [front.picksAt(index)]);
    return [
      // The simulation has few samples: what it prefers to this plan must also be better on the verify slice.
      ...(this.first ? [this.first] : []),
      ...simple,
      ...(second ? [second.picks] : []),
      ...at(front.withinError(error * 1.15)),
      ...at(front.knee),
      ...at(0),
      ...at(front.withinError(error / 1.5)),
    ];
  }

  private predicted(picks: Picks): number {
    return totalsOf(this.layers, picks).error;
  }

  private async verifyCap(): Promise<void> {
    const { front } = this;
    const { goal, budget } = this.context;
    const found = await cheapestMeeting(
      front,
      predictableLimit(goal),
      async (index) => {
        const point = await this.run(front.picksAt(index));
        if (!point?.verified) return { met: false, error: Infinity };
        return { met: meets(point, goal, budget), error: point.verified.error };
      },
      MOST_BUILDS - 1,
    );
    if (found === undefined) await this.run(front.picksAt(front.length - 1));
  }

  /** Simple plans are cheap to measure, and a search must not lose to them. */
  private async measureSimple(): Promise<void> {
    const simple = await simplePlans(this.layers, this.context.weightErrors, this.fit);
    this.simple = simple;
    for (const picks of [simple.uniform, simple.floatEnds, simple.byWeightError].flat())
      await this.measured.measure(picks);
  }

  private async rescore(around: Picks, error: number): Promise<void> {
    const { goal, onPoints } = this.context;
    const cost = (option: LayerOption): number => costOf(option, goal.cost);
    const { bytes, bops, latencyMs: latency, floatLayers } = totalsOf(this.layers, around);
    const total = { bytes, bops: bops ?? NaN, latency, floatLayers }[goal.cost];
    const changes = contestedChanges(this.layers, around, this.front.priceAt(total), cost);
    const measure = (picks: Picks): Promise<number | undefined> => this.measured.measure(picks);
    this.layers = await rescored(this.layers, around, error, measure, changes);
    this.front = new Front(this.layers, goal.cost);
    this.rounds++;
    onPoints(this.told());
  }

  /** A plan that fits with less than this error: the front's, or else one of the exchanges that promise most. */
  private async better(than: number): Promise<MeasuredPlan | undefined> {
    const { fit, measured } = this;
    const isBetter = (plan: MeasuredPlan | undefined): boolean => plan !== undefined && plan.error < than;
    const { picks: around } = (await measured.best(fit.fits)) ?? { picks: this.target };
    await measured.measure(await this.aimed());
    let best = await measured.best(fit.fits);
    let tries = MOST_EXCHANGES;
    const promising = isBetter(best) ? [] : exchanges(this.layers, around, await fit.around(around));
    for (const picks of promising.slice(0, MOST_GUESSES)) {
      if (tries <= 0 || isBetter(best)) break;
      if (!(await fit.fits(picks))) continue;
      tries--;
      await measured.measure(picks);
      best = await measured.best(fit.fits);
    }
    return isBetter(best) ? best : undefined;
  }

  private async newTarget(): Promise<MeasuredPlan | undefined> {
    const picks = await this.aimed();
    if (this.measured.has(picks)) return undefined;
    const error = await this.measured.measure(picks);
    return error === undefined ? undefined : { picks, error };
  }

  /** @returns undefined when the plan cannot be built or run. */
  private async run(picks: Picks): Promise<SearchPoint | undefined> {
    const key = picksKey(picks);
    if (this.failed.has(key)) return undefined;
    if (!this.verified.has(key)) {
      throwIfCancelled(this.context.work.signal);
      try {
        // What the file has beyond it tells what other files will have.
        if (this.context.goal.cost === 'bytes') await this.bytes.of(picks);
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

import { CancelledError, RoundoffError } from '../errors';
import type { PlanTrials } from './planTrials';
import type { LayerFormats } from '../plan/layerFormats';
import type { PlanVerifier, Verified } from './verifyPlans';

/** A run of a plan: simulated with the samples of the scan, or as a file with those of the verify slice. */
export interface PlanRun {
  how: 'simulated' | 'file';
  layers: LayerFormats;
}

/** What a run of a plan told. Plain JSON: a search that goes on after the engine ended is given those of its earlier life. */
export interface TriedPlan extends PlanRun {
  /** Of a simulated run. */
  error?: number;
  /** Of a run as a file. */
  verified?: Verified;
  /** Why it did not run; then the others are absent. */
  failure?: string;
}

export interface TriedPlansOptions {
  /** Not run again. */
  readonly tried?: readonly TriedPlan[];
  /** Told a plan before it runs, so that a crash can be told apart. */
  readonly onTrying?: (run: PlanRun) => void;
  readonly onTried?: (plan: TriedPlan) => void;
}

/** Runs plans, each once, also over several lives of the engine. */
export class TriedPlans {
  private readonly known: Map<string, TriedPlan>;

  constructor(
    private readonly trials: Pick<PlanTrials, 'measure'>,
    private readonly verifier: Pick<PlanVerifier, 'verify'>,
    private readonly options: TriedPlansOptions = {},
  ) {
    this.known = new Map((options.tried ?? []).map((plan) => [planKey(plan), plan]));
  }

  /** Plans that ran, here or before. */
  get count(): number {
    return [...this.known.values()].filter(({ failure }) => failure === undefined).length;
  }

  /** Simulated error. @throws RoundoffError when the plan does not run, CancelledError */
  async measure(layers: LayerFormats): Promise<number> {
    const run = async (): Promise<Pick<TriedPlan, 'error'>> => ({ error: await this.trials.measure(layers) });
    return (await this.once({ how: 'simulated', layers }, run)).error ?? Infinity;
  }

  /** @throws RoundoffError when the plan cannot be built or does not run, CancelledError */
  async verify(layers: LayerFormats): Promise<Verified> {
    const run = async (): Promise<Pick<TriedPlan, 'verified'>> => ({
      verified: await this.verifier.verify(layers),
    });
    const { verified } = await this.once({ how: 'file', layers }, run);
    if (!verified) throw new RoundoffError('The plan has no figures.');
    return verified;
  }

  private async once(name: PlanRun, run: () => Promise<Partial<TriedPlan>>): Promise<TriedPlan> {
    const key = planKey(name);
    const known = this.known.get(key) ?? (await this.run(name, run));
    this.known.set(key, known);
    if (known.failure !== undefined) throw new RoundoffError(known.failure);
    return known;
  }

  private async run(name: PlanRun, run: () => Promise<Partial<TriedPlan>>): Promise<TriedPlan> {
    const { onTrying, onTried } = this.options;
    onTrying?.(name);
    let plan: TriedPlan;
    try {
      plan = { ...name, ...(await run()) };
    } catch (error) {
      if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
      plan = { ...name, failure: error.message };
    }
    onTried?.(plan);
    return plan;
  }
}

/** The same for the same formats of the same layers, run the same way. */
export function planKey({ how, layers }: PlanRun): string {
  return JSON.stringify([how, Object.entries(layers).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

import type { OutputDescription } from '../graph/types';
import type { GraphIndex } from '../graph/graphIndex';
import type { Plan } from '../plan/types';
import type { ResultCache, Runtime, Work } from '../ports';
import type { ActivationRange } from '../quant/scheme';
import { rewrite } from '../rewrite/rewrite';
import { holdSamples, runBaseline, type Baseline } from '../scan/baseline';
import { modelFigures } from '../scan/modelFigures';
import type { ReadyScan } from '../scan/prepareScan';
import type { ScanSlices } from '../scan/scan';
import { TrialCache } from '../scan/trialCache';
import { trialRanges } from '../scan/trialRanges';
import { figuresError } from './planError';
import { withFormats, type LayerFormats } from './searchedPlan';

/**
 * Whole plans as the scan measures layers: simulated, on its slice, with its ranges and without what quantizing chooses by data
 * for each weight. So what they tell differs from the sum of the layers by nothing but how layers act on each other.
 */
export class PlanTrials {
  /** Plans that were run. */
  count = 0;

  private constructor(
    private readonly runtime: Runtime,
    private readonly index: GraphIndex,
    private readonly plan: Plan,
    private readonly outputs: readonly OutputDescription[],
    private readonly baseline: Baseline,
    readonly ranges: ReadonlyMap<string, ActivationRange>,
    private readonly metric: 'kl' | 'nmse',
    private readonly work: Work,
  ) {}

  /** Finds the ranges and runs the float model. @throws InputError, CancelledError */
  static async open(
    runtime: Runtime,
    ready: ReadyScan,
    plan: Plan,
    slices: ScanSlices,
    options: {
      readonly outputs: readonly OutputDescription[];
      readonly metric: 'kl' | 'nmse';
      readonly schemes: readonly string[];
      readonly cache?: ResultCache;
    },
    work: Work,
  ): Promise<PlanTrials> {
    const { outputs, metric } = options;
    const cache = new TrialCache(options.cache, runtime.version, plan, outputs);
    // As the scan found them, unless other layers have formats of their own that it knew nothing of.
    const hasOthers = Object.keys(plan.layers).some((name) => !ready.names.includes(name));
    const every = hasOthers
      ? options.schemes.map((text) => withFormats(plan, allIn(ready.names, text)))
      : [...ready.every.values()].map((each) => each.plan);
    const ranges = await trialRanges(runtime, ready.prepared, every, slices.calibrate, cache, work);
    const samples = await holdSamples(slices.scan, (sample) => cache.identify(sample), work);
    const names = { outputs: outputs.map(({ name }) => name), cuts: [], locals: [] };
    const baseline = await runBaseline(runtime, ready.index.model, samples, names, work);
    return new PlanTrials(runtime, ready.index, plan, outputs, baseline, ranges, metric, work);
  }

  /** Error of a plan. @throws RoundoffError when it does not run, CancelledError */
  async measure(formats: LayerFormats): Promise<number> {
    const { runtime, index, outputs, baseline, ranges, work } = this;
    const plan = withFormats(this.plan, formats);
    const { model } = await rewrite(index.model, plan, ranges, { signal: work.signal });
    this.count++;
    return figuresError(await modelFigures({ runtime, outputs, baseline, work }, model), this.metric).error;
  }
}

function allIn(names: readonly string[], text: string): LayerFormats {
  return Object.fromEntries(names.map((name) => [name, text]));
}

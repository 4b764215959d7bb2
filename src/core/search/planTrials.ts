import { chooseWeights, type ChosenWeights } from '../calibrate/chooseWeights';
import type { OutputDescription } from '../graph/types';
import type { GraphIndex } from '../graph/graphIndex';
import type { Plan } from '../plan/types';
import type { ResultCache, Runtime, Sample, Slice, Work } from '../ports';
import type { ActivationRange } from '../quant/scheme';
import { rewrite } from '../rewrite/rewrite';
import { holdSamples, runBaseline, type Baseline } from '../scan/baseline';
import { modelFigures } from '../scan/modelFigures';
import type { ReadyScan } from '../scan/prepareScan';
import type { ScanSlices } from '../scan/scan';
import { TrialCache } from '../scan/trialCache';
import { trialRanges } from '../scan/trialRanges';
import { figuresError } from './planError';
import { allIn, withFormats, type LayerFormats } from '../plan/layerFormats';

type FormatChoices = ChosenWeights['choices'];

/** Samples that plans are simulated with; more than a scan has, as plans that are compared differ by less than layers do. */
const MOST_SAMPLES = 64;

/**
 * Whole plans, simulated: with the ranges of the scan, and with what quantizing chooses by data for each weight when all layers
 * have its format. What they tell differs from the sum of the layers by these choices, and by how layers act on each other.
 * The samples are those of the scan and then some that calibrate.
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
    private readonly weights: ReadonlyMap<string, FormatChoices>,
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
      /** Format → layers that can have it. */
      readonly formats: ReadonlyMap<string, readonly string[]>;
      readonly cache?: ResultCache;
    },
    work: Work,
  ): Promise<PlanTrials> {
    const { outputs, metric, formats } = options;
    const cache = new TrialCache(options.cache, runtime.version, plan, outputs);
    // As the scan found them, unless other layers have formats of their own that it knew nothing of.
    const hasOthers = Object.keys(plan.layers).some((name) => !ready.names.includes(name));
    const every = hasOthers
      ? [...formats.keys()].map((text) => withFormats(plan, allIn(ready.names, text)))
      : [...ready.every.values()].map((each) => each.plan);
    const ranges = await trialRanges(runtime, ready.prepared, every, slices.calibrate, cache, work);
    const slice = together(slices.scan, slices.calibrate, MOST_SAMPLES);
    const samples = await holdSamples(slice, () => '', work);
    const names = { outputs: outputs.map(({ name }) => name), cuts: [], locals: [] };
    const baseline = await runBaseline(runtime, ready.index.model, samples, names, work);
    const weights = new Map<string, FormatChoices>();
    for (const [text, names] of formats) {
      const all = withFormats(plan, allIn(names, text));
      const { choices } = await chooseWeights(
        ready.index.model,
        all,
        { runtime, slice: slices.calibrate },
        work,
      );
      weights.set(text, choices);
    }
    return new PlanTrials(runtime, ready.index, plan, outputs, baseline, ranges, weights, metric, work);
  }

  /** Error of a plan. @throws RoundoffError when it does not run, CancelledError */
  async measure(formats: LayerFormats): Promise<number> {
    const { runtime, index, outputs, baseline, ranges, work } = this;
    const plan = withFormats(this.plan, formats);
    const choices = new Map(
      Object.entries(formats).flatMap(([layer, text]) => {
        const choice = this.weights.get(text)?.get(layer);
        return choice ? [[layer, choice] as const] : [];
      }),
    );
    const { model } = await rewrite(index.model, plan, ranges, { signal: work.signal }, choices);
    this.count++;
    return figuresError(await modelFigures({ runtime, outputs, baseline, work }, model), this.metric).error;
  }
}

/** The samples of one slice, then of another, at most so many. */
function together(first: Slice, second: Slice, most: number): Slice {
  const length = Math.min(most, first.length + second.length);
  async function* samples(): AsyncIterable<Sample> {
    let left = length;
    for (const slice of [first, second]) {
      if (left === 0) return;
      for await (const sample of slice.samples()) {
        yield sample;
        if (--left === 0) return;
      }
    }
  }
  return { name: first.name, length, samples };
}

import { chooseWeights, type ChosenWeights } from '../calibrate/chooseWeights';
import type { OutputDescription } from '../graph/types';
import type { GraphIndex } from '../graph/graphIndex';
import type { Model } from '../onnx/types';
import { formatOf } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { ResultCache, Runtime, Sample, Slice, Work } from '../ports';
import { formatText } from '../quant/layerFormat';
import type { ActivationRange } from '../quant/scheme';
import { doneLayers, rewriteCompensated } from '../recover/compensated';
import type { DoneLayer } from '../recover/keptLayers';
import { LoneLayers } from '../recover/loneLayers';
import type { RecoverSource } from '../recover/recover';
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
 * The samples are those of the scan and then some that calibrate. Of a plan with a recipe, codes are those that the scan measured.
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
    private readonly compensated: CompensatedFormats | undefined,
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
      readonly cache?: ResultCache | undefined;
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
    const source = { runtime, slice: slices.calibrate, ...(options.cache && { cache: options.cache }) };
    const compensated = plan.recover && new CompensatedFormats(ready.index.model, plan, source, work);
    // With a recipe that is not sequential, nothing else decides about weights.
    for (const [text, names] of compensated ? [] : formats) {
      const all = withFormats(plan, allIn(names, text));
      const { choices } = await chooseWeights(ready.index.model, all, source, work);
      weights.set(text, choices);
    }
    return new PlanTrials(
      runtime,
      ready.index,
      plan,
      outputs,
      baseline,
      ranges,
      weights,
      compensated,
      metric,
      work,
    );
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
    const done = (await this.compensated?.of(plan)) ?? new Map<string, DoneLayer>();
    const { model } = await rewriteCompensated(index.model, plan, ranges, done, work.signal, choices);
    this.count++;
    return figuresError(await modelFigures({ runtime, outputs, baseline, work }, model), this.metric).error;
  }

  async close(): Promise<void> {
    await this.compensated?.release();
  }
}

/** Layers with codes that make up for their errors, as a scan measured them. Those that a plan had are kept for the next. */
class CompensatedFormats {
  private readonly layers: LoneLayers;
  private readonly known = new Map<string, DoneLayer | undefined>();

  constructor(
    private readonly model: Model,
    plan: Plan,
    source: RecoverSource,
    private readonly work: Work,
  ) {
    this.layers = new LoneLayers(plan, source, work);
  }

  /** By layer name; without those whose codes are the nearest. @throws CancelledError */
  async of(plan: Plan): Promise<ReadonlyMap<string, DoneLayer>> {
    const find = async (layer: string): Promise<DoneLayer | undefined> => {
      const format = formatOf(plan, layer);
      const key = JSON.stringify([layer, formatText(format)]);
      if (!this.known.has(key)) this.known.set(key, await this.layers.of(this.model, layer, format));
      return this.known.get(key);
    };
    return doneLayers(Object.keys(plan.layers), find, this.work.signal);
  }

  release(): Promise<void> {
    return this.layers.release();
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

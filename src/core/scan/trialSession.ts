import { asNumbers } from '../calibrate/floats';
import { withOutputs } from '../calibrate/instrument';
import { throwIfCancelled } from '../errors';
import type { GraphIndex } from '../graph/graphIndex';
import type { Layer, OutputDescription } from '../graph/types';
import type { DataType, Model, Tensor } from '../onnx/types';
import type { Feeds, Runtime, RuntimeTensor, Session, Work } from '../ports';
import { floatsOf } from '../rewrite/weights/floatValues';
import { pick, samplesOf, type Baseline, type Batch } from './baseline';
import { compareSample, noiseOf, sampleOf, type SampleFigures } from './sampleFigures';
import { cutBefore, mainNodeOf, valuesBehind } from './suffix';
import { elementTypeOf, weightsAsInputs } from './trialModel';

/** What all trials of a scan share. */
export interface TrialContext {
  readonly runtime: Runtime;
  /** Of the prepared float model. */
  readonly index: GraphIndex;
  readonly outputs: readonly OutputDescription[];
  readonly baseline: Baseline;
  /** Large weights are fed, so that sessions are made in no time; otherwise they are part of each. */
  readonly feedsWeights: boolean;
  /** Large weights that are fed, read once. */
  readonly weights: Map<Tensor, RuntimeTensor>;
  readonly work: Work;
}

/** Where a layer's own error is looked at: a value of the float model and what stands for it in the trial. */
export interface LocalValue {
  readonly float: string;
  readonly trial: string;
}

/** A session of what lies behind one layer. */
export class TrialSession {
  private constructor(
    private readonly context: TrialContext,
    private readonly session: Session,
    /** Names of what it takes from a batch. */
    private readonly feeds: readonly string[],
    private readonly weights: Feeds,
    private readonly fetches: readonly string[],
    private readonly local: LocalValue | undefined,
  ) {}

  /**
   * @param model computes the outputs as the float model does but for `layer` and what lies behind.
   * @param inputs of the model that each run is given besides the samples.
   * @throws CancelledError; RoundoffError when the runtime refuses the model.
   */
  static async open(
    context: TrialContext,
    model: Model,
    layer: Layer,
    local: LocalValue | undefined,
    inputs: readonly string[] = [],
  ): Promise<TrialSession> {
    const { index, outputs, baseline } = context;
    const at = mainNodeOf(index, layer.ref);
    const behind = at && valuesBehind(index, [at]);
    const names = outputs.map(({ name }) => name).filter((name) => behind?.has(name) ?? true);
    const looksInside = local !== undefined && baseline.kept.has(local.float);
    const fetches = [...new Set([...names, ...(looksInside ? [local.trial] : [])])];
    const whole = looksInside ? withOutputs(model, [local.trial]) : model;
    const suffix = cutBefore(whole, new Set(fetches), behind ? knownOutside(baseline, behind) : new Map());
    const { model: ready, weights } = context.feedsWeights
      ? weightsAsInputs(suffix.model)
      : { model: suffix.model, weights: [] };
    const fed = await weightFeeds(context.weights, weights);
    throwIfCancelled(context.work.signal);
    const session = await context.runtime.openModel(ready, { optimization: 'simulate' });
    const feeds = suffix.feeds.filter((name) => !inputs.includes(name));
    return new TrialSession(context, session, feeds, fed, fetches, looksInside ? local : undefined);
  }

  /**
   * Runs one batch and compares each sample with the float model.
   * @param given tensors of the further inputs.
   * @throws RoundoffError as `compareSample` does.
   */
  async run({ feeds, values, outputs, samples }: Batch, given: Feeds = {}): Promise<SampleFigures[]> {
    const fed = { ...pick(feeds, this.feeds), ...pick(values, this.feeds), ...this.weights, ...given };
    const results = await this.session.run(fed, this.fetches);
    const { local } = this;
    const inside = local && { expected: values[local.float], actual: results[local.trial] };
    return samples.map(({ label }, sample) => {
      const reference = outputs[sample] ?? {};
      const trial = { ...reference, ...samplesOf(results, sample, samples.length) };
      const part = (tensor: RuntimeTensor | undefined) =>
        tensor && asNumbers(sampleOf(tensor, sample, samples.length));
      const [x, y] = [part(inside?.expected), part(inside?.actual)];
      return {
        ...compareSample(this.context.outputs, reference, trial, label),
        local: local && x && y ? noiseOf(local.float, x, y) : null,
      };
    });
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

/** Kept values that a trial does not change, with their element types. */
function knownOutside(
  { batches, kept }: Baseline,
  behind: ReadonlySet<string>,
): ReadonlyMap<string, DataType> {
  const known = new Map<string, DataType>();
  for (const value of kept) {
    const tensor = batches[0]?.values[value];
    if (tensor && !behind.has(value)) known.set(value, elementTypeOf(tensor.type));
  }
  return known;
}

async function weightFeeds(read: Map<Tensor, RuntimeTensor>, tensors: readonly Tensor[]): Promise<Feeds> {
  const feeds: Record<string, RuntimeTensor> = {};
  for (const tensor of tensors) {
    const known = read.get(tensor) ?? {
      type: 'float32',
      dims: tensor.dims,
      data: await floatsOf(tensor),
    };
    read.set(tensor, known);
    feeds[tensor.name] = known;
  }
  return feeds;
}

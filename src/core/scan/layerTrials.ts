import { InputError, RoundoffError } from '../errors';
import type { Layer } from '../graph/types';
import { isStatic } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Feeds } from '../ports';
import type { ActivationRange } from '../quant/scheme';
import type { Placement } from '../rewrite/placement';
import { rewrite } from '../rewrite/rewrite';
import type { Batch } from './baseline';
import type { Encodings } from './encodings';
import type { ScanFormat } from './formats';
import type { SampleFigures } from './sampleFigures';
import { openWeights, type OpenWeights } from './trialModel';
import { TrialSession, type TrialContext } from './trialSession';
import { behindPair, trialPlan } from './unitOutput';

export interface LayerTrialsContext extends TrialContext {
  readonly plan: Plan;
  /** Of all the layers together. */
  readonly placement: Placement;
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  readonly encodings: Encodings;
}

/** What a trial of one layer in one format gave. */
export interface TrialFigures {
  readonly bytes: number;
  readonly figures: readonly SampleFigures[];
}

/**
 * The trials of one layer. Formats that change nothing but its weight share one session, which is fed with what the runtime
 * would compute from the file; for the others `rewrite` makes a model each.
 */
export class LayerTrials {
  private shared: Promise<TrialSession> | undefined;
  private readonly open: OpenWeights | undefined;

  /** @param local the output of the layer's unit, if it is in the main graph. */
  constructor(
    private readonly context: LayerTrialsContext,
    private readonly layer: Layer,
    private readonly local: string | undefined,
  ) {
    this.open = openWeights(context.index, layer);
  }

  /**
   * Runs one format over batches.
   * @param onBatch called after each; may throw to stop.
   * @throws RoundoffError when the layer cannot have the format, or the model does not run.
   */
  async measure(format: ScanFormat, batches: readonly Batch[], onBatch: () => void): Promise<TrialFigures> {
    if (!this.layer.quantizable) throw new InputError(this.layer.reason ?? 'It cannot be quantized.');
    return this.open && isWeightAlone(format)
      ? this.measureWeight(format, this.open, batches, onBatch)
      : this.measureRewritten(format, batches, onBatch);
  }

  /** Ends what the formats shared. */
  async release(): Promise<void> {
    const session = await this.shared?.catch(() => undefined);
    await session?.release();
  }

  private async measureWeight(
    format: ScanFormat,
    { model, inputs }: OpenWeights,
    batches: readonly Batch[],
    onBatch: () => void,
  ): Promise<TrialFigures> {
    const { context, layer, local } = this;
    const given: Record<string, Feeds[string]> = {};
    for (const [at, encoded] of context.encodings.of(layer, format).entries()) {
      const dims = layer.weights[at]?.tensor.dims ?? [];
      given[inputs[at] ?? ''] = { type: 'float32', dims, data: await encoded.values() };
    }
    const inside = local === undefined ? undefined : { float: local, trial: local };
    this.shared ??= TrialSession.open(context, model, layer, inside, inputs);
    const figures = await overBatches(await this.shared, batches, given, onBatch);
    return { bytes: context.encodings.bytesOf(layer, format), figures };
  }

  private async measureRewritten(
    { format }: ScanFormat,
    batches: readonly Batch[],
    onBatch: () => void,
  ): Promise<TrialFigures> {
    const { context, layer, local } = this;
    const { plan, placement, ranges, index, work } = context;
    const alone = trialPlan(plan, layer.name, format, placement, local);
    const rewritten = await rewrite(index.model, alone, ranges, { signal: work.signal });
    const row = rewritten.layers.find(({ name }) => name === layer.name);
    if (row?.scheme !== format.scheme) {
      const why = rewritten.notes.find((note) => note.startsWith(layer.name));
      throw new RoundoffError(why ?? 'It cannot be quantized.');
    }
    const inside =
      local === undefined ? undefined : { float: local, trial: behindPair(rewritten.model, local) };
    const session = await TrialSession.open(context, rewritten.model, layer, inside);
    try {
      return { bytes: row.bytesAfter, figures: await overBatches(session, batches, {}, onBatch) };
    } finally {
      await session.release();
    }
  }
}

/** True when a format leaves everything but the weight as it is. */
function isWeightAlone({ format: { scheme, region, bias = 'float' } }: ScanFormat): boolean {
  return !isStatic(scheme) && !region && bias === 'float';
}

async function overBatches(
  session: TrialSession,
  batches: readonly Batch[],
  given: Feeds,
  onBatch: () => void,
): Promise<SampleFigures[]> {
  const figures: SampleFigures[] = [];
  for (const batch of batches) {
    onBatch();
    figures.push(...(await session.run(batch, given)));
  }
  return figures;
}

import { sampleOf, samplesOf } from '../calibrate/batches';
import { asNumbers } from '../calibrate/floats';
import { InputError, RoundoffError } from '../errors';
import type { GraphIndex } from '../graph/graphIndex';
import type { Layer, OutputDescription } from '../graph/types';
import type { Model } from '../onnx/types';
import { isStatic } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Feeds, Runtime, Work } from '../ports';
import type { ActivationRange } from '../quant/scheme';
import type { Placement } from '../rewrite/placement';
import { compensated, rewriteCompensated } from '../recover/compensated';
import type { DoneLayer } from '../recover/keptLayers';
import { isBiasBehind } from '../rewrite/addToBiases';
import { rewritePart, type Rewritten } from '../rewrite/rewrite';
import type { Baseline, Batch } from './baseline';
import type { Compensation } from './compensation';
import type { Encodings } from './encodings';
import { onlyPart } from './formatPart';
import type { FloatChain } from './floatChain';
import { excerptOf, type LayerExcerpt } from './layerExcerpt';
import type { ScanFormat } from './formats';
import { PartSession } from './partSession';
import { compareSample, noiseOf, type SampleFigures } from './sampleFigures';
import type { Stopwatch } from './stopwatch';
import type { KnownValues } from '../graph/suffix';
import { keptValue, knownValueOf, openWeights, type OpenWeights } from './trialModel';
import { behindPair, trialPlan, unitOf, unitOutput, type LayerUnit } from './unitOutput';

/** What all trials of a scan share. */
export interface LayerTrialsContext {
  readonly runtime: Runtime;
  /** Of the prepared float model. */
  readonly index: GraphIndex;
  readonly outputs: readonly OutputDescription[];
  readonly baseline: Baseline;
  readonly chain: FloatChain;
  readonly plan: Plan;
  /** Of all the layers together: it tells which Relu or Clip belongs to which. */
  readonly units: Placement;
  /** Text of each format that quantizes activations → where it puts them when all the layers have it. */
  readonly placements: ReadonlyMap<string, Pick<Placement, 'tensors'>>;
  /** Text of a format → the float model that `rewrite` takes when all the layers have it. */
  readonly models: ReadonlyMap<string, Model>;
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  readonly encodings: Encodings;
  /** Absent: all codes are the nearest. */
  readonly compensation?: Compensation | undefined;
  /** Runs while codes are computed and models built. */
  readonly stopwatch: Stopwatch;
  readonly work: Work;
}

/** What a trial of one layer in one format gave. */
export interface TrialFigures {
  readonly bytes: number;
  readonly figures: readonly SampleFigures[];
}

/** The layer in one format: gives what the rest of the model reads. */
interface Head {
  readonly session: PartSession;
  /** Value of the float model → what stands for it. */
  readonly names: ReadonlyMap<string, string>;
  /** What the layer is fed besides the samples. */
  readonly given: Feeds;
  readonly bytes: number;
  /** It computes the outputs itself. */
  readonly isWhole: boolean;
}

/**
 * The trials of one layer. Each goes through three parts, which begin with values that the float model gave:
 * - the head computes the layer's unit in a format. Formats that change nothing but the weight share one session, which they
 *   feed with what the runtime would compute from the file;
 * - the bridge computes what lies between the unit and the next border of the float chain. All formats share it;
 * - the chain computes the outputs, segment by segment. All layers share it.
 */
export class LayerTrials {
  private readonly unit: LayerUnit;
  private readonly local: string | undefined;
  /** Values that are kept and that a trial does not change. */
  private readonly known: KnownValues;
  private readonly excerpt: LayerExcerpt | undefined;
  private readonly open: OpenWeights | undefined;
  private weightHead: Promise<PartSession> | undefined;
  private bridge: Promise<PartSession> | undefined;
  /** The first segment behind the bridge. */
  private readonly segment: number;

  constructor(
    private readonly context: LayerTrialsContext,
    private readonly layer: Layer,
  ) {
    const { index, units, outputs, baseline } = context;
    this.unit = unitOf(
      index,
      units,
      layer,
      outputs.map(({ name }) => name),
    );
    this.local = unitOutput(index, units, layer.name);
    const { behind } = this.unit;
    this.known = { get: (value) => (behind && !behind.has(value) ? keptValue(baseline, value) : undefined) };
    this.excerpt = this.excerptOf(index.model);
    this.open = openWeights(this.excerpt?.index ?? index, this.excerpt?.layer ?? layer);
    this.segment = this.unit.behind ? context.chain.segmentBehind(this.unit.nodes) : context.chain.length;
  }

  /**
   * Runs one format over batches.
   * @param onBatch called before each; may throw to stop.
   * @param done the layer with codes that make up for their errors; absent: they are the nearest.
   * @throws RoundoffError when the layer cannot have the format, or the model does not run.
   */
  async measure(
    format: ScanFormat,
    batches: readonly Batch[],
    onBatch: () => void,
    done?: DoneLayer,
  ): Promise<TrialFigures> {
    const { layer, open } = this;
    if (!layer.quantizable) throw new InputError(layer.reason ?? 'It cannot be quantized.');
    const isShared = open !== undefined && isWeightAlone(format) && !done?.delta;
    const head = isShared
      ? await this.headOfWeight(format, done, open)
      : await this.rewrittenHead(format, done);
    try {
      const figures: SampleFigures[] = [];
      for (const batch of batches) {
        onBatch();
        figures.push(...(await this.run(head, batch)));
      }
      return { bytes: head.bytes, figures };
    } finally {
      if (!isShared) await head.session.release();
    }
  }

  /** Ends what the formats shared. */
  async release(): Promise<void> {
    for (const opening of [this.weightHead, this.bridge]) {
      const session = await opening?.catch(() => undefined);
      await session?.release();
    }
  }

  private async headOfWeight(
    format: ScanFormat,
    done: DoneLayer | undefined,
    { model, inputs }: OpenWeights,
  ): Promise<Head> {
    const { context, layer, unit } = this;
    const { encodings, stopwatch } = context;
    const given: Record<string, Feeds[string]> = {};
    for (const [at, encoded] of encodings.of(layer, format, done?.choice).entries()) {
      const data = await stopwatch.time(() => encoded.values());
      given[inputs[at] ?? ''] = { type: 'float32', dims: layer.weights[at]?.tensor.dims ?? [], data };
    }
    this.weightHead ??= PartSession.open(
      context.runtime,
      model,
      unit.gives,
      this.excerpt ? nothing : this.known,
    );
    return {
      session: await this.weightHead,
      names: new Map(unit.gives.map((value) => [value, value])),
      given,
      bytes: encodings.bytesOf(layer, format),
      isWhole: false,
    };
  }

  private async rewrittenHead(scanned: ScanFormat, done: DoneLayer | undefined): Promise<Head> {
    const { context, layer, unit } = this;
    const { text, format, part } = scanned;
    const { runtime, outputs, plan, placements, index, stopwatch } = context;
    const alone = trialPlan(plan, layer.name, format, placements.get(text), this.local);
    // A region of half precision reaches past its layer, and so does a bias that stands in the Add behind it.
    const isWhole = format.region === true || (done?.delta !== undefined && isBiasBehind(index, layer));
    const {
      rewritten: { model: changed, layers, notes },
      excerpt,
    } = await stopwatch.time(() =>
      this.rewriteAlone(alone, isWhole ? undefined : context.models.get(text), done),
    );
    const row = layers.find(({ name }) => name === layer.name);
    if (row?.scheme !== format.scheme) {
      const why = notes.find((note) => note.startsWith(layer.name));
      throw new RoundoffError(why ?? 'It cannot be quantized.');
    }
    const from = excerpt ?? { index, layer };
    const model = part ? onlyPart(part, from.index, changed, from.layer) : changed;
    const gives = isWhole ? outputs.map((output) => output.name) : unit.gives;
    const names = new Map(gives.map((value) => [value, isWhole ? value : behindPair(model, value)]));
    // An excerpt begins with what is known.
    const known = isWhole || excerpt ? nothing : this.known;
    const session = await PartSession.open(runtime, model, [...new Set(names.values())], known);
    return {
      session,
      names,
      given: {},
      bytes: part === 'activations' ? layer.bytes : row.bytesAfter,
      isWhole,
    };
  }

  /** @param model what the excerpt is cut from; undefined: the whole model is rewritten. */
  private async rewriteAlone(
    alone: Plan,
    model: Model | undefined,
    done: DoneLayer | undefined,
  ): Promise<{ rewritten: Rewritten; excerpt?: LayerExcerpt }> {
    const { index, ranges, work } = this.context;
    const stop = { signal: work.signal };
    const layers = new Map(done ? [[this.layer.name, done]] : []);
    const part = model && compensated(model, layers);
    const excerpt = part?.model === index.model ? this.excerpt : part && this.excerptOf(part.model);
    if (part && excerpt) {
      const rewritten = await rewritePart(excerpt.index.model, alone, ranges, stop, part.choices);
      return { rewritten, excerpt };
    }
    return { rewritten: await rewriteCompensated(index.model, alone, ranges, layers, work.signal) };
  }

  private excerptOf(model: Model): LayerExcerpt | undefined {
    return excerptOf(model, this.layer, this.unit, this.known);
  }

  private openBridge(given: Feeds, count: number): Promise<PartSession> {
    const { runtime, index, chain } = this.context;
    const { behind } = this.unit;
    const known: KnownValues = {
      get: (value) => {
        const tensor = given[value];
        return tensor ? knownValueOf(tensor, count) : this.known.get(value);
      },
    };
    const values = chain.valuesBefore(this.segment).filter((value) => behind?.has(value) && !given[value]);
    return PartSession.open(runtime, index.model, values, known);
  }

  /** What follows from what the unit gives. */
  private async runRest({ samples, feeds, values }: Batch, given: Feeds): Promise<Feeds> {
    this.bridge ??= this.openBridge(given, samples.length);
    const { behind = new Set() } = this.unit;
    const bridged = await (await this.bridge).run(given, values, feeds);
    const chained = await this.context.chain.run(this.segment, [bridged, given, values, feeds], behind);
    return { ...bridged, ...chained };
  }

  /** Compares each sample of a batch with the float model. */
  private async run(head: Head, batch: Batch): Promise<SampleFigures[]> {
    const { context, local } = this;
    const { samples, outputs, values } = batch;
    const made = await head.session.run(head.given, values, batch.feeds);
    const given: Feeds = Object.fromEntries(
      [...head.names].flatMap(([value, name]) => {
        const tensor = made[name];
        return tensor ? [[value, tensor] as const] : [];
      }),
    );
    const results = head.isWhole ? given : { ...given, ...(await this.runRest(batch, given)) };
    const inside = local === undefined ? [] : [values[local], given[local]];
    return samples.map(({ label }, at) => {
      const reference = outputs[at] ?? {};
      const trial = { ...reference, ...samplesOf(results, at, samples.length) };
      const [x, y] = inside.map((tensor) => tensor && asNumbers(sampleOf(tensor, at, samples.length)));
      return {
        ...compareSample(context.outputs, reference, trial, label),
        local: local !== undefined && x && y ? noiseOf(local, x, y) : null,
      };
    });
  }
}

const nothing: KnownValues = new Map();

/** True when a format leaves everything but the weight as it is. */
function isWeightAlone({ format: { scheme, region, bias = 'float' } }: ScanFormat): boolean {
  return !isStatic(scheme) && !region && bias === 'float';
}

import { CancelledError, InputError, throwIfCancelled } from '../errors';
import type { Layer } from '../graph/types';
import { isStatic } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Runtime, Work } from '../ports';
import type { ActivationRange } from '../quant/scheme';
import { runBaseline, type HeldSample } from './baseline';
import type { Candidates } from './candidates';
import type { Compensation } from './compensation';
import { candidateName, type ScanFormat } from './formats';
import { cutOf } from './keptValues';
import { FloatChain } from './floatChain';
import { LayerTrials, type LayerTrialsContext } from './layerTrials';
import { Stopwatch } from './stopwatch';
import type { ReadyScan } from './prepareScan';
import { mainNodeOf } from '../graph/suffix';
import type { KnownFigures, TrialCache } from './trialCache';
import { settingsOf } from './trialRanges';
import { unitOutput } from './unitOutput';
import type { ScanOptions } from './scan';

/** Measures candidates, in batches of samples, with what is known of them taken from the cache. */
export class Measuring {
  /** Runs of a candidate on a sample. */
  trials = 0;
  private ranges: ReadonlyMap<string, ActivationRange> = new Map();
  private prepared: LayerTrialsContext | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly ready: ReadyScan,
    private readonly plan: Plan,
    private readonly samples: readonly HeldSample[],
    private readonly cache: TrialCache,
    private readonly candidates: Candidates,
    private readonly compensation: Compensation | undefined,
    private readonly options: Pick<ScanOptions, 'outputs' | 'keptBytes'>,
    private readonly work: Work,
  ) {}

  /** Spent on codes of weights and on building models, between the runs. */
  get codeSeconds(): number {
    return this.prepared?.stopwatch.seconds ?? 0;
  }

  get floatPassSeconds(): number {
    return this.prepared?.baseline.seconds ?? 0;
  }

  /** Bytes of what the baseline holds. */
  get keptBytes(): number {
    return this.prepared?.baseline.bytes ?? 0;
  }

  /** What trials share; undefined when none had to run. */
  get context(): LayerTrialsContext | undefined {
    return this.prepared;
  }

  /**
   * Takes over what the cache knows, and runs the float model if anything is left to measure.
   * @param ranges of the values that static trials quantize.
   */
  async prepare(ranges: ReadonlyMap<string, ActivationRange>): Promise<void> {
    this.ranges = ranges;
    const { layers, names } = this.ready;
    const { candidates } = this;
    const known = new Set(layers.map(({ name }) => name));
    for (const name of names.filter((each) => !known.has(each))) {
      for (const format of candidates.formats) {
        candidates.fail(name, format, new InputError(`The model has no layer called ${name}.`));
      }
    }
    for (const layer of layers) await this.takeKnown(layer);
    if (candidates.isComplete) return;
    this.prepared = await this.contextOf();
  }

  /** @param order of the layers. @throws CancelledError */
  async run(order: readonly Layer[]): Promise<void> {
    try {
      for (const layer of order) {
        const pending = this.candidates.formats.filter((format) => !this.candidates.has(layer.name, format));
        if (pending.length > 0 && this.prepared) await this.runLayer(this.prepared, layer, pending);
      }
    } finally {
      await this.prepared?.chain.release();
    }
  }

  private async runLayer(
    context: LayerTrialsContext,
    layer: Layer,
    formats: readonly ScanFormat[],
  ): Promise<void> {
    const trials = new LayerTrials(context, layer);
    try {
      for (const format of formats) {
        throwIfCancelled(this.work.signal);
        this.candidates.starts(layer.name, format);
        try {
          await this.runFormat(context, trials, layer, format);
        } catch (error) {
          if (error instanceof CancelledError) throw error;
          this.candidates.fail(layer.name, format, error);
        }
      }
    } finally {
      await trials.release();
    }
  }

  private async runFormat(
    { baseline, stopwatch }: LayerTrialsContext,
    trials: LayerTrials,
    layer: Layer,
    format: ScanFormat,
  ): Promise<void> {
    const known = await this.knownOf(layer, format);
    const batches = baseline.batches.filter(({ samples }) =>
      samples.some(({ id }) => !known?.samples.has(id)),
    );
    if (format.recover) this.candidates.computes(layer.name, format);
    const done = await stopwatch.time(async () => this.compensation?.of(layer.name, format));
    const stop = (): void => throwIfCancelled(this.work.signal);
    const { bytes, figures } = await trials.measure(format, batches, stop, done);
    this.trials += figures.length;
    const measured = new Map(
      batches.flatMap(({ samples }) => samples).map((sample, at) => [sample, figures[at]]),
    );
    const all = this.samples.flatMap((sample) => measured.get(sample) ?? known?.samples.get(sample.id) ?? []);
    if (this.cache.isKept) {
      const samples = new Map(known?.samples);
      for (const [{ id }, figure] of measured) if (figure) samples.set(id, figure);
      await this.cache.keepFigures(candidateName(layer.name, format), this.settingsOf(layer, format), {
        bytes,
        samples,
      });
    }
    this.candidates.measure(layer.name, format, bytes, all);
  }

  private async takeKnown(layer: Layer): Promise<void> {
    for (const format of this.candidates.formats) {
      if (this.candidates.has(layer.name, format)) continue;
      const known = await this.knownOf(layer, format);
      const figures = this.samples.flatMap(({ id }) => known?.samples.get(id) ?? []);
      if (!known || figures.length < this.samples.length) continue;
      this.candidates.measure(layer.name, format, known.bytes, figures);
    }
  }

  private async knownOf(layer: Layer, format: ScanFormat): Promise<KnownFigures | undefined> {
    return this.cache.figuresOf(candidateName(layer.name, format), this.settingsOf(layer, format));
  }

  /**
   * What a trial depends on besides layer and format: for those that quantize activations, how; for those whose codes make up for
   * their errors, what these are fitted to.
   */
  private settingsOf(layer: Layer, { format, recover }: ScanFormat): unknown {
    const codes = recover === undefined ? [] : [this.compensation?.source];
    if (!isStatic(format.scheme)) return codes.length > 0 ? codes : null;
    const values = [...layer.ref.node.input, this.localOf(layer) ?? ''];
    const ranges = values.map((value) => this.ranges.get(value) ?? null);
    return [settingsOf({ ...this.plan, layers: {} }), ranges, ...codes];
  }

  private localOf({ name }: Layer): string | undefined {
    return unitOutput(this.ready.index, this.ready.units, name);
  }

  private async contextOf(): Promise<LayerTrialsContext> {
    const { runtime, ready, plan, work, options, ranges } = this;
    const { index, layers, units, every, models, encodings } = ready;
    const values = {
      outputs: options.outputs.map(({ name }) => name),
      cuts: layers.flatMap((layer) => cutOf(index, layer) ?? []),
      locals: layers.flatMap((layer) => this.localOf(layer) ?? []),
    };
    const baseline = await runBaseline(runtime, index.model, this.samples, values, work, options.keptBytes);
    const unitEnds = layers.flatMap(({ ref }) => {
      const at = mainNodeOf(index, ref);
      return at ? [units.clips.get(at) ?? at] : [];
    });
    const formats = this.candidates.formats.length;
    const chain = new FloatChain(runtime, index, baseline, {
      outputs: values.outputs,
      unitEnds,
      formats,
    });
    return {
      runtime,
      index,
      outputs: options.outputs,
      baseline,
      chain,
      work,
      plan,
      units,
      placements: new Map([...every].map(([text, { placement }]) => [text, placement])),
      models,
      ranges,
      encodings,
      compensation: this.compensation,
      stopwatch: new Stopwatch(),
    };
  }
}

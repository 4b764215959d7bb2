import type { Model } from '../onnx/types';
import { hasCodes } from '../plan/recover';
import type { Plan } from '../plan/types';
import type { ResultCache, Work } from '../ports';
import { formatText, optionsIn, type LayerFormat } from '../quant/layerFormat';
import type { DoneLayer } from './keptLayers';
import { LayerRecoverer } from './layerRecoverer';
import { layerTasks, type LayerTask } from './layerTask';
import { OutputJudge } from './outputJudge';
import type { RecoverSource } from './recover';
import { readBatches, type SampleBatches } from './sampleBatches';

/** The samples that layers are fitted to, and what judges them. */
interface Ground {
  readonly batches: SampleBatches;
  readonly judge: OutputJudge;
}

/**
 * Layers as they are when each is recovered on its own: the same codes as in a file of every plan with this recipe, not
 * sequential, in which they have that format. Samples are read when the first layer is asked for.
 */
export class LoneLayers {
  private ground: Promise<Ground> | undefined;
  private readonly recoverers = new Map<Model, Promise<LayerRecoverer>>();
  private readonly tasks = new Map<Model, Map<string, ReadonlyMap<string, LayerTask>>>();

  /** @param plan its recipe is not sequential: see `recoveringAlone`. */
  constructor(
    private readonly plan: Plan,
    private readonly source: RecoverSource,
    private readonly work: Work = {},
  ) {}

  /**
   * @param model prepared for the format.
   * @returns undefined where the recipe has nothing to choose: the format has no codes, or the layer is passed over.
   * @throws CancelledError
   */
  async of(model: Model, layer: string, format: LayerFormat): Promise<DoneLayer | undefined> {
    if (!hasCodes(format.scheme)) return undefined;
    const task = this.tasksOf(model, format).get(layer);
    if (!task) return undefined;
    const { signal } = this.work;
    return (await this.recovererOf(model)).recover(task, model, signal ? { signal } : {});
  }

  async release(): Promise<void> {
    const open = [...this.recoverers.values()];
    this.recoverers.clear();
    for (const opening of open) await (await opening.catch(() => undefined))?.release();
  }

  private tasksOf(model: Model, format: LayerFormat): ReadonlyMap<string, LayerTask> {
    const ofModel = this.tasks.get(model) ?? new Map<string, ReadonlyMap<string, LayerTask>>();
    this.tasks.set(model, ofModel);
    const text = formatText(format);
    const known = ofModel.get(text);
    if (known) return known;
    const all: Plan = {
      ...this.plan,
      defaultScheme: format.scheme,
      defaultOptions: optionsIn(format),
      layers: {},
    };
    const { tasks } = layerTasks(model, all, new Map());
    const byName = new Map(tasks.map((task) => [task.layer.name, task]));
    ofModel.set(text, byName);
    return byName;
  }

  private recovererOf(model: Model): Promise<LayerRecoverer> {
    const opening = this.recoverers.get(model) ?? this.open(model);
    this.recoverers.set(model, opening);
    return opening;
  }

  private async open(float: Model): Promise<LayerRecoverer> {
    // Models prepared for different formats compute the same: one reading serves all.
    this.ground ??= this.read(float);
    return LayerRecoverer.open({ ...this.source, float, ...(await this.ground) }, this.plan);
  }

  private async read(model: Model): Promise<Ground> {
    const { runtime, slice } = this.source;
    const batches = await readBatches(runtime, model, slice, this.work);
    return { batches, judge: new OutputJudge(runtime, batches.judge) };
  }
}

/** Keeps results for as long as a run takes, of one model and one data set, where there is no folder for them. */
export class PassingResults implements ResultCache {
  readonly model = '';
  private readonly entries = new Map<string, unknown>();

  identify({ index }: { readonly index: number }): string {
    return String(index);
  }

  async get(key: string): Promise<unknown> {
    return this.entries.get(key);
  }

  async put(key: string, value: unknown): Promise<void> {
    this.entries.set(key, value);
  }
}

import type { Model } from '../onnx/types';
import { onlyLayer } from '../plan/editPlan';
import { hasCodes } from '../plan/recover';
import type { Plan } from '../plan/types';
import type { ResultCache, Work } from '../ports';
import { formatText, optionsIn, type LayerFormat } from '../quant/layerFormat';
import { prepareAnew } from '../rewrite/prepare';
import type { DoneLayer } from './keptLayers';
import { LayerRecoverer } from './layerRecoverer';
import { layerTasks, type LayerTask } from './layerTask';
import { OutputJudge } from './outputJudge';
import type { RecoverSource } from './recover';
import { readBatches, type SampleBatches, withOutputsOf } from './sampleBatches';

/** A recoverer, and the model that it is for. */
interface Opened {
  readonly float: Model;
  readonly recoverer: LayerRecoverer;
}

/**
 * Layers as they are when each is recovered on its own: the same codes as in a file of every plan with this recipe, not
 * sequential, in which they have that format. Samples are read when the first layer is asked for.
 */
export class LoneLayers {
  private opened: Opened | undefined;
  private readonly tasks = new WeakMap<Model, Map<string, ReadonlyMap<string, LayerTask>>>();

  /**
   * @param plan its recipe is not sequential: see `recoveringAlone`.
   * @param batches of the source's slice, when it has been read; of which model does not matter.
   */
  constructor(
    private readonly plan: Plan,
    private readonly source: RecoverSource,
    private readonly work: Work = {},
    private batches?: SampleBatches,
  ) {}

  /**
   * @param model prepared, for whatever plan.
   * @returns undefined where the recipe has nothing to choose: the format has no codes, or the layer is passed over.
   * @throws InputError for a format that the model's operator set cannot have, CancelledError
   */
  async of(model: Model, layer: string, format: LayerFormat): Promise<DoneLayer | undefined> {
    if (!hasCodes(format.scheme)) return undefined;
    const { onProgress: _, ...quiet } = this.work;
    // What another layer's format wants unfolded would change what this one reads, by the last bit.
    const { model: float } = await prepareAnew(model, onlyLayer(this.plan, layer, format));
    const task = this.tasksOf(float, format).get(layer);
    return task && (await this.recovererOf(float)).recover(task, float, quiet);
  }

  async release(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    await opened?.recoverer.release();
  }

  private tasksOf(model: Model, format: LayerFormat): ReadonlyMap<string, LayerTask> {
    const ofModel = this.tasks.get(model) ?? new Map<string, ReadonlyMap<string, LayerTask>>();
    this.tasks.set(model, ofModel);
    const text = formatText(format);
    const known = ofModel.get(text);
    if (known) return known;
    const { tasks } = layerTasks(model, inFormat(this.plan, format), new Map());
    const byName = new Map(tasks.map((task) => [task.layer.name, task]));
    ofModel.set(text, byName);
    return byName;
  }

  /** One at a time, as each holds moments of a layer: hardly any format wants another model than the others. */
  private async recovererOf(float: Model): Promise<LayerRecoverer> {
    if (this.opened?.float === float) return this.opened.recoverer;
    await this.release();
    const { runtime, slice } = this.source;
    // Judged by the outputs of this very model: of another one they would differ by the last bit.
    const batches = this.batches
      ? await withOutputsOf(runtime, float, this.batches, this.work.signal)
      : await readBatches(runtime, float, slice, this.work);
    this.batches = batches;
    const judge = new OutputJudge(runtime, batches.judge);
    const recoverer = await LayerRecoverer.open({ ...this.source, batches, judge, float }, this.plan);
    this.opened = { float, recoverer };
    return recoverer;
  }
}

/** All layers in one format. */
function inFormat(plan: Plan, format: LayerFormat): Plan {
  return { ...plan, defaultScheme: format.scheme, defaultOptions: optionsIn(format), layers: {} };
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

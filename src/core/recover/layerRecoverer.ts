import type { Model } from '../onnx/types';
import type { Plan, RecoverStep } from '../plan/types';
import type { Work } from '../ports';
import type { Equalized } from '../rewrite/equalize/equalize';
import { foldConstants } from '../rewrite/foldConstants';
import { preparedFrom } from '../rewrite/prepare';
import { collectMoments } from './collectMoments';
import { type DoneLayer, KeptLayers } from './keptLayers';
import type { LayerTask } from './layerTask';
import { joinMoments, type LayerMoments } from './moments';
import type { OutputJudge } from './outputJudge';
import type { RecoverSource } from './recover';
import { type LayerTools, recoverLayer } from './recoverLayer';
import { normalMeans } from './normalMeans';
import { RuntimeProducts } from './runtimeProducts';
import type { SampleBatches } from './sampleBatches';

/** What layers are recovered with, besides the recipe. */
export interface LayerSource extends Pick<RecoverSource, 'runtime' | 'cache'> {
  /** The prepared float model. */
  readonly float: Model;
  readonly batches: SampleBatches;
  readonly judge: OutputJudge;
  /** Layers between which channels were evened out. */
  readonly evened?: Equalized['pairs'];
}

/** Recovers layers, one at a time, by a plan's recipe. Open it once, release it. */
export class LayerRecoverer {
  /** Of the float model, of the layer that was last done on its own: they serve all its formats. */
  private known: { readonly layer: string; readonly moments: LayerMoments | undefined } | undefined;

  private constructor(
    private readonly source: LayerSource,
    private readonly steps: readonly RecoverStep[],
    private readonly kept: KeptLayers,
    private readonly tools: LayerTools,
    private readonly products: RuntimeProducts,
  ) {}

  static async open(source: LayerSource, plan: Plan): Promise<LayerRecoverer> {
    const { runtime, cache, float, batches, judge, evened = [] } = source;
    const kept = new KeptLayers(cache, runtime.version, plan, batches.used, float, evened);
    // A model that was evened out is not what was prepared: its channels have other means than normalizations tell.
    const channelMeans = await normalMeans(foldConstants(preparedFrom(float)));
    const products = await RuntimeProducts.open(runtime);
    const tools: LayerTools = { judge, compute: products, multiply: products.multiply, channelMeans };
    return new LayerRecoverer(source, plan.recover?.steps ?? [], kept, tools, products);
  }

  /**
   * The layer as it will be, taken from the cache when it is there, else computed and kept there.
   * @param before the model in which it stands: with the earlier layers as they will be, or the float model itself.
   * @throws CancelledError
   */
  async recover(task: LayerTask, before: Model, work: Work): Promise<DoneLayer> {
    const known = await this.kept.next(task);
    if (known) return known;
    const moments = await this.momentsOf(task, before, work);
    const done = await recoverLayer(task, before, this.steps, moments, this.tools, work);
    await this.kept.keep(done);
    return done;
  }

  async release(): Promise<void> {
    await this.products.release();
  }

  private async momentsOf(task: LayerTask, before: Model, work: Work): Promise<LayerMoments | undefined> {
    const { float } = this.source;
    if (before !== float) return this.collect(task, before, work);
    const { name } = task.layer;
    if (this.known?.layer !== name) {
      this.known = { layer: name, moments: await this.collect(task, before, work) };
    }
    const { moments } = this.known;
    // Whoever gets them changes them.
    return moments && { ...moments, second: moments.second.slice() };
  }

  /** Of everything that is multiplied by the weight; undefined where some of it has no moments. */
  private async collect(task: LayerTask, current: Model, work: Work): Promise<LayerMoments | undefined> {
    const { runtime, float, batches } = this.source;
    const models = { runtime, float, current, batches: batches.fit };
    const parts: LayerMoments[] = [];
    for (const { layer, view, value } of [task, ...task.sharers]) {
      const part = await collectMoments(layer, view, value, models, work);
      if (!part) return undefined;
      parts.push(part);
    }
    return joinMoments(parts);
  }
}

import type { Model } from '../onnx/types';
import { throwIfCancelled } from '../errors';
import { isStatic } from '../plan/editPlan';
import type { RecoverStep } from '../plan/types';
import type { Work } from '../ports';
import { axisLayout } from '../quant/affine';
import type { CompensatedCodes, WeightGrid } from '../quant/weightGrid';
import type { TriedCorrection } from '../recoverResults';
import { addToBiases, outputChannelsOf } from '../rewrite/addToBiases';
import type { EncodingChoice } from '../rewrite/weights/encodeWeight';
import { floatsOf } from '../rewrite/weights/floatValues';
import { analyticBiasDelta, biasDelta, biasMap, takesMeanAway, type BiasMap } from './bias';
import { centerMoments } from './centered';
import type { Compute } from './compute';
import { withBiasAs, withWeight } from './currentModel';
import { descend } from './descent';
import { DAMPING, type Factor, factorLayer } from './factor';
import { floatTarget } from './floatTarget';
import { roundGptq } from './gptq';
import { roundInq } from './inq';
import type { DoneLayer } from './keptLayers';
import { encodeTask, gridChoices, type LayerTask } from './layerTask';
import type { LayerMoments } from './moments';
import type { Multiply } from './multiply';
import { decibels, type Judge, type OutputJudge } from './outputJudge';
import { gridValues, outputError, refitScales } from './refit';

/** Weights on which grids are compared before one of them is used for all: so many columns of 1,152. */
const TRIAL_WEIGHTS = 64 * 1152;

const NO_MOMENTS = 'reads no values, values whose squares are not finite, or such as its weight does not fit';

/** What all layers use. */
export interface LayerTools {
  readonly judge: OutputJudge;
  readonly compute: Compute;
  readonly multiply: Multiply;
  /** Of values that normalizations tell of: see `normalMeans`. */
  readonly channelMeans: ReadonlyMap<string, Float64Array>;
}

/** A layer in one version. */
interface Version {
  readonly choice: EncodingChoice;
  readonly delta?: Float32Array;
  /** Of the model's output on held-out samples. */
  readonly nmse: number;
}

/** What rounding rules work on. */
interface Ground {
  /** Covariances where the layer's bias is corrected and takes the mean of the error away. */
  readonly moments: LayerMoments;
  /** λ as a part of the mean of the diagonal. */
  readonly damping: number;
  readonly factors: readonly Factor[];
  /** Float weights in the order of the stored tensor, and those that codes are to come near to. */
  readonly weights: Float32Array;
  readonly wanted: Float32Array;
  /** Of a bias that is corrected with each change of the codes. */
  readonly map: BiasMap | undefined;
}

/**
 * Recovers one layer. Each version of it stands in the model with all layers before it done, and those behind it float; a
 * correction is kept where that model's output gets better on held-out samples.
 * With `bias` among the steps, codes are chosen by covariances and judged together with the bias that makes up for the mean of
 * their error.
 * @param before the model with all layers done that come before.
 * @param moments absent: nothing is tried. They are changed: see `centerMoments`.
 * @throws CancelledError
 */
export async function recoverLayer(
  task: LayerTask,
  before: Model,
  steps: readonly RecoverStep[],
  moments: LayerMoments | undefined,
  tools: LayerTools,
  work: Work = {},
): Promise<DoneLayer> {
  const changing = [task, ...task.sharers].map(({ layer }) => layer.name);
  const judge = tools.judge.behind(before, changing);
  try {
    return await new LayerRecovery(task, before, judge, tools, work).run(steps, moments);
  } finally {
    await judge.release();
  }
}

/** The model with a layer as it will be. */
export function withDone(
  model: Model,
  task: LayerTask,
  { choice, delta }: Pick<DoneLayer, 'choice' | 'delta'>,
): Model {
  const encoded = encodeTask(task, choice);
  const layers = [task, ...task.sharers].map(({ layer }) => layer);
  const weighted = layers.reduce((current, layer) => withWeight(current, layer, encoded), model);
  const corrected = delta ? addToBiases(weighted, new Map([[task.layer.name, delta]])) : weighted;
  return layers.reduce((current, layer) => withBiasAs(current, layer, task.format.bias), corrected);
}

class LayerRecovery {
  private readonly tried: TriedCorrection[] = [];

  constructor(
    private readonly task: LayerTask,
    private readonly before: Model,
    private readonly judge: Judge,
    private readonly tools: LayerTools,
    private readonly work: Work,
  ) {}

  async run(steps: readonly RecoverStep[], moments: LayerMoments | undefined): Promise<DoneLayer> {
    const plain = { choice: this.task.choice };
    if (!moments) {
      const { choice, layer } = this.done(plain, null, null);
      return { choice, layer: { ...layer, reason: NO_MOMENTS } };
    }
    const nearest = await this.version(plain);
    const map = steps.includes('bias') ? this.biasMap() : undefined;
    if (map && takesMeanAway(map)) centerMoments(moments);
    const { compute, multiply } = this.tools;
    const weights = await floatsOf(this.task.weight.tensor);
    const damping = dampingFor(moments);
    const factors = await factorLayer(moments, { damping }, compute, this.work);
    const wanted = await floatTarget(weights, moments, factors, multiply, compute, this.work);
    const ground: Ground = { moments, damping, factors, weights, wanted, map };
    let best = nearest;
    for (const step of steps) {
      throwIfCancelled(this.work.signal);
      if (step === 'bias') {
        best = await this.withBias(best, ground);
      } else {
        const choice = await this.corrected(step, best, ground);
        if (choice)
          best = this.better(step, best, await this.version(await this.compensated(choice, ground)));
      }
    }
    const errorOf = async ({ choice }: Version): Promise<number | null> =>
      (await outputError(wanted, await encodeTask(this.task, choice).values(), moments, multiply)).sqnrDb;
    return this.done(best, await errorOf(nearest), await errorOf(best));
  }

  /**
   * How the columns of the layer's weight come to its bias; undefined where that is not corrected: layers that share a weight keep
   * theirs, and one that computes on integers gets no Add behind it, before which its output would be rounded once more.
   */
  private biasMap(): BiasMap | undefined {
    const { layer, view, sharers, format } = this.task;
    if (sharers.length > 0) return undefined;
    const map = biasMap(layer, view);
    if (!map || outputChannelsOf(layer)?.count !== map.channels) return undefined;
    if (!isStatic(format.scheme)) return map;
    const corrected = addToBiases(this.before, new Map([[layer.name, new Float32Array(map.channels)]]));
    return corrected.graph?.node.length === this.before.graph?.node.length ? map : undefined;
  }

  /** A choice with the bias that goes with its codes, where biases are corrected. */
  private async compensated(
    choice: EncodingChoice,
    { map, weights, moments }: Ground,
  ): Promise<Pick<Version, 'choice' | 'delta'>> {
    if (!map) return { choice };
    const rounded = await encodeTask(this.task, choice).values();
    const delta = biasDelta(weights, rounded, this.task.view, moments, map);
    return { choice, delta: Float32Array.from(delta) };
  }

  /** The better of a version's codes with and without a bias that makes up for them. */
  private async withBias(best: Version, ground: Ground): Promise<Version> {
    if (!ground.map) return best;
    const { choice } = best;
    const without = best.delta ? await this.version({ choice }) : best;
    const empirical = best.delta ? best : await this.version(await this.compensated(choice, ground));
    const delta = await this.analyticDelta(choice, ground);
    if (!delta) return this.better('bias', without, empirical);
    const analytic = await this.version({ choice, delta });
    return analytic.nmse < empirical.nmse
      ? this.better('bias', without, analytic, 'analytic')
      : this.better('bias', without, empirical, 'empirical');
  }

  /** What normalizations tell of the layer's input; undefined where there are none. */
  private async analyticDelta(
    choice: EncodingChoice,
    { map, weights }: Ground,
  ): Promise<Float32Array | undefined> {
    const { layer, view, value } = this.task;
    const means = this.tools.channelMeans.get(value);
    if (!map || !means) return undefined;
    const rounded = await encodeTask(this.task, choice).values();
    const delta = analyticBiasDelta(layer, weights, rounded, view, means, map);
    return delta && Float32Array.from(delta);
  }

  /** What a step makes of the codes of a version; undefined where there is nothing for it to do. */
  private async corrected(
    step: Exclude<RecoverStep, 'bias'>,
    { choice }: Version,
    ground: Ground,
  ): Promise<EncodingChoice | undefined> {
    const { moments, damping, weights, wanted } = ground;
    const { multiply } = this.tools;
    const { codes: known, ...plain } = choice;
    switch (step) {
      case 'equalize':
        return undefined;
      case 'gptq':
      case 'inq': {
        const round = step === 'gptq' ? this.gptq(ground) : this.inq(ground);
        const best = await this.bestGrid(ground, round);
        return best && { ...best, codes: { codes: await round(best), rounding: step } };
      }
      case 'descent': {
        const grid = await this.grid(plain);
        if (!grid) return undefined;
        const { codes, rounding } = known ?? nearestCodes(weights, grid);
        const moved = await descend(wanted, codes, grid, moments, multiply, { damping }, this.work);
        return { ...plain, codes: { codes: moved, rounding: rounding ?? 'descent' } };
      }
      case 'refit': {
        const axis = encodeTask(this.task, plain).scaledAxis;
        const grid = await this.grid(plain);
        if (!grid || axis === undefined) return undefined;
        const codes = known ?? nearestCodes(weights, grid);
        const layout = axisLayout(this.task.weight.tensor.dims, axis);
        const rounded = gridValues(codes.codes, grid);
        const factors = await refitScales(wanted, rounded, moments, layout, multiply);
        return factors && { ...plain, codes: { ...codes, factors } };
      }
    }
  }

  private gptq({ wanted, factors, moments }: Ground) {
    const { compute } = this.tools;
    return async (choice: EncodingChoice, view = moments.view): Promise<Int16Array> =>
      roundGptq(wanted, view, await this.needGrid(choice), factors, compute, this.work);
  }

  private inq({ wanted, moments, damping }: Ground) {
    const { multiply } = this.tools;
    return async (choice: EncodingChoice, view = moments.view): Promise<Int16Array> =>
      roundInq(wanted, await this.needGrid(choice), { ...moments, view }, multiply, { damping }, this.work);
  }

  /** The grid with the least error at the layer's output, on some of the columns; undefined when the format has none. */
  private async bestGrid(
    { wanted, moments }: Ground,
    round: (choice: EncodingChoice, view: LayerMoments['view']) => Promise<Int16Array>,
  ): Promise<EncodingChoice | undefined> {
    const choices = gridChoices(this.task);
    const [first] = choices;
    if (!first || !(await this.grid(first))) return undefined;
    if (choices.length === 1) return first;
    const { view } = moments;
    const stride = Math.max(1, Math.floor((view.columns * view.depth) / TRIAL_WEIGHTS));
    const part = {
      ...view,
      columns: Math.ceil(view.columns / stride),
      columnStep: view.columnStep * stride,
    };
    let best: { readonly choice: EncodingChoice; readonly noise: number } | undefined;
    for (const choice of choices) {
      const codes = await round(choice, part);
      const rounded = gridValues(codes, await this.needGrid(choice));
      const { noise } = await outputError(wanted, rounded, { ...moments, view: part }, this.tools.multiply);
      if (!best || noise < best.noise) best = { choice, noise };
    }
    return best?.choice;
  }

  private better(
    step: RecoverStep,
    best: Version,
    changed: Version,
    version?: TriedCorrection['version'],
  ): Version {
    const kept = changed.nmse < best.nmse;
    const figures = { beforeDb: decibels(best.nmse), afterDb: decibels(changed.nmse) };
    this.tried.push({ step, ...(version && { version }), kept, ...figures });
    return kept ? changed : best;
  }

  private async version(changed: Pick<Version, 'choice' | 'delta'>): Promise<Version> {
    const model = withDone(this.before, this.task, changed);
    return { ...changed, nmse: await this.judge.error(model, this.work) };
  }

  private done(
    { choice, delta }: Pick<Version, 'choice' | 'delta'>,
    beforeDb: number | null,
    afterDb: number | null,
  ): DoneLayer {
    const { name } = this.task.layer;
    const rule = choice.codes?.rounding ?? 'nearest';
    return {
      choice,
      ...(delta && { delta }),
      layer: { name, rule, beforeDb, afterDb, tried: this.tried },
    };
  }

  private grid(choice: EncodingChoice): Promise<WeightGrid | undefined> {
    return encodeTask(this.task, choice).grid();
  }

  private async needGrid(choice: EncodingChoice): Promise<WeightGrid> {
    const grid = await this.grid(choice);
    if (!grid) throw new Error(`${this.task.format.scheme} has no grid`);
    return grid;
  }
}

/** More where there are fewer rows than elements: what so few rows tell of the other directions is chance. */
function dampingFor({ rows, view }: LayerMoments): number {
  return DAMPING * Math.max(1, view.depth / rows);
}

function nearestCodes(weights: Float32Array, grid: WeightGrid): CompensatedCodes {
  return { codes: Int16Array.from(weights, (weight, at) => grid.codeOf(at, weight)) };
}

import { InputError } from '../errors';
import { indexGraph } from '../graph/graphIndex';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import type { LocalRangeRule } from '../quant/ranges';
import type { ActivationRange } from '../quant/scheme';
import type { RecoverResult } from '../recoverResults';
import { isEightBit } from '../rewrite/activationTypes';
import { listed } from '../rewrite/notes';
import { placeQuantization, type Placement } from '../rewrite/placement';
import { activationsToCalibrate, prepareFloat } from '../rewrite/prepare';
import { rewrite, type RewrittenLayer } from '../rewrite/rewrite';
import { checkTensorOverrides } from '../rewrite/tensorOverrides';
import type { EncodingChoice } from '../rewrite/weights/encodeWeight';
import { activationTargets } from '../calibrate/activationTargets';
import { calibrate } from '../calibrate/calibrate';
import { chooseWeights } from '../calibrate/chooseWeights';
import { chooseRanges, WIDE_RULE } from '../calibrate/chooseRanges';
import { recover, type RecoverSource } from './recover';

export interface QuantizedModel {
  readonly model: Model;
  readonly layers: readonly RewrittenLayer[];
  /** Activation ranges by value name. */
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  /** The rule they come from; undefined when no activation is quantized. */
  readonly rule: LocalRangeRule | undefined;
  readonly notes: readonly string[];
  /** What the plan's recipe to recover accuracy came to; absent: it has none. */
  readonly recovered?: RecoverResult;
}

/**
 * The main job: prepare → choose what weight formats leave open, and recover accuracy → calibrate → choose ranges → rewrite.
 * Nothing is written; the result's weights are computed when it is (see `writeModel`).
 * @param source needed when the plan quantizes activations or has a recipe; without it weights take what holds without data.
 * @throws InputError when it is needed and missing, when data and model do not fit, or when the plan has formats for tensors
 * that it does not quantize.
 * @throws CancelledError
 */
export async function quantizeModel(
  model: Model,
  plan: Plan,
  source: RecoverSource | undefined,
  work: Work = {},
): Promise<QuantizedModel> {
  const ready = await prepareFloat(model, plan);
  const { notes } = ready;
  const index = indexGraph(ready.model);
  const placement = placeQuantization(index, plan);
  checkTensorOverrides(index, placement, plan);
  const weights = await weightsFor(ready.model, plan, source, work);
  const prepared = weights.model;
  const values = activationsToCalibrate({ ...ready, model: prepared }, plan);
  if (values.length === 0) {
    const written = await rewrite(prepared, plan, new Map(), work, weights.choices);
    return {
      model: written.model,
      layers: written.layers,
      ranges: new Map(),
      rule: undefined,
      ...(weights.recovered && { recovered: weights.recovered }),
      notes: [...notes, ...written.notes, ...weights.notes],
    };
  }
  if (!source) {
    throw new InputError(
      `The plan quantizes activations, whose ranges come from data (${listed(values)}). ` +
        'Choose calibration data, or quantize weights alone (w8, w4).',
    );
  }
  const { runtime, slice } = source;
  const calibration = await calibrate(runtime, prepared, values, slice, work);
  const chosen = await chooseRanges(
    runtime,
    plan.activationRange === 'auto' && isWide(placement) ? WIDE_RULE : plan.activationRange,
    calibration,
    activationTargets(plan),
    async (ranges) => (await rewrite(prepared, plan, ranges, { signal: work.signal }, weights.choices)).model,
    work,
  );
  const rewritten = await rewrite(prepared, plan, chosen.ranges, work, weights.choices);
  return {
    model: rewritten.model,
    layers: rewritten.layers,
    ranges: chosen.ranges,
    rule: chosen.rule,
    ...(weights.recovered && { recovered: weights.recovered }),
    notes: [...notes, ...rewritten.notes, ...weights.notes, ...chosen.notes],
  };
}

/** What is decided about weights before activations are looked at, and the model with what that changed. */
interface DecidedWeights {
  readonly model: Model;
  readonly choices: ReadonlyMap<string, EncodingChoice>;
  readonly notes: readonly string[];
  readonly recovered?: RecoverResult;
}

async function weightsFor(
  model: Model,
  plan: Plan,
  source: RecoverSource | undefined,
  work: Work,
): Promise<DecidedWeights> {
  if (plan.recover && source) {
    const { result, ...decided } = await recover(model, plan, source, work);
    return { ...decided, recovered: result };
  }
  if (plan.recover) {
    throw new InputError(
      `The plan recovers accuracy by ${plan.recover.steps.join(', ')}, which takes calibration data. Choose data, or leave it out.`,
    );
  }
  return {
    model,
    ...(source ? await chooseWeights(model, plan, source, work) : { choices: new Map(), notes: [] }),
  };
}

/** True when no tensor has 8 bits, so that all the rules that `auto` compares come to the same. */
function isWide({ tensors }: Placement): boolean {
  return [...tensors.values()].every(({ computedAs, readers }) =>
    [...(computedAs ? [computedAs] : []), ...readers.keys()].every((type) => !isEightBit(type)),
  );
}

import { InputError } from '../errors';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Runtime, Slice, Work } from '../ports';
import type { LocalRangeRule, RangeTarget } from '../quant/ranges';
import type { ActivationRange } from '../quant/scheme';
import { activationsToCalibrate, prepareFloat } from '../rewrite/prepare';
import { rewrite, type RewrittenLayer } from '../rewrite/rewrite';
import { calibrate } from './calibrate';
import { chooseRanges } from './chooseRanges';

/** Where activation statistics come from. */
export interface CalibrationSource {
  readonly runtime: Runtime;
  readonly slice: Slice;
}

export interface QuantizedModel {
  readonly model: Model;
  readonly layers: readonly RewrittenLayer[];
  /** Activation ranges by value name. */
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  /** The rule they come from; undefined when no activation is quantized. */
  readonly rule: LocalRangeRule | undefined;
  readonly notes: readonly string[];
}

/** Activations are asymmetric in either type: with int8 the grid is the same, moved by 128. */
export function activationTarget(plan: Plan): RangeTarget {
  return { type: plan.activationType, symmetric: false };
}

/**
 * The main job: prepare → calibrate → choose ranges → rewrite. Nothing is written; the result's weights are computed when
 * it is (see `writeModel`).
 * @param source needed when the plan quantizes activations.
 * @throws InputError when it is needed and missing, or when data and model do not fit.
 * @throws CancelledError
 */
export async function quantizeModel(
  model: Model,
  plan: Plan,
  source: CalibrationSource | undefined,
  work: Work = {},
): Promise<QuantizedModel> {
  const ready = await prepareFloat(model, plan);
  const { model: prepared, notes } = ready;
  const values = activationsToCalibrate(ready, plan);
  if (values.length === 0) {
    const { model: written, layers, notes: more } = await rewrite(prepared, plan, new Map(), work);
    return { model: written, layers, ranges: new Map(), rule: undefined, notes: [...notes, ...more] };
  }
  if (!source) {
    throw new InputError(
      'The plan quantizes activations, whose ranges come from data. Choose calibration data, or keep every layer float.',
    );
  }
  const { runtime, slice } = source;
  const calibration = await calibrate(runtime, prepared, values, slice, work);
  const chosen = await chooseRanges(
    runtime,
    plan.activationRange,
    calibration,
    activationTarget(plan),
    async (ranges) => (await rewrite(prepared, plan, ranges, { signal: work.signal })).model,
    work,
  );
  const rewritten = await rewrite(prepared, plan, chosen.ranges, work);
  return {
    model: rewritten.model,
    layers: rewritten.layers,
    ranges: chosen.ranges,
    rule: chosen.rule,
    notes: [...notes, ...rewritten.notes, ...chosen.notes],
  };
}

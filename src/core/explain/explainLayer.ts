import type { CalibrationSource } from '../calibrate/calibrate';
import { InputError, throwIfCancelled } from '../errors';
import type { LayerExplanation } from '../explainResults';
import { indexGraph } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import { isStatic } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { formatText, parseFormat, type LayerFormat } from '../quant/layerFormat';
import type { Candidate, ScanMetric } from '../results';
import { defaultOpset } from '../rewrite/opset';
import { layerActivations, quantizedValues, type LayerActivations } from './activationLoss';
import { perChannel } from './alternatives';
import { causesOf, rankOf, type LayerFacts, type MeasuredFacts } from './causes';
import { remediesFor } from './remedies';
import { tryFormat, type TriedFormat } from './triedFormat';
import { channelSpread, noiseOf, sharesOf, sqnrOf, weightLoss, worstChannels } from './weightLoss';

/** Channels that are named. */
const WORST_CHANNELS = 5;

export interface ExplainOptions {
  readonly layer: string;
  /** Format to explain, as the command line takes it. */
  readonly scheme: string;
  /** Explains the activations of a format that quantizes them; absent: the weight alone. */
  readonly calibration?: CalibrationSource;
  /** Figures of a scan: ranks, and which formats do better. */
  readonly measured?: { readonly metric: ScanMetric; readonly candidates: readonly Candidate[] };
}

/**
 * Why a layer hurts in a format, and what would do better: the weight as it is encoded without data, what the layer reads and
 * gives with ranges as a scan of the layer takes them, and what a scan told. The layer is looked at alone, all others float.
 * @throws InputError when there is no such layer, it cannot be quantized, or the format is not one.
 * @throws CancelledError
 */
export async function explainLayer(
  model: Model,
  plan: Plan,
  options: ExplainOptions,
  work: Work = {},
): Promise<LayerExplanation> {
  const { layer: name, calibration } = options;
  const format = formatIn(options.scheme);
  const scheme = formatText(format);
  checkLayer(model, plan, name);
  const report = (done: number, message: string): void => work.onProgress?.(done, 3, message);
  report(0, `Encoding the weight of ${name}`);
  const tried = await tryFormat(model, plan, name, format, work);
  if (!tried) throw new InputError(`The layer ${name} cannot be written as ${scheme}.`);
  const { layer, weight, bytes } = tried;
  throwIfCancelled(work.signal);
  const activations = calibration && (await activationsOf(tried, plan, format, calibration, work));
  report(2, `Trying other formats on ${name}`);
  const losses = activations && isStatic(format.scheme) ? activations.lossAs(format.scheme) : [];
  const measured = measuredFacts(name, scheme, options.measured);
  const perChannelNoise = weight?.isShared ? await noisePerChannel(tried, format) : undefined;
  const facts: LayerFacts = {
    scheme,
    weight,
    activations: losses,
    ...(perChannelNoise !== undefined && { perChannelNoise }),
    ...(measured && { measured }),
  };
  const remedies = await remediesFor(
    {
      op: layer.op,
      format,
      bytes,
      weight,
      ...(activations && { activations }),
      ...(measured && { measured }),
      tryFormat: (other) => tryFormat(tried.ready.model, plan, name, other, work),
    },
    work,
  );
  report(3, `Explained ${name}`);
  return {
    layer: name,
    scheme,
    measured: measured
      ? {
          metric: measured.metric,
          sensitivity: measured.candidate.sensitivity,
          standardError: measured.candidate.standardError ?? null,
          ...rankOf(measured),
        }
      : null,
    weight: weight && {
      sqnrDb: sqnrOf(weight),
      ...sharesOf(weight),
      channelSpread: channelSpread(weight),
      worstChannels: worstChannels(weight, WORST_CHANNELS),
    },
    activations: losses.map((loss) => ({
      value: loss.value,
      role: loss.role,
      sqnrDb: sqnrOf(loss),
      ...sharesOf(loss),
      tail: loss.tail,
    })),
    causes: causesOf(facts),
    remedies,
  };
}

function formatIn(text: string): LayerFormat {
  const format = parseFormat(text);
  if ('mistake' in format) throw new InputError(format.mistake);
  if (format.scheme === 'float') {
    throw new InputError('A float layer has no error to explain: name the format that it is to have.');
  }
  return format;
}

/** @throws InputError when there is no such layer, or it cannot be quantized. */
function checkLayer(model: Model, plan: Plan, name: string): void {
  const index = indexGraph(model);
  const layer = findLayers(index, inferShapes(index, plan.dimensions)).find((each) => each.name === name);
  if (!layer) throw new InputError(`The model has no layer ${name}.`);
  if (!layer.quantizable && layer.weight) {
    throw new InputError(`The layer ${name} cannot be quantized. ${layer.reason ?? ''}`.trim());
  }
}

async function activationsOf(
  { layer, index, ready, only }: TriedFormat,
  plan: Plan,
  format: LayerFormat,
  calibration: CalibrationSource,
  work: Work,
): Promise<LayerActivations | undefined> {
  const values = isStatic(format.scheme) ? quantizedValues(index, plan, layer, format) : [];
  if (values.length === 0) return undefined;
  return layerActivations(ready, only, values, format.scheme === 'w8a16', calibration, work);
}

async function noisePerChannel(
  { layer, ready }: { readonly layer: Layer; readonly ready: TriedFormat['ready'] },
  format: LayerFormat,
): Promise<number | undefined> {
  const own = perChannel(format);
  if (!own) return undefined;
  return noiseOf(await weightLoss(layer, defaultOpset(ready.model.opsetImport) ?? 0, own));
}

/** undefined: the layer was not measured in this format. */
function measuredFacts(
  layer: string,
  scheme: string,
  measured: ExplainOptions['measured'],
): MeasuredFacts | undefined {
  const candidate = measured?.candidates.find(
    (each) => each.layer === layer && each.scheme === scheme && each.part === undefined && !each.provisional,
  );
  if (!measured || !candidate || candidate.sensitivity === null) return undefined;
  return {
    metric: measured.metric,
    candidate: { ...candidate, sensitivity: candidate.sensitivity },
    others: measured.candidates,
  };
}

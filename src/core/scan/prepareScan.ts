import { InputError } from '../errors';
import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import { isStatic, setScheme } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { LayerFormat } from '../quant/layerFormat';
import { placeQuantization, type Placement } from '../rewrite/placement';
import { prepareFloat, type Prepared } from '../rewrite/prepare';
import { Encodings } from './encodings';
import type { ScanFormat } from './formats';

/** A model made ready for the trials of a scan. */
export interface ReadyScan {
  readonly prepared: Prepared;
  /** Of the prepared model. */
  readonly index: GraphIndex;
  /** Layers to scan, in the order asked for; a name may be no layer. */
  readonly names: readonly string[];
  /** Those of `names` that are layers. */
  readonly layers: readonly Layer[];
  /** Of all layers of the model together, all of them static: it tells which Relu or Clip belongs to which. */
  readonly units: Placement;
  /** Text of each format that quantizes activations → all layers of the model in it. */
  readonly every: ReadonlyMap<string, EveryLayer>;
  /**
   * Text of a format → the float model that `rewrite` takes for it, mostly `prepared` itself. Missing where not all layers
   * together can have the format.
   */
  readonly models: ReadonlyMap<string, Model>;
  readonly encodings: Encodings;
}

/** All layers that can be quantized in one format, also those that are not scanned. */
export interface EveryLayer {
  readonly plan: Plan;
  readonly placement: Placement;
}

/**
 * @param names of layers; every quantizable one when absent.
 * @throws InputError when there is no layer to scan.
 */
export async function prepareScan(
  model: Model,
  plan: Plan,
  formats: readonly ScanFormat[],
  names?: readonly string[],
): Promise<ReadyScan> {
  const prepared = await preparedForAll(model, plan, formats);
  const index = indexGraph(prepared.model);
  const { defaultOptions: _, ...rest } = plan;
  const float: Plan = { ...rest, defaultScheme: 'float', layers: {} };
  const { allLayers } = placeQuantization(index, float);
  const all = allLayers.filter(({ quantizable }) => quantizable).map(({ name }) => name);
  // Not only those asked for: what is measured of a layer, and kept, is the same whichever others are scanned with it.
  const planOf = (format: LayerFormat): Plan => setScheme(float, all, format);
  const everyAs = (format: LayerFormat): EveryLayer => {
    const every = planOf(format);
    return { plan: every, placement: placeQuantization(index, every) };
  };
  const scanned = [...new Set(names ?? all)];
  if (scanned.length === 0) throw new InputError('The model has no layer that can be quantized.');
  // With 16 bits every layer is static, whatever integer kernels there are.
  const { placement: units } = everyAs({ scheme: 'w8a16' });
  const byName = new Map(allLayers.map((layer) => [layer.name, layer]));
  const models = new Map<string, Model>();
  for (const { text, format } of formats) {
    const ready = await preparedOrNone(prepared.model, planOf(format));
    if (ready) models.set(text, ready.model);
  }
  const statics = formats.filter(({ format }) => isStatic(format.scheme));
  return {
    prepared,
    index,
    names: scanned,
    layers: scanned.flatMap((name) => byName.get(name) ?? []),
    units,
    every: new Map(statics.map(({ text, format }) => [text, everyAs(format)])),
    models,
    encodings: new Encodings(prepared.model),
  };
}

/** Prepared for each format in turn: some need a higher opset than others, which then changes nothing for those. */
async function preparedForAll(model: Model, plan: Plan, formats: readonly ScanFormat[]): Promise<Prepared> {
  let ready: Prepared = { model, notes: [] };
  for (const { format } of formats) {
    // A table for the bias asks for another float model, which `rewrite` makes where it is needed.
    const { scheme, bias: _, ...defaultOptions } = format;
    const all: Plan = { ...plan, defaultScheme: scheme, defaultOptions, layers: {} };
    ready = (await preparedOrNone(ready.model, all)) ?? ready;
  }
  return ready;
}

/** Undefined when the layers cannot have the format: each says so when its turn comes. */
async function preparedOrNone(model: Model, plan: Plan): Promise<Prepared | undefined> {
  try {
    return await prepareFloat(model, plan);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return undefined;
  }
}

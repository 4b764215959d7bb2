import { InputError } from '../errors';
import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import { isStatic, setScheme } from '../plan/editPlan';
import type { Plan } from '../plan/types';
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
  /** Of all the layers together, quantized with their activations. */
  readonly placement: Placement;
  /** Quantizes all the layers with their activations; undefined when no format does. */
  readonly every: Plan | undefined;
  readonly encodings: Encodings;
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
  // Every layer counts, so that units are found for all.
  const allOf = (wanted: readonly string[]): Plan =>
    setScheme({ ...withoutOptions(plan), defaultScheme: 'float', layers: {} }, wanted, 'w8a8');
  const { allLayers } = placeQuantization(index, {
    ...withoutOptions(plan),
    defaultScheme: 'float',
    layers: {},
  });
  const scanned = names ?? allLayers.filter(({ quantizable }) => quantizable).map(({ name }) => name);
  if (scanned.length === 0) throw new InputError('The model has no layer that can be quantized.');
  const every = allOf(scanned);
  const placement = placeQuantization(index, every);
  const byName = new Map(placement.allLayers.map((layer) => [layer.name, layer]));
  return {
    prepared,
    index,
    names: [...new Set(scanned)],
    layers: [...new Set(scanned)].flatMap((name) => byName.get(name) ?? []),
    placement,
    every: formats.some(({ format }) => isStatic(format.scheme)) ? every : undefined,
    encodings: new Encodings(prepared.model),
  };
}

/** Prepared for each format in turn: some need a higher opset than others, which then changes nothing for those. */
async function preparedForAll(model: Model, plan: Plan, formats: readonly ScanFormat[]): Promise<Prepared> {
  let ready: Prepared = { model, notes: [] };
  for (const { format } of formats) {
    const { scheme, ...defaultOptions } = format;
    try {
      ready = await prepareFloat(ready.model, {
        ...plan,
        defaultScheme: scheme,
        defaultOptions,
        layers: {},
      });
    } catch (error) {
      // The layers cannot have this format, and each says so.
      if (!(error instanceof InputError)) throw error;
    }
  }
  return ready;
}

function withoutOptions({ defaultOptions: _, ...plan }: Plan): Plan {
  return plan;
}

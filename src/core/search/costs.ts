import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import { findRows } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { LatencyModel } from '../latency/latencyModel';
import type { Model } from '../onnx/types';
import { formatOf } from '../plan/editPlan';
import { allIn, withFormats, type LayerFormats } from '../plan/layerFormats';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { InputError, throwIfCancelled } from '../errors';
import { parseFormat, type LayerFormat } from '../quant/layerFormat';
import { predictBytes, type PredictedBytes } from '../rewrite/predictBytes';
import { BitOperations } from './bitOperations';
import type { CostOf, OptionCost } from './searchLayer';
import { bytesOfStored, SharedConstants, type SharedPart } from './sharedConstants';

export interface Costs {
  readonly of: CostOf;
  /** Of the file in which all searched layers are float. */
  readonly floatBytes: number;
  /** Of the layers that are not searched; null: some MACs are unknown. */
  readonly otherBops: number | null;
  /** Of the whole model in float32; null: some MACs are unknown. */
  readonly floatBops: number | null;
  /** Absent: times were not asked for. */
  readonly latency?: LatencyModel;
}

/**
 * What layers cost in each format, from one dry run of the rewrite per format in which all have it. What the file holds besides
 * the layers' constants (pairs, their parameters, operators) is shared out evenly among them; constants that several layers read
 * are told apart.
 * @param index of the prepared model: it tells the layers' MACs, for these sizes of symbolic dimensions.
 * @throws InputError, CancelledError
 */
export async function costsOf(
  model: Model,
  index: GraphIndex,
  plan: Plan,
  names: readonly string[],
  texts: readonly string[],
  dimensions: Readonly<Record<string, number>>,
  work: Work,
): Promise<Costs> {
  const rows = findRows(index, inferShapes(index, dimensions));
  const bops = new BitOperations(index, rows.layers);
  const searched = new Set(names);
  const shared = new SharedConstants(index, [...rows.layers, ...rows.nodes], searched);
  const predicted = (text: string): Promise<PredictedBytes> =>
    predictBytes(model, withFormats(plan, allIn(names, text)), work);
  const float = await predicted('float');
  const floats = new Map(float.layers.map((layer) => [layer.name, layer]));
  const floatParts = shared.inFloat();
  const costs = new Map<string, ReadonlyMap<string, OptionCost>>();
  costs.set(
    'float',
    new Map(
      names
        .filter((name) => floats.has(name))
        .map((name) => [name, { bytes: 0, bops: bops.inFloat(name), ...storedIn(floatParts.get(name)) }]),
    ),
  );
  for (const text of texts) {
    throwIfCancelled(work.signal);
    const run = await predicted(text);
    const changed = run.layers.filter(({ name, scheme }) => searched.has(name) && scheme !== 'float');
    const parts = partsIn(shared, run, changed);
    const own = changed.map(({ name, bytesAfter, bytesBefore }) => {
      const before = floats.get(name)?.bytesAfter ?? bytesBefore;
      return bytesAfter - (parts.get(name)?.bytes ?? 0) - (before - (floatParts.get(name)?.bytes ?? 0));
    });
    const stored = [...floatParts].map(([name, part]) => parts.get(name) ?? part);
    const common = bytesOfParts(stored) - bytesOfParts(floatParts.values());
    const rest = run.bytes - float.bytes - common - own.reduce((sum, each) => sum + each, 0);
    const share = rest / Math.max(1, changed.length);
    const format = formatFrom(text);
    costs.set(
      text,
      new Map(
        changed.map((row, at) => [
          row.name,
          { bytes: (own[at] ?? 0) + share, bops: bops.of(row, format), ...storedIn(parts.get(row.name)) },
        ]),
      ),
    );
  }
  const others = float.layers.filter(({ name }) => !searched.has(name));
  const planned = withFormats(plan, {});
  return {
    of: (layer, text) => costs.get(text)?.get(layer),
    floatBytes: float.bytes,
    otherBops: sumOf(others.map((row) => bops.of(row, formatOf(planned, row.name)))),
    floatBops: sumOf(float.layers.map(({ name }) => bops.inFloat(name))),
  };
}

/** Looks at the model of a dry run only where something is shared: most models share nothing. */
function partsIn(
  shared: SharedConstants,
  { model }: PredictedBytes,
  layers: PredictedBytes['layers'],
): ReadonlyMap<string, SharedPart> {
  if (shared.layers.size === 0) return new Map();
  return shared.in(
    indexGraph(model),
    layers.map(({ name }) => name),
  );
}

function storedIn(part: SharedPart | undefined): Pick<OptionCost, 'stored'> {
  return part && part.stored.length > 0 ? { stored: part.stored } : {};
}

function bytesOfParts(parts: Iterable<SharedPart>): number {
  return bytesOfStored([...parts].flatMap(({ stored }) => stored));
}

function formatFrom(text: string): LayerFormat {
  const format = parseFormat(text);
  if ('mistake' in format) throw new InputError(format.mistake);
  return format;
}

function sumOf(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (sum, value) => (sum === null || value === null ? null : sum + value),
    0,
  );
}

/** Bytes of the file that a choice of formats would write: exact but for scales that a correction of the gain adds. */
export async function exactBytes(
  model: Model,
  plan: Plan,
  formats: LayerFormats,
  work: Work,
): Promise<number> {
  return (await predictBytes(model, withFormats(plan, formats), work)).bytes;
}

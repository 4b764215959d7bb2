import { findLayers } from '../graph/layers';
import type { GraphIndex } from '../graph/graphIndex';
import { inferShapes } from '../graph/shapes';
import type { LatencyModel } from '../latency/latencyModel';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { throwIfCancelled } from '../errors';
import { predictBytes, type PredictedBytes } from '../rewrite/predictBytes';
import type { CostOf, OptionCost } from './searchLayer';
import { allIn, withFormats, type LayerFormats } from '../plan/layerFormats';

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

type PredictedLayer = PredictedBytes['layers'][number];

/** float32 times float32. */
const FLOAT_BITS = 32;

/**
 * What layers cost in each format, from one dry run of the rewrite per format in which all have it. What the file holds besides
 * the layers' constants (pairs, their parameters, operators) is shared out evenly among them.
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
  const layers = findLayers(index, inferShapes(index, dimensions));
  const macs = new Map(layers.map((layer) => [layer.name, layer.macs]));
  const predicted = (text: string): Promise<PredictedBytes> =>
    predictBytes(model, withFormats(plan, allIn(names, text)), work);
  const float = await predicted('float');
  const searched = new Set(names);
  const bopsOf = ({ name, scheme, bits }: PredictedLayer, text: string): number | null =>
    bitOperations(macs.get(name), scheme === 'float' ? FLOAT_BITS : bits, text);
  const costs = new Map<string, ReadonlyMap<string, OptionCost>>();
  const floats = new Map(float.layers.map((layer) => [layer.name, layer]));
  costs.set(
    'float',
    new Map(
      names.flatMap((name) => {
        const row = floats.get(name);
        return row ? [[name, { bytes: 0, bops: bopsOf(row, 'float') }] as const] : [];
      }),
    ),
  );
  for (const text of texts) {
    throwIfCancelled(work.signal);
    const { bytes, layers: rows } = await predicted(text);
    const changed = rows.filter(({ name, scheme }) => searched.has(name) && scheme !== 'float');
    const own = changed.map((row) => row.bytesAfter - (floats.get(row.name)?.bytesAfter ?? row.bytesBefore));
    const rest = bytes - float.bytes - own.reduce((sum, each) => sum + each, 0);
    const share = rest / Math.max(1, changed.length);
    costs.set(
      text,
      new Map(
        changed.map((row, at) => [row.name, { bytes: (own[at] ?? 0) + share, bops: bopsOf(row, text) }]),
      ),
    );
  }
  const others = float.layers.filter(({ name }) => !searched.has(name));
  return {
    of: (layer, text) => costs.get(text)?.get(layer),
    floatBytes: float.bytes,
    otherBops: sumOf(others.map((row) => bopsOf(row, plan.layers[row.name]?.scheme ?? 'float'))),
    floatBops: sumOf(float.layers.map(({ name }) => bitOperations(macs.get(name), FLOAT_BITS, 'float'))),
  };
}

/**
 * MACs × bits of the weight × bits of the activations, as papers on mixed precision count. Of formats that store weights in
 * few bits and compute in float, the activations count as float32: the runtime does no less for them.
 */
function bitOperations(macs: number | undefined, weightBits: number, text: string): number | null {
  return macs === undefined ? null : macs * weightBits * activationBits(text);
}

function activationBits(text: string): number {
  const [scheme, ...options] = text.split(',');
  if (scheme === 'w8a8') return 8;
  if (scheme === 'w8a16' || (scheme === 'fp16' && options.includes('region'))) return 16;
  return FLOAT_BITS;
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

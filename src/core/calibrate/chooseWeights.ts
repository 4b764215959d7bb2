import { throwIfCancelled } from '../errors';
import { indexGraph } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import { formatOf } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Runtime, Slice, Work } from '../ports';
import type { EncodedWeight } from '../rewrite/weights/encodedWeight';
import { defaultOpset } from '../rewrite/opset';
import { candidatesFor, leavesOpen, type WeightCandidate } from './chooseWeight';
import { LayerErrors } from './layerError';
import { LayerFormats } from './layerFormats';
import { collectLayerRows, type LayerRows, MOST_SAMPLES } from './layerRows';
import { bestContender, contendersFor } from './weightContenders';

/** What data decided about weights. */
export interface ChosenWeights {
  /** By layer name; layers whose inputs cannot be read have no choice. */
  readonly choices: ReadonlyMap<string, WeightCandidate>;
  readonly notes: readonly string[];
}

/** The layers of the main graph of a prepared model whose formats leave open what data can decide. */
export function undecidedLayers(model: Model, plan: Plan): Layer[] {
  const index = indexGraph(model);
  return findLayers(index, inferShapes(index, plan.dimensions)).filter(
    ({ name, quantizable, ref }) =>
      quantizable && ref.scope.kind === 'graph' && leavesOpen(formatOf(plan, name)),
  );
}

/**
 * Decides what formats leave open.
 *
 * Each layer takes the candidate of least error at its own output (see `candidatesFor`, `collectLayerRows`). That error does
 * not tell how it travels on: clipping, above all, costs more at the model's output than as much rounding noise. So the
 * choice is then run against models in which all layers take the same candidate, and the best of them is kept (see
 * `bestContender`).
 * @param model prepared float model.
 * @throws InputError when a weight is not finite.
 * @throws CancelledError
 */
export async function chooseWeights(
  model: Model,
  plan: Plan,
  source: { readonly runtime: Runtime; readonly slice: Slice },
  work: Work = {},
): Promise<ChosenWeights> {
  const layers = undecidedLayers(model, plan);
  if (layers.length === 0) return { choices: new Map(), notes: [] };
  const { runtime, slice } = source;
  const rows = await collectLayerRows(runtime, model, layers, slice, work);
  const known = layers.filter(({ name }) => rows.has(name));
  if (known.length === 0) return { choices: new Map(), notes: [] };
  const held: EncodedWeight[] = [];
  const least = await leastErrors(runtime, model, plan, known, rows, held, work);
  const candidates = new Map(
    known.map(({ name }) => [name, candidatesFor(formatOf(plan, name), rows.get(name))] as const),
  );
  const best = await bestContender(runtime, model, plan, contendersFor(least, candidates), slice, work);
  // Until here, or each contender would fit every weight again.
  held.length = 0;
  return {
    choices: best.choices,
    notes: [
      `Weights of ${known.length} ${known.length === 1 ? 'layer' : 'layers'}: ${best.description} ` +
        `(rows of ${Math.min(slice.length, MOST_SAMPLES)} calibration samples; half of them judge).`,
    ],
  };
}

/** The candidate of least error at each layer's output. @param held gets what was fitted. */
async function leastErrors(
  runtime: Runtime,
  model: Model,
  plan: Plan,
  layers: readonly Layer[],
  rows: ReadonlyMap<string, LayerRows>,
  held: EncodedWeight[],
  work: Work,
): Promise<Map<string, WeightCandidate>> {
  const choices = new Map<string, WeightCandidate>();
  const errors = await LayerErrors.open(runtime);
  try {
    const opset = defaultOpset(model.opsetImport) ?? 0;
    for (const [done, layer] of layers.entries()) {
      throwIfCancelled(work.signal);
      const own = rows.get(layer.name);
      if (!own) continue;
      work.onProgress?.(done, layers.length, `Choosing the range of ${layer.name}`);
      const formats = await LayerFormats.of(layer, opset, { rows: own, errors }, work.signal);
      const { choice } = await formats.measure(formatOf(plan, layer.name), undefined, work.signal);
      held.push(...formats.encodings);
      if (choice) choices.set(layer.name, choice);
    }
  } finally {
    await errors.release();
  }
  return choices;
}

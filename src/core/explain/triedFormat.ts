import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import { onlyLayer } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import type { LayerFormat } from '../quant/layerFormat';
import { defaultOpset } from '../rewrite/opset';
import { prepareFloat, type Prepared } from '../rewrite/prepare';
import { rewriteDry } from '../rewrite/rewrite';
import { weightLoss, type WeightLoss } from './weightLoss';

/** One layer in a format, all others float: as it would be written, without writing it. */
export interface TriedFormat {
  /** Of the layer in the written file. */
  readonly bytes: number;
  /** null: it has no weight, or stays float. */
  readonly weight: WeightLoss | null;
  readonly layer: Layer;
  readonly ready: Prepared;
  readonly index: GraphIndex;
  /** The plan in which only this layer has the format. */
  readonly only: Plan;
}

/**
 * Prepares the model for one layer in a format, encodes its weights and foretells its bytes.
 * @param model the original, or one that was prepared for another format of the layer, which is quicker.
 * @returns undefined when there is no such layer, or it would not get the format.
 * @throws InputError for a format that the operator set or the weight cannot have.
 * @throws CancelledError
 */
export async function tryFormat(
  model: Model,
  plan: Plan,
  name: string,
  format: LayerFormat,
  work: Work,
): Promise<TriedFormat | undefined> {
  const only = onlyLayer(plan, name, format);
  const ready = await prepareFloat(model, only);
  const index = indexGraph(ready.model);
  const layer = findLayers(index, inferShapes(index, plan.dimensions)).find((each) => each.name === name);
  const { layers } = await rewriteDry(ready.model, only, work);
  const row = layers.find((each) => each.name === name);
  if (!layer || !row || row.scheme !== format.scheme) return undefined;
  const opset = defaultOpset(ready.model.opsetImport) ?? 0;
  const weight =
    format.scheme === 'float' || layer.weights.length === 0 ? null : await weightLoss(layer, opset, format);
  return { bytes: row.bytesAfter, weight, layer, ready, index, only };
}

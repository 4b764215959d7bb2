import { InputError } from '../../core/errors';
import { indexGraph } from '../../core/graph/graphIndex';
import { findLayers } from '../../core/graph/layers';
import { inferShapes } from '../../core/graph/shapes';
import type { Layer, LayerWeight } from '../../core/graph/types';
import type { WeightStatistics } from '../../core/inspectorResults';
import type { Model } from '../../core/onnx/types';
import { removeQuantization } from '../../core/rewrite/convert/removeQuantization';
import type { WeightRequest } from '../../shared/rpc';
import type { OpenedModel } from '../files/modelFile';

/** A weight of a layer whose values can be read. */
export interface ReadableWeight {
  readonly layer: Layer;
  readonly weight: LayerWeight;
  readonly values: WeightStatistics['values'];
  /** The one that the layer is of. */
  readonly model: Model;
}

/**
 * A weight as real numbers: as stored, or of a quantized model what its codes stand for.
 * @throws InputError when there is no such layer or weight, or its codes cannot be taken back to numbers.
 */
export function weightOf({ model, path }: OpenedModel, request: WeightRequest): ReadableWeight {
  const { dimensions = {} } = request;
  const stored = findWeight(model, path, request);
  if (isPlain(stored.weight)) return { ...stored, values: 'stored', model };
  const float = removeQuantization(model, dimensions).model;
  const found = findWeight(float, path, request);
  if (isPlain(found.weight)) return { ...found, values: 'dequantized', model: float };
  throw new InputError(
    `The weight of ${request.layer} is stored as ${stored.weight.dtype}, in a form that Roundoff cannot take back to numbers.`,
  );
}

function isPlain({ stored: { via } }: LayerWeight): boolean {
  return via === 'float' || via === 'cast';
}

/** @throws InputError when the model has no such layer, or the layer no such weight. */
export function findWeight(
  model: Model,
  path: string,
  { layer: name, weight: position = 0, dimensions = {} }: WeightRequest,
): Pick<ReadableWeight, 'layer' | 'weight'> {
  const index = indexGraph(model);
  const layer = findLayers(index, inferShapes(index, dimensions)).find((row) => row.name === name);
  if (!layer) throw new InputError(`${path} has no layer ${name}.`);
  const weight = layer.weights[position];
  if (weight) return { layer, weight };
  throw new InputError(
    layer.weights.length === 0
      ? `Layer ${name} has no constant weight.`
      : `Layer ${name} has ${layer.weights.length} weights: there is none at ${position}.`,
  );
}

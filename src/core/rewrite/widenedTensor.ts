import { setStoredBytes, storedBytes } from '../graph/operandSizes';
import type { Payload } from '../onnx/payload';
import { readFloat32 } from '../onnx/tensor';
import { DataType, type Model, type Tensor } from '../onnx/types';
import { castNode } from './castNode';
import { GraphChanges } from './graphChanges';
import { lazyFloatTensor } from './lazyTensor';

/** What float32 payloads were widened from. By payload: a reshaped tensor keeps it. */
const sources = new WeakMap<Payload, Tensor>();

/** A float16 tensor as float32, computed when it is read. */
export function widenedTensor(source: Tensor): Tensor {
  const tensor = lazyFloatTensor(source.name, source.dims, () => readFloat32(source));
  if (tensor.rawData) sources.set(tensor.rawData, source);
  setStoredBytes(tensor, storedBytes(source));
  return tensor;
}

/**
 * Stores the constants of the main graph that were widened, and not changed since, as float16 again, each with a Cast
 * behind it: a weight that is float16 in the file should not double because a pass looked at it.
 */
export function storeWidened(model: Model): Model {
  if (!model.graph) return model;
  const changes = new GraphChanges(model);
  for (const tensor of model.graph.initializer) {
    const source = tensor.rawData && sources.get(tensor.rawData);
    if (!source) continue;
    const name = changes.fresh(
      ['', tensor.name].includes(source.name) ? `${tensor.name}_float16` : source.name,
    );
    changes.removeInitializer(tensor.name);
    changes.addInitializer({ ...source, name, dims: tensor.dims });
    changes.insertFirst(castNode(name, tensor.name, DataType.FLOAT));
  }
  return changes.apply();
}

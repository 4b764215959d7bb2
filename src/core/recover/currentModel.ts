import { indexGraph } from '../graph/graphIndex';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import { GraphChanges } from '../rewrite/graphChanges';
import { lazyFloatTensor } from '../rewrite/lazyTensor';
import { replaceOperand } from '../rewrite/ownConstant';
import type { EncodedWeight } from '../rewrite/weights/encodedWeight';

/**
 * The model with the weight of a layer as the runtime computes it from its codes: float, so that the model runs as fast as
 * before. The values are computed when the model is opened.
 */
export function withWeight(model: Model, { name, weight }: Layer, encoded: EncodedWeight): Model {
  const index = indexGraph(model);
  const ref = index.nodeNamed(name);
  if (!ref || !weight) throw new Error(`${name} has no weight`);
  const changes = new GraphChanges(model);
  replaceOperand(index, changes, ref, weight.inputIndex, (operand) =>
    lazyFloatTensor(operand, weight.tensor.dims, () => encoded.values()),
  );
  return changes.apply();
}

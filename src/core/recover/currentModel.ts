import { indexGraph } from '../graph/graphIndex';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import type { BiasScheme } from '../quant/layerFormat';
import { biasOf } from '../rewrite/bias';
import { GraphChanges } from '../rewrite/graphChanges';
import { lazyFloatTensor } from '../rewrite/lazyTensor';
import { defaultOpset } from '../rewrite/opset';
import { replaceOperand } from '../rewrite/ownConstant';
import type { EncodedWeight } from '../rewrite/weights/encodedWeight';
import { encodeBias } from '../rewrite/weights/encodeWeight';

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

/** The model with the bias of a layer as the runtime computes it from the table that its format has for it, if any. */
export function withBiasAs(model: Model, { name }: Layer, scheme: BiasScheme = 'float'): Model {
  if (scheme === 'float' || scheme === 'int32') return model;
  const index = indexGraph(model);
  const ref = index.nodeNamed(name);
  const bias = ref && biasOf(index, ref, undefined);
  if (!ref || bias?.kind !== 'constant') return model;
  const { tensor } = bias;
  const encoded = encodeBias(tensor, scheme, defaultOpset(model.opsetImport) ?? 0);
  const changes = new GraphChanges(model);
  replaceOperand(index, changes, ref, 2, (operand) =>
    lazyFloatTensor(operand, tensor.dims, () => encoded.values()),
  );
  return changes.apply();
}

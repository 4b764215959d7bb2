import { InputError } from '../../core/errors';
import { weightsOf } from '../../core/graph/layers';
import { quantizationDetails } from '../../core/graph/quantization/details';
import { readGraph } from '../files/readGraph';
import type { EngineHandlers } from '../messages';

/** The formats of one row, a layer or another node, in numbers. */
export const quantizationOf: EngineHandlers['quantizationOf'] = async (request, { signal }) => {
  const { path, index, shapes } = await readGraph(request, { signal });
  const ref = index.nodeNamed(request.layer);
  if (!ref) throw new InputError(`${path} has no layer ${request.layer}.`);
  const [weight] = weightsOf(index, shapes, ref);
  return quantizationDetails(index, shapes, { ref, weight });
};

import { indexGraph } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Layer } from '../graph/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { differenceFrom, type WeightError } from '../quant/weights';
import { halfWeight } from './convert/halfWeight';
import { toFloat16 } from './convert/toFloat16';
import type { Rewritten, RewrittenLayer } from './rewrite';
import { useFloats } from './weights/floatValues';

/**
 * Lets layers compute in half precision, last of all: what else is in the model then stays float32 or integers, with Casts at
 * the border. Layers whose operator has no half-precision form are noted and stay float.
 * @throws CancelledError
 */
export async function computeInHalf(
  rewritten: Rewritten,
  layers: readonly Layer[],
  plan: Plan,
  work: Work,
): Promise<Rewritten> {
  if (layers.length === 0) return rewritten;
  const { dimensions } = plan;
  const wanted = new Map(layers.map((layer) => [layer.name, layer]));
  const options = { nodes: new Set(wanted.keys()), ...(dimensions && { dimensions }) };
  const { model, notes } = await toFloat16(rewritten.model, options, work);
  const index = indexGraph(model);
  const stored = new Map(findLayers(index, inferShapes(index, dimensions)).map((row) => [row.name, row]));
  const results = rewritten.layers.map((result): RewrittenLayer => {
    const before = wanted.get(result.name);
    const after = stored.get(result.name);
    const isHalf = after?.weights.some(({ dtype }) => dtype === 'float16');
    if (!before || !after || !isHalf) return result;
    return {
      ...result,
      scheme: 'fp16',
      bits: 16,
      signed: true,
      bytesAfter: after.bytes,
      measureWeight: (countUnique) => measure(before, countUnique),
    };
  });
  return { model, layers: results, notes: [...rewritten.notes, ...notes] };
}

async function measure({ weight }: Layer, countUnique: boolean | undefined): Promise<WeightError | null> {
  if (!weight) return null;
  const back = await halfWeight(weight.tensor).values();
  return useFloats(weight.tensor, (values) => differenceFrom(values, back, countUnique));
}

import { type GraphIndex, indexGraph } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import { attrFloat, attrInt, normalDomain } from '../onnx/attributes';
import { readFloat32 } from '../onnx/tensor';
import type { Model } from '../onnx/types';
import type { Range } from '../quant/scheme';
import { floatConstant, normalization } from '../rewrite/channelAffine';
import { clippingBounds } from '../rewrite/operators';

/** What is known of the channels (axis 1) of a value. */
interface ChannelStatistics {
  readonly mean: Float64Array;
  /** Absent: they are not normal. */
  readonly deviation?: Float64Array;
}

/**
 * The mean of each channel of the values that a BatchNormalization of the main graph tells of: it makes every channel normal, with
 * its shift as mean and its scale as deviation (Nagel et al. 2019, arXiv:1906.04721, section 4.2.1). From there it is known
 * behind a Relu or Clip, behind sums, means of whole maps, and Flatten.
 * @param model as it was before its normalizations were folded; bounds have to be constants.
 * @returns by value name.
 */
export async function normalMeans(model: Model): Promise<ReadonlyMap<string, Float64Array>> {
  const index = indexGraph(model);
  const known = new Map<string, ChannelStatistics>();
  for (const ref of index.main ? index.sortedNodes(index.main) : []) {
    if (normalDomain(ref.node.domain) !== '') continue;
    const statistics = await statisticsBehind(index, ref, known);
    if (statistics) known.set(ref.node.output[0] ?? '', statistics);
  }
  return new Map([...known].map(([value, { mean }]) => [value, mean]));
}

async function statisticsBehind(
  index: GraphIndex,
  ref: NodeRef,
  known: ReadonlyMap<string, ChannelStatistics>,
): Promise<ChannelStatistics | undefined> {
  const { opType, input } = ref.node;
  if (opType === 'BatchNormalization') return normalized(index, ref);
  const [first, second] = input.map((value) => known.get(value));
  if (!first) return undefined;
  switch (opType) {
    case 'Relu':
    case 'Clip': {
      const bounds = boundsOf(index, ref);
      const { mean, deviation } = first;
      return bounds && deviation && { mean: mean.map((m, c) => clippedMean(m, deviation[c] ?? NaN, bounds)) };
    }
    case 'Add':
      return second?.mean.length === first.mean.length
        ? { mean: first.mean.map((value, c) => value + (second.mean[c] ?? NaN)) }
        : undefined;
    case 'GlobalAveragePool':
      return { mean: first.mean };
    case 'Flatten':
      return attrInt(ref.node, 'axis', 1) === 1 ? { mean: first.mean } : undefined;
    default:
      return undefined;
  }
}

async function normalized(index: GraphIndex, ref: NodeRef): Promise<ChannelStatistics | undefined> {
  const [scale, shift] = [1, 2].map((position) => floatConstant(index, ref, position));
  if (!scale || !shift || !normalization(index, ref, scale.dims[0] ?? 0)) return undefined;
  return {
    mean: Float64Array.from(await readFloat32(shift)),
    deviation: Float64Array.from(await readFloat32(scale), Math.abs),
  };
}

function boundsOf(index: GraphIndex, ref: NodeRef): Range | undefined {
  // Before opset 11 the bounds are attributes.
  return ref.node.opType === 'Clip' && ref.node.input.length === 1
    ? { min: attrFloat(ref.node, 'min', -Infinity), max: attrFloat(ref.node, 'max', Infinity) }
    : clippingBounds(index, ref);
}

/**
 * E[min(max(x, a), b)] of a normal x: a·Φ(α) + b·(1 − Φ(β)) + μ·(Φ(β) − Φ(α)) + σ·(φ(α) − φ(β)) with α = (a − μ)/σ and
 * β = (b − μ)/σ; a Relu has a = 0 and b = ∞ (arXiv:1906.04721, appendix C).
 */
export function clippedMean(mean: number, deviation: number, { min, max }: Range): number {
  if (deviation === 0) return Math.min(Math.max(mean, min), max);
  const [low, high] = [(min - mean) / deviation, (max - mean) / deviation];
  const [below, above] = [normalCumulative(low), normalCumulative(-high)];
  return (
    (below > 0 ? min * below : 0) +
    (above > 0 ? max * above : 0) +
    mean * (1 - below - above) +
    deviation * (normalDensity(low) - normalDensity(high))
  );
}

/** φ. */
function normalDensity(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}

/** Φ, to 15 digits after the point: φ(z)·(z + z³/3 + z⁵/(3·5) + …) + 1/2 (Marsaglia 2004). */
function normalCumulative(z: number): number {
  if (!(Math.abs(z) <= 8)) return z > 0 ? 1 : z < 0 ? 0 : NaN;
  let term = z;
  let sum = z;
  for (let odd = 3; sum + term !== sum; odd += 2) {
    term *= (z * z) / odd;
    sum += term;
  }
  return 0.5 + sum * normalDensity(z);
}

/** Ranges from moments: ACIQ (Banner et al. 2018, "Post training 4-bit quantization of convolutional networks"). */
import type { StreamingHistogram } from './histogram';
import type { Range } from './scheme';

/** Standard deviation over mean absolute deviation: √2 of a Laplace distribution, √(π/2) of a normal one; halfway between. */
const LAPLACE_FROM = Math.sqrt(Math.SQRT2 * Math.sqrt(Math.PI / 2));

/**
 * The mean ± α, where clipping and rounding to `bits` bits together cost least if the values follow the Laplace or the normal
 * distribution, whichever the moments are nearer to. Symmetric: about 0. Values on one side of zero (after a Relu) count as
 * half of a distribution about 0, which has one bit more; zeros do not count then, as they are what the other half became.
 */
export function aciqRange(histogram: StreamingHistogram, bits: number, symmetric: boolean): Range {
  const { min, max, count, zeros, sum, sumSquares } = histogram;
  const isOneSided = min >= 0 || max <= 0;
  const values = isOneSided ? count - zeros : count;
  if (values === 0) return { min, max };
  const mean = symmetric || isOneSided ? 0 : sum / values;
  const deviation = Math.sqrt(Math.max(0, sumSquares / values - mean ** 2));
  const absolute = (absoluteSum(histogram, mean) + (isOneSided ? 0 : zeros * Math.abs(mean))) / values;
  const depth = isOneSided && !symmetric ? bits + 1 : bits;
  const alpha =
    deviation >= LAPLACE_FROM * absolute
      ? absolute * laplaceThreshold(depth)
      : deviation * normalThreshold(depth);
  return { min: Math.max(min, mean - alpha), max: Math.min(max, mean + alpha) };
}

/** Σ |x − mean| over all values but zeros, from the bins. */
function absoluteSum({ positive, negative, binWidth }: StreamingHistogram, mean: number): number {
  let total = 0;
  for (const [side, sign] of [[negative, -1] as const, [positive, 1] as const]) {
    for (let j = 0; j < side.length; j++) {
      total += (side[j] as number) * Math.abs(sign * binWidth * (j + 0.5) - mean);
    }
  }
  return total;
}

/**
 * α / b for a Laplace distribution: 2b²·e^(−α/b) + α² / (3·4^bits) is least where (α/b)·e^(α/b) = 3·4^bits, so at Lambert's
 * W(3·4^bits). 2.83, 3.90, 5.03 for 2, 3, 4 bits.
 */
export function laplaceThreshold(bits: number): number {
  const log = Math.log(3) + bits * Math.log(4);
  let w = log;
  // Newton's method on w + ln w = log, which is concave: it converges from either side.
  for (let round = 0; round < 20; round++) w -= (w + Math.log(w) - log) / (1 + 1 / w);
  return w;
}

/**
 * α / σ for a normal distribution: where 2·∫(x − α)² over the tail + α² / (3·4^bits) is least, 4·(φ(α) − α·Q(α)) =
 * 2α / (3·4^bits). 1.71, 2.15, 2.56 for 2, 3, 4 bits.
 */
export function normalThreshold(bits: number): number {
  const slope = 1 / (6 * 4 ** bits);
  let [low, high] = [0, 40];
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (density(middle) - middle * tail(middle) > middle * slope) low = middle;
    else high = middle;
  }
  return low;
}

function density(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** The part of a normal distribution beyond x ≥ 0: a series near 0, a continued fraction farther out. */
function tail(x: number): number {
  if (x < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (x * x) / (2 * n + 1);
      sum += term;
    }
    return 0.5 - density(x) * sum;
  }
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / fraction;
  return density(x) / fraction;
}

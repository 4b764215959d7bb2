import { positionOffset, positions, type ClassLayout } from './classes';

/** Added to probabilities inside logarithms. */
const EPSILON = 1e-12;
/** How far the sum of a position may be from 1 for it to count as one distribution (quantized softmax included). */
const DISTRIBUTION_TOLERANCE = 0.01;

type Numbers = ArrayLike<number>;

/**
 * Mean over the positions of KL(softmax(reference) ‖ softmax(actual)) in nats, over the class axis, in float64 through
 * stable log-softmax. Never negative.
 */
export function klOfLogits(reference: Numbers, actual: Numbers, layout: ClassLayout): number {
  let total = 0;
  for (let position = 0; position < positions(layout); position++) {
    const offset = positionOffset(layout, position);
    const p = logNormalizer(reference, layout, offset);
    const q = logNormalizer(actual, layout, offset);
    for (let c = 0; c < layout.classes; c++) {
      const at = offset + c * layout.inner;
      const logP = (reference[at] as number) - p;
      const logQ = (actual[at] as number) - q;
      if (logP === -Infinity) continue;
      total += Math.exp(logP) * (logP - (logQ === -Infinity ? Math.log(EPSILON) : logQ));
    }
  }
  return Math.max(0, total / Math.max(1, positions(layout)));
}

/**
 * The same for outputs that are probabilities already: they are never put through softmax again. A position whose
 * reference sums to 1 is one distribution, compared by Σ p·ln(p/q) − p + q (KL that stays ≥ 0 when the rounding of a
 * quantized output makes the sum of q differ from 1); any other is independent yes/no probabilities (a sigmoid).
 */
export function klOfProbabilities(reference: Numbers, actual: Numbers, layout: ClassLayout): number {
  let total = 0;
  for (let position = 0; position < positions(layout); position++) {
    const offset = positionOffset(layout, position);
    let sum = 0;
    for (let c = 0; c < layout.classes; c++) sum += reference[offset + c * layout.inner] as number;
    const distribution = layout.classes > 1 && Math.abs(sum - 1) <= DISTRIBUTION_TOLERANCE;
    for (let c = 0; c < layout.classes; c++) {
      const p = reference[offset + c * layout.inner] as number;
      const q = actual[offset + c * layout.inner] as number;
      total += relativeEntropy(p, q);
      if (!distribution) total += relativeEntropy(1 - p, 1 - q);
    }
  }
  return total / Math.max(1, positions(layout));
}

/** p·ln(p/q) − p + q for 0 ≤ p, q: never negative, 0 only where p = q. */
function relativeEntropy(p: number, q: number): number {
  const a = Math.max(0, p) + EPSILON;
  const b = Math.max(0, q) + EPSILON;
  return Math.max(0, a * Math.log(a / b) - a + b);
}

/** ln Σ exp(x) over the classes at a position. */
function logNormalizer(scores: Numbers, layout: ClassLayout, offset: number): number {
  let max = -Infinity;
  for (let c = 0; c < layout.classes; c++) {
    max = Math.max(max, scores[offset + c * layout.inner] as number);
  }
  let sum = 0;
  for (let c = 0; c < layout.classes; c++) {
    sum += Math.exp((scores[offset + c * layout.inner] as number) - max);
  }
  return max + Math.log(sum);
}

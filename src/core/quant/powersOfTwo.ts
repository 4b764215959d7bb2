/** Powers of two and zero, as Incremental Network Quantization has them (Zhou et al. 2017, arXiv:1702.03044, eq. 1–4). */
import type { Codebook } from './codebook';

/**
 * The greatest exponent for weights of magnitude up to `largest`: n1 = ⌊log2(4·largest/3)⌋, so that `largest` is nearer to
 * 2^n1 than to 2^(n1+1).
 * @param largest above 0.
 */
export function largestExponent(largest: number): number {
  const estimate = Math.floor(Math.log2((4 * largest) / 3));
  // The logarithm is rounded; these products are not.
  if (3 * 2 ** (estimate + 1) <= 4 * largest) return estimate + 1;
  return 3 * 2 ** estimate > 4 * largest ? estimate - 1 : estimate;
}

/**
 * {0, ±2^n2 … ±2^n1} with `magnitudes` powers: n2 = n1 + 1 − magnitudes. Of adjacent magnitudes α < β (α may be 0), β is
 * chosen for (α + β)/2 ≤ |w| < 3β/2; halfway goes away from zero.
 * @param largest greatest magnitude of the weights; 0 gives a table of zero alone.
 */
export function powersOfTwoCodebook(largest: number, magnitudes: number): Codebook {
  if (largest === 0) return { values: new Float32Array(1), thresholds: new Float64Array(0) };
  const top = largestExponent(largest);
  // Below 2^-149 float32 has only zero.
  const exponents = Array.from({ length: magnitudes }, (_, i) => top + 1 - magnitudes + i).filter(
    (exponent) => exponent >= -149,
  );
  const powers = exponents.map((exponent) => 2 ** exponent);
  const halfway = powers.map((power, i) => (power + (powers[i - 1] ?? 0)) / 2);
  // A weight belongs to the thresholds up to it: just above -halfway, halfway itself still goes down.
  const below = halfway.map((value) => -value * (1 - 2 ** -40));
  return {
    values: Float32Array.from([...powers.map((power) => -power).reverse(), 0, ...powers]),
    thresholds: Float64Array.from([...below.reverse(), ...halfway]),
  };
}

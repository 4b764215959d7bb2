/** Powers of two and zero, as Incremental Network Quantization has them (Zhou et al. 2017, arXiv:1702.03044, eq. 1–4). */
import type { AxisLayout } from './affine';
import type { Codebook } from './codebook';
import { countUpTo } from './kmeans';
import { gatherSlices } from './layouts';

/** Scales tried per channel, over one octave: a factor of two only shifts which powers are used. */
const SCALES_PER_OCTAVE = 16;

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

/**
 * The scale of every channel with the least squared error when its weights are divided by it and looked up in `codebook`,
 * whose greatest value is 1: of 16 in the octave around the greatest magnitude of the channel.
 * @param magnitudes the greatest of every channel, above 0.
 */
export function powersOfTwoScales(
  values: Float32Array,
  layout: AxisLayout,
  magnitudes: Float32Array,
  codebook: Codebook,
): Float32Array {
  const gathered = gatherSlices(values, layout);
  return magnitudes.map((magnitude, channel) => {
    const own = gathered.values.subarray(gathered.starts[channel], gathered.starts[channel + 1]);
    let best = magnitude;
    let least = lookUpError(own, magnitude, codebook, Infinity);
    for (let i = 1; i < SCALES_PER_OCTAVE; i++) {
      // Beyond 4/3, the greatest magnitude would go to the next power anyway.
      const scale = Math.fround((magnitude * 4 * 2 ** (-i / SCALES_PER_OCTAVE)) / 3);
      const error = lookUpError(own, scale, codebook, least);
      if (error < least) [least, best] = [error, scale];
    }
    return best;
  });
}

/** Squared error of looking up `values`; some part of it that is at least `limit`, once it is. */
function lookUpError(
  values: Float32Array,
  scale: number,
  { values: table, thresholds }: Codebook,
  limit: number,
): number {
  let error = 0;
  for (let i = 0; i < values.length && error < limit; i++) {
    const value = values[i] as number;
    const difference = value - (table[countUpTo(thresholds, value / scale)] as number) * scale;
    error += difference * difference;
  }
  return error;
}

/** The powers of two in a table of them, as exponents, ascending: n2 … n1. Empty for a table of zero alone. */
export function exponentsOf({ values }: Codebook): number[] {
  return Array.from(
    values.filter((value) => value > 0),
    (value) => Math.round(Math.log2(value)),
  );
}

/** The exponents of a table of nothing but powers of two of both signs and maybe zero, ascending; undefined for any other. */
export function exponentsIn(table: ArrayLike<number>): number[] | undefined {
  const values = new Set(Array.from(table));
  const exponents = [...values].filter((value) => value > 0).map(Math.log2);
  const isPowers =
    exponents.length > 1 &&
    exponents.every(Number.isInteger) &&
    [...values].every((value) => value === 0 || values.has(-value));
  return isPowers ? exponents.sort((a, b) => a - b) : undefined;
}

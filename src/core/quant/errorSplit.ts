import { InputError } from '../errors';

/** Clipping and rounding error of one tensor over range thresholds; see `ErrorSplitCurve` in results.ts. */
export interface ErrorSplit {
  /** Symmetric ranges ±a, ascending, log-spaced; the last is max |w|. Empty for a tensor of zeros. */
  readonly thresholds: number[];
  /** Σ (|w| − a)² over the elements beyond ±a. */
  readonly clipping: number[];
  /** Σ (w − Q(w))² over the elements within ±a. */
  readonly rounding: number[];
  readonly markers: { rule: 'max' | 'percentile:99.99' | 'mse'; threshold: number }[];
  /** Of |w|: `edges` has one more element than `counts`. */
  readonly histogram: { edges: number[]; counts: number[] };
  /** Σ w². */
  readonly energy: number;
}

const THRESHOLDS = 64;
const HISTOGRAM_BINS = 128;
const PERCENTILE = 0.9999;
/** Steps of the finer search for the MSE marker, between the neighbours of the best threshold. */
const REFINEMENTS = 16;

/**
 * What a symmetric range ±a does to `values` at `bits` bits (codes −(2ᵇ⁻¹−1)…2ᵇ⁻¹−1): the sum of squared errors, split into
 * what clipping costs and what rounding costs, at every threshold. Exact, O(elements · thresholds): 2.4 million weights take
 * a few tenths of a second.
 * @throws InputError when a value is NaN or infinite, or bits is not a whole number from 2 to 16.
 */
export function errorSplit(values: Float32Array, bits: number): ErrorSplit {
  if (!Number.isInteger(bits) || bits < 2 || bits > 16) {
    throw new InputError(`Bits must be a whole number from 2 to 16, not ${bits}.`);
  }
  const magnitudes = values.map(Math.abs);
  let max = 0;
  let energy = 0;
  for (const w of magnitudes) {
    if (w > max) max = w;
    energy += w * w;
  }
  if (!Number.isFinite(energy)) {
    throw new InputError('The weight holds NaN or infinite values, so its error has no size.');
  }
  const histogram = magnitudeHistogram(magnitudes, max);
  if (max === 0) return { thresholds: [], clipping: [], rounding: [], markers: [], histogram, energy };

  const levels = 2 ** (bits - 1) - 1;
  // The least useful range rounds every weight to its ends: half a step of the widest range.
  const thresholds = logSpaced(max / (2 * levels + 2), max, THRESHOLDS);
  const parts = thresholds.map((a) => splitAt(magnitudes, a, levels));
  return {
    thresholds,
    clipping: parts.map((part) => part.clipping),
    rounding: parts.map((part) => part.rounding),
    markers: [
      { rule: 'max', threshold: max },
      { rule: 'percentile:99.99', threshold: percentileOf(magnitudes, max) },
      { rule: 'mse', threshold: leastError(magnitudes, levels, thresholds, parts) },
    ],
    histogram,
    energy,
  };
}

interface Parts {
  readonly clipping: number;
  readonly rounding: number;
}

/** Clipping and rounding error of |w| for the range ±a with `levels` codes on either side of zero. */
function splitAt(magnitudes: Float32Array, a: number, levels: number): Parts {
  const step = a / levels;
  const inverse = levels / a;
  let clipping = 0;
  let rounding = 0;
  for (let i = 0; i < magnitudes.length; i++) {
    const w = magnitudes[i] as number;
    if (w > a) {
      clipping += (w - a) * (w - a);
    } else {
      // At a tie both neighbours are equally far, so the kind of rounding does not matter.
      const d = w - step * Math.floor(w * inverse + 0.5);
      rounding += d * d;
    }
  }
  return { clipping, rounding };
}

/** The threshold of the least total error: the best of the grid, refined between its neighbours. */
function leastError(
  magnitudes: Float32Array,
  levels: number,
  thresholds: readonly number[],
  parts: readonly Parts[],
): number {
  const total = (part: Parts | undefined): number => (part ? part.clipping + part.rounding : Infinity);
  let best = 0;
  for (let i = 1; i < parts.length; i++) if (total(parts[i]) < total(parts[best])) best = i;
  let threshold = thresholds[best] as number;
  let error = total(parts[best]);
  const from = thresholds[Math.max(0, best - 1)] as number;
  const to = thresholds[Math.min(thresholds.length - 1, best + 1)] as number;
  for (let i = 1; i < REFINEMENTS; i++) {
    const a = from + ((to - from) * i) / REFINEMENTS;
    const candidate = total(splitAt(magnitudes, a, levels));
    if (candidate < error) {
      error = candidate;
      threshold = a;
    }
  }
  return threshold;
}

/** The magnitude that PERCENTILE of the elements do not pass, interpolated within bins of max / 65,536. */
function percentileOf(magnitudes: Float32Array, max: number): number {
  const bins = 65_536;
  const counts = countMagnitudes(magnitudes, max, bins);
  const rank = PERCENTILE * magnitudes.length;
  let below = 0;
  for (const [j, n] of counts.entries()) {
    if (below + n >= rank) return Math.min(max, (max * (j + (rank - below) / n)) / bins);
    below += n;
  }
  return max;
}

function magnitudeHistogram(magnitudes: Float32Array, max: number): ErrorSplit['histogram'] {
  if (max === 0) return { edges: [0, 1], counts: [magnitudes.length] };
  return {
    edges: Array.from({ length: HISTOGRAM_BINS + 1 }, (_, i) => (max * i) / HISTOGRAM_BINS),
    counts: Array.from(countMagnitudes(magnitudes, max, HISTOGRAM_BINS)),
  };
}

function countMagnitudes(magnitudes: Float32Array, max: number, bins: number): Float64Array {
  const counts = new Float64Array(bins);
  for (const w of magnitudes) {
    const j = Math.min(bins - 1, Math.floor((w / max) * bins));
    counts[j] = (counts[j] as number) + 1;
  }
  return counts;
}

function logSpaced(from: number, to: number, count: number): number[] {
  const ratio = Math.log(to / from) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? to : from * Math.exp(ratio * i)));
}

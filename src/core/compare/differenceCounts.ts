import type { DifferenceHistogram } from '../compareResults';
import { StreamingHistogram } from '../quant/histogram';

/** Bins of the histogram, at most; half of them at least. */
const MOST_BINS = 64;

/** Counts how far values of one model are from those of another, over any number of samples, in bounded memory. */
export class DifferenceCounts {
  private readonly histogram: StreamingHistogram;

  /** @param name what messages call the value. */
  constructor(name: string) {
    this.histogram = new StreamingHistogram(name);
  }

  /** Pairs of which one is not finite are left out. */
  add(a: ArrayLike<number>, b: ArrayLike<number>): void {
    const differences = Float32Array.from(a, (value, at) => (b[at] as number) - value);
    this.histogram.add(
      differences.every(Number.isFinite) ? differences : differences.filter(Number.isFinite),
    );
  }

  /** Bins are aligned to zero, so that none of them holds differences of both signs. null: nothing was added. */
  toJson(): DifferenceHistogram | null {
    const { count, zeros, sum, sumSquares, positive, negative, binWidth } = this.histogram;
    if (count === 0) return null;
    let together = 1;
    while (Math.ceil(positive.length / together) + Math.ceil(negative.length / together) > MOST_BINS)
      together *= 2;
    const below = grouped(negative, together);
    const counts = [...below.toReversed(), ...grouped(positive, together)];
    const mean = sum / count;
    return {
      edges:
        counts.length === 0 ? [] : [...counts, 0].map((_, at) => (at - below.length) * together * binWidth),
      counts,
      equal: zeros,
      values: count,
      mean,
      standardDeviation: Math.sqrt(Math.max(0, sumSquares / count - mean * mean)),
    };
  }
}

function grouped(bins: ArrayLike<number>, together: number): number[] {
  const sums = new Array<number>(Math.ceil(bins.length / together)).fill(0);
  for (let bin = 0; bin < bins.length; bin++) {
    const at = Math.floor(bin / together);
    sums[at] = (sums[at] ?? 0) + (bins[bin] ?? 0);
  }
  return sums;
}

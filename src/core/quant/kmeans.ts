/** Optimal k-means of numbers on a line. */
import { ThresholdGrid } from './thresholdGrid';
import { uniqueCount } from './uniqueCount';

/** Distinct values up to which every one is a point of its own. */
const LARGEST_EXACT = 8192;
/** Points that a histogram has at least, where doubling its bins gives so many. */
const FEWEST_POINTS = 4096;
const LARGEST_HISTOGRAM = 2 ** 20;
/** Points per centroid from which a bin that lies across a border costs less than a 60,000th of the error. */
const FINE_POINTS = 256;
const LLOYD_ROUNDS = 10;
/** Part of the error below which another round is not worth reading the values again: 0.0004 dB. */
const SMALLEST_GAIN = 1e-4;

/**
 * The `count` centroids with the least Σ weight·(value − centroid)².
 *
 * Exact up to 8192 distinct values: dynamic programming over the sorted values, as clusters of numbers are intervals
 * (Ckmeans.1d.dp, Wang & Song 2011, The R Journal 3/2). The best start of the last cluster moves right as its end does, so
 * each of the `count` rows of the table is filled by divide and conquer: O(count · n log n).
 * Larger tensors are gathered into a histogram first (8192 bins, doubled until 4096 are occupied), each bin a point at the
 * mean of its values. With fewer than 256 points per centroid, the optimum is refined on the values themselves by at most 10
 * rounds of Lloyd's algorithm, which can only lower the error, until a round lowers it by less than a ten-thousandth.
 * @param values finite.
 * @param weights one per value, positive; 1 each by default.
 */
export function kmeans(values: Float32Array, count: number, weights?: Float32Array): Float32Array {
  if (uniqueCount(values, LARGEST_EXACT) <= LARGEST_EXACT)
    return optimalCentroids(distinctPoints(values, weights), count);
  const points = binnedPoints(values, weights);
  const centroids = optimalCentroids(points, count);
  return points.at.length >= FINE_POINTS * count ? centroids : refine(values, weights, centroids);
}

/** Halfway between neighbours: a value is nearest to the centroid with as many thresholds at or below the value. */
export function halfway(ascending: Float32Array): Float64Array {
  return Float64Array.from(ascending.subarray(1), (value, i) => ((ascending[i] ?? 0) + value) / 2);
}

/** How many of the ascending `thresholds` are at or below `value`. */
export function countUpTo(thresholds: Float64Array, value: number): number {
  let low = 0;
  let high = thresholds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((thresholds[middle] ?? Infinity) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Points in ascending order, with what lies at each. */
interface Points {
  readonly at: Float64Array;
  readonly weight: Float64Array;
}

function distinctPoints(values: Float32Array, weights: Float32Array | undefined): Points {
  const total = new Map<number, number>();
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    total.set(value, (total.get(value) ?? 0) + (weights?.[i] ?? 1));
  }
  const at = Float64Array.from(total.keys()).sort();
  return { at, weight: at.map((value) => total.get(value) ?? 0) };
}

function binnedPoints(values: Float32Array, weights: Float32Array | undefined): Points {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  for (let bins = LARGEST_EXACT; ; bins *= 2) {
    const weight = new Float64Array(bins);
    const sum = new Float64Array(bins);
    const perUnit = bins / (max - min);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      const own = weights ? (weights[i] as number) : 1;
      const bin = Math.min(bins - 1, (value - min) * perUnit) | 0;
      weight[bin] = (weight[bin] as number) + own;
      sum[bin] = (sum[bin] as number) + own * value;
    }
    const isOccupied = weight.map((total) => (total > 0 ? 1 : 0));
    const occupied = isOccupied.reduce((total, one) => total + one, 0);
    if (occupied < FEWEST_POINTS && bins < LARGEST_HISTOGRAM) continue;
    const at = sum.map((total, bin) => total / (weight[bin] ?? 1)).filter((_, bin) => isOccupied[bin]);
    return { at, weight: weight.filter((total) => total > 0) };
  }
}

function optimalCentroids({ at, weight }: Points, count: number): Float32Array {
  if (at.length <= count) return Float32Array.from(at);
  const sums = new IntervalSums(at, weight);
  const starts = clusterStarts(sums, at.length, count);
  const centroids = new Float32Array(count);
  let end = at.length;
  for (let cluster = count - 1; cluster >= 0; cluster--) {
    const start = cluster === 0 ? 0 : (starts[cluster]?.[end - 1] ?? 0);
    centroids[cluster] = sums.mean(start, end);
    end = start;
  }
  return centroids;
}

/** `starts[c][j]`: where cluster c begins when clusters 0…c cover the points 0…j at least cost. */
function clusterStarts(sums: IntervalSums, points: number, count: number): Int32Array[] {
  const starts = [new Int32Array(points)];
  let known = Float64Array.from({ length: points }, (_, last) => sums.error(0, last + 1));
  for (let cluster = 1; cluster < count; cluster++) {
    const cost = new Float64Array(points);
    const start = new Int32Array(points);
    // Fewer points than clusters have no partition, and no later cluster starts there.
    sums.addCluster(known, cost, start, cluster, points - 1, cluster, points - 1);
    starts.push(start);
    known = cost;
  }
  return starts;
}

/** Sums over intervals of points in constant time. */
class IntervalSums {
  private readonly weight: Float64Array;
  private readonly first: Float64Array;
  private readonly second: Float64Array;
  /** Subtracted from every point: squares of large offsets would cancel. */
  private readonly offset: number;

  constructor(at: Float64Array, weight: Float64Array) {
    this.weight = new Float64Array(at.length + 1);
    this.first = new Float64Array(at.length + 1);
    this.second = new Float64Array(at.length + 1);
    this.offset = at[at.length >>> 1] ?? 0;
    for (let i = 0; i < at.length; i++) {
      const point = (at[i] ?? 0) - this.offset;
      const own = weight[i] ?? 0;
      this.weight[i + 1] = (this.weight[i] ?? 0) + own;
      this.first[i + 1] = (this.first[i] ?? 0) + own * point;
      this.second[i + 1] = (this.second[i] ?? 0) + own * point * point;
    }
  }

  /** Squared error of the points `start`…`end` − 1 around their mean. */
  error(start: number, end: number): number {
    const weight = (this.weight[end] ?? 0) - (this.weight[start] ?? 0);
    const first = (this.first[end] ?? 0) - (this.first[start] ?? 0);
    const second = (this.second[end] ?? 0) - (this.second[start] ?? 0);
    return Math.max(0, second - (first * first) / weight);
  }

  /**
   * Fills `cost` and `start` of the last points `from`…`to` with the best start of one more cluster, known to be within
   * `lowest`…`highest`. The loop that every point goes through a dozen times: all stands in one function.
   * @param known what the points up to each cost with the clusters before.
   */
  addCluster(
    known: Float64Array,
    cost: Float64Array,
    start: Int32Array,
    from: number,
    to: number,
    lowest: number,
    highest: number,
  ): void {
    const { weight, first, second } = this;
    let [leftmost, low] = [from, lowest];
    while (leftmost <= to) {
      const middle = (leftmost + to) >>> 1;
      const weightTo = weight[middle + 1] as number;
      const firstTo = first[middle + 1] as number;
      const secondTo = second[middle + 1] as number;
      const last = highest < middle ? highest : middle;
      let least = Infinity;
      let best = low;
      for (let begin = low; begin <= last; begin++) {
        const sum = firstTo - (first[begin] as number);
        const error =
          secondTo - (second[begin] as number) - (sum * sum) / (weightTo - (weight[begin] as number));
        const total = (known[begin - 1] as number) + (error > 0 ? error : 0);
        if (total < least) {
          least = total;
          best = begin;
        }
      }
      cost[middle] = least;
      start[middle] = best;
      if (leftmost < middle) this.addCluster(known, cost, start, leftmost, middle - 1, low, best);
      leftmost = middle + 1;
      low = best;
    }
  }

  mean(start: number, end: number): number {
    const weight = (this.weight[end] ?? 0) - (this.weight[start] ?? 0);
    return this.offset + ((this.first[end] ?? 0) - (this.first[start] ?? 0)) / weight;
  }
}

/** Lloyd's algorithm: each centroid moves to the mean of the values nearest to it, as long as that helps. */
function refine(values: Float32Array, weights: Float32Array | undefined, start: Float32Array): Float32Array {
  let centroids = start;
  let before = Infinity;
  const nearest = new Uint8Array(values.length);
  const grid = (of: Float32Array) => new ThresholdGrid(halfway(of));
  for (let round = 0; round < LLOYD_ROUNDS; round++) {
    grid(centroids).countAll(values, 0, values.length, 1, nearest);
    const weight = new Float64Array(centroids.length);
    const sum = new Float64Array(centroids.length);
    let energy = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      const own = weights ? (weights[i] as number) : 1;
      const at = nearest[i] as number;
      weight[at] = (weight[at] as number) + own;
      sum[at] = (sum[at] as number) + own * value;
      energy += own * value * value;
    }
    const known = centroids;
    centroids = known.map((centroid, i) => (weight[i] ? (sum[i] ?? 0) / weight[i] : centroid));
    // What is left around the means: Σ weight · value² less Σ weight · mean².
    const explained = sum.map((total, i) => (total * total) / (weight[i] || 1));
    const error = energy - explained.reduce((all, part) => all + part, 0);
    if (!(error < before * (1 - SMALLEST_GAIN))) break;
    before = error;
  }
  return centroids;
}

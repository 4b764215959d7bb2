/** Scales and table of a codebook that serve each other. */
import { forEachRun } from './layouts';
import type { AxisLayout } from './affine';
import { halfway } from './kmeans';
import { ThresholdGrid } from './thresholdGrid';

/** The part of the error below which another turn is not worth going through the values again: 0.004 dB. */
const SMALLEST_GAIN = 1e-3;
/** Times that scales and table follow each other in a turn, which costs next to nothing. */
const ROUNDS = 3;

/** A weight, or what stands for it. */
export interface WeightPart {
  readonly values: Float32Array;
  readonly layout: AxisLayout;
  /** How much the squared error of each value counts; absent: all the same. */
  readonly importance?: Float32Array | undefined;
}

/** A table for all channels, whose values are multiplied by a scale for each. */
export interface ScaledTable {
  /** Ascending. */
  readonly table: Float32Array;
  readonly scales: Float32Array;
}

/**
 * The best of `start` and of up to `turns` turns. Each takes the scales and values of least squared error for where the weights
 * stand in the table (s of a channel: Σ importance · w·t / Σ importance · t²; t of the table: Σ importance · s·w / Σ importance · s²;
 * a few times one after the other), then weights go to what is nearest now. No turn raises the error, but for what float32
 * rounds away. Turns end when one has gained less than a thousandth.
 */
export function fitToEachOther(weight: WeightPart, start: ScaledTable, turns: number): ScaledTable {
  const energy = energyOf(weight);
  let [current, best, least] = [start, start, Infinity];
  for (let turn = 0; ; turn++) {
    const members = membersOf(weight, current);
    const error = energy + addedError(members, current);
    const isWorthwhile = error < least * (1 - SMALLEST_GAIN);
    if (error < least) [best, least] = [current, error];
    if (!isWorthwhile || turn === turns) return best;
    for (let round = 0; round < ROUNDS; round++) current = withTable(members, withScales(members, current));
    // Means of weights that other scales brought near each other may change places.
    current = { table: current.table.toSorted(), scales: current.scales };
  }
}

/** The weights of each channel at each value of the table, value by value in each channel: Σ importance and Σ importance · w. */
interface Members {
  readonly counts: Float64Array;
  readonly totals: Float64Array;
}

function withScales({ counts, totals }: Members, { table, scales }: ScaledTable): ScaledTable {
  const better = scales.map((scale, channel) => {
    let [common, own] = [0, 0];
    for (let place = 0, at = channel * table.length; place < table.length; place++, at++) {
      const value = table[place] as number;
      common += value * (totals[at] as number);
      own += value * value * (counts[at] as number);
    }
    const next = Math.fround(common / own);
    return next > 0 && Number.isFinite(next) ? next : scale;
  });
  return { table, scales: better };
}

function withTable({ counts, totals }: Members, { table, scales }: ScaledTable): ScaledTable {
  const common = new Float64Array(table.length);
  const own = new Float64Array(table.length);
  for (const [channel, scale] of scales.entries()) {
    for (let place = 0, at = channel * table.length; place < table.length; place++, at++) {
      common[place] = (common[place] as number) + scale * (totals[at] as number);
      own[place] = (own[place] as number) + scale * scale * (counts[at] as number);
    }
  }
  return {
    table: table.map((value, place) => (own[place] ? (common[place] ?? 0) / own[place] : value)),
    scales,
  };
}

/** Σ importance · (w − Q(w))² less Σ importance · w². */
function addedError({ counts, totals }: Members, { table, scales }: ScaledTable): number {
  let sum = 0;
  for (const [channel, scale] of scales.entries()) {
    for (let place = 0, at = channel * table.length; place < table.length; place++, at++) {
      const value = scale * (table[place] as number);
      sum += value * (value * (counts[at] as number) - 2 * (totals[at] as number));
    }
  }
  return sum;
}

function energyOf({ values, importance }: WeightPart): number {
  let energy = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    energy += (importance ? (importance[i] as number) : 1) * value * value;
  }
  return energy;
}

function membersOf({ values, layout, importance }: WeightPart, { table, scales }: ScaledTable): Members {
  const cells = layout.channels * table.length;
  const members: Members = { counts: new Float64Array(cells), totals: new Float64Array(cells) };
  const grid = new ThresholdGrid(halfway(table));
  forEachRun(layout, (start, end, channel, step) => {
    addRun(values, importance, start, end, grid, scales, channel, step, table.length, members);
  });
  return members;
}

// A function of its own: inside the callback the loop takes twice as long.
function addRun(
  values: Float32Array,
  importance: Float32Array | undefined,
  start: number,
  end: number,
  grid: ThresholdGrid,
  scales: Float32Array,
  first: number,
  step: 0 | 1,
  entries: number,
  { counts, totals }: Members,
): void {
  for (let i = start, channel = first; i < end; i++, channel += step) {
    const value = values[i] as number;
    const at = channel * entries + grid.countUpTo(Math.fround(value / (scales[channel] as number)));
    const counted = importance ? (importance[i] as number) : 1;
    counts[at] = (counts[at] as number) + counted;
    totals[at] = (totals[at] as number) + counted * value;
  }
}

/** Elements of a part: so many, and of each channel. Half of either loses up to 0.04 dB on single layers. */
const PART_ELEMENTS = 2 ** 17;
const CHANNEL_ELEMENTS = 2 ** 9;

/** The weight itself unless it is large, else evenly spread elements of every channel. */
export function partOf(weight: WeightPart): WeightPart {
  const { values, layout, importance } = weight;
  const { outer, channels, inner } = layout;
  const perChannel = outer * inner;
  const wanted = Math.max(CHANNEL_ELEMENTS, Math.ceil(PART_ELEMENTS / channels));
  let stride = Math.floor(perChannel / wanted);
  if (stride < 2) return weight;
  // Without a common divisor every position of a window has its turn.
  while (greatestCommonDivisor(stride, perChannel) > 1) stride++;
  const count = Math.ceil(perChannel / stride);
  const pick = (from: Float32Array): Float32Array => {
    const picked = new Float32Array(channels * count);
    for (let channel = 0, at = 0; channel < channels; channel++) {
      for (let place = 0; place < perChannel; place += stride) {
        const row = Math.floor(place / inner);
        picked[at++] = from[(row * channels + channel) * inner + place - row * inner] as number;
      }
    }
    return picked;
  };
  return {
    values: pick(values),
    layout: { outer: 1, channels, inner: count },
    importance: importance && pick(importance),
  };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

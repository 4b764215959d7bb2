import type { SearchCost } from '../searchResults';
import { greedyWithin } from './greedy';
import { jointOptions, sharingLayers, type JointLayers } from './jointOptions';
import { paretoFront, type Option, type ParetoFront } from './knapsack';
import { optionAt, totalsOf, type LayerOption, type Picks, type SearchLayer } from './searchLayer';

/** Decisions kept for all layers together: bounds the memory of a front. */
const MOST_DECISIONS = 2 ** 24;
const MOST_STATES = 100_000;
/** Share of the front's costs on either side that tells what a unit of the cost is worth: single steps tell too little. */
const PRICE_REACH = 0.03;

/** The choices that no other beats in cost and summed error, the cheapest first. Costs and errors rise and fall strictly. */
export class Front {
  private readonly solutions: ParetoFront;
  /** Cost of the cheapest option of every layer: fronts count from there, as costs may not be negative. */
  private readonly base: number;
  private readonly decisions: readonly JointLayers[];
  /** Of the decisions. */
  private readonly options: readonly (readonly Option[])[];

  /** @throws RangeError when a cost is unknown (`bops` of a layer without MACs). */
  constructor(
    readonly layers: readonly SearchLayer[],
    readonly cost: SearchCost,
  ) {
    this.decisions = decisionsOf(layers, cost);
    const least = this.decisions.map(({ options }) => Math.min(...options.map((option) => option.cost)));
    this.base = least.reduce((sum, each) => sum + each, 0);
    this.options = this.decisions.map(({ options }, at) =>
      options.map((option) => ({ cost: option.cost - (least[at] ?? 0), error: option.error })),
    );
    const mostStates = Math.min(MOST_STATES, Math.floor(MOST_DECISIONS / Math.max(1, layers.length)));
    this.solutions = paretoFront(this.options, { mostStates });
  }

  get length(): number {
    return this.solutions.length;
  }

  /** Additive cost of a solution; rounded up where there were too many to be exact. */
  costAt(index: number): number {
    return this.base + (this.solutions.costs[index] ?? Infinity);
  }

  errorAt(index: number): number {
    return this.solutions.errors[index] ?? Infinity;
  }

  picksAt(index: number): Picks {
    return this.picksOf(this.solutions.optionsOf(index));
  }

  /** The solution with the least error that costs at most `most`; undefined when none does. */
  withinCost(most: number): number | undefined {
    return this.solutions.withinCost(most - this.base);
  }

  /**
   * The choice with the least error that costs at most `most`; undefined when none does. Where costs were rounded, what is left
   * over by that may let a greedy choice win.
   */
  bestWithin(most: number): Picks | undefined {
    const index = this.withinCost(most);
    const picks = index === undefined ? undefined : this.picksAt(index);
    if (this.solutions.isExact) return picks;
    const options = greedyWithin(this.options, most - this.base);
    const greedy = options && this.picksOf(options);
    if (!greedy || !picks) return picks ?? greedy;
    return totalsOf(this.layers, greedy).error < totalsOf(this.layers, picks).error ? greedy : picks;
  }

  /** The cheapest solution with at most this error; undefined when none has so little. */
  withinError(most: number): number | undefined {
    return this.solutions.withinError(most);
  }

  private picksOf(options: readonly number[]): Picks {
    const picks = this.layers.map(() => 0);
    for (const [decision, { at, options: all }] of this.decisions.entries()) {
      const joint = all[options[decision] ?? 0];
      for (const [member, position] of at.entries()) picks[position] = joint?.picks[member] ?? 0;
    }
    return picks;
  }

  /** The error that a unit of the cost is worth, around solutions that cost `cost`. */
  priceAt(cost: number): number {
    const [low, high] = [this.costAt(0), this.costAt(this.length - 1)];
    const reach = PRICE_REACH * (high - low);
    const below = this.withinCost(cost - reach) ?? 0;
    const above = this.withinCost(Math.max(cost, low) + reach) ?? 0;
    const rise = this.costAt(above) - this.costAt(below);
    return rise > 0 ? (this.errorAt(below) - this.errorAt(above)) / rise : 0;
  }

  /** The solution farthest below the straight line between the ends, in cost and the logarithm of the error. */
  get knee(): number {
    const errors = Array.from(this.solutions.errors);
    const positive = errors.filter((error) => error > 0);
    const floor = Math.log(positive.at(-1) ?? 1);
    const [high, width] = [Math.log(positive[0] ?? 1), this.costAt(this.length - 1) - this.costAt(0)];
    let [best, knee] = [Infinity, 0];
    for (const [index, error] of errors.entries()) {
      const height = (error > 0 ? Math.log(error) : floor) - floor;
      const sum =
        height / Math.max(high - floor, 1e-9) + (this.costAt(index) - this.costAt(0)) / (width || 1);
      if (sum < best) [best, knee] = [sum, index];
    }
    return knee;
  }

  /** At most about `count` indices that show the whole front: evenly in cost, and evenly in the logarithm of the error. */
  spread(count: number): number[] {
    const last = this.length - 1;
    const chosen = new Set([0, last]);
    const half = Math.max(1, Math.floor(count / 2));
    const [low, high] = [this.costAt(0), this.costAt(last)];
    const logs = [Math.log(this.errorAt(0)), Math.log(this.errorAt(Math.max(0, last - 1)))] as const;
    for (let step = 1; step < half; step++) {
      const part = step / half;
      const byCost = this.withinCost(low + part * (high - low));
      const error = Math.exp(logs[0] + part * (logs[1] - logs[0]));
      const byError = Number.isFinite(error) ? this.withinError(error) : undefined;
      for (const index of [byCost, byError]) if (index !== undefined) chosen.add(index);
    }
    return [...chosen].sort((a, b) => a - b);
  }
}

/** What each decision can be. Only bytes are shared; work and time are every layer's own. */
function decisionsOf(layers: readonly SearchLayer[], cost: SearchCost): JointLayers[] {
  const isShared = cost === 'bytes' && layers.some(({ options }) => options.some(({ stored }) => stored));
  if (isShared) {
    return sharingLayers(layers).map((at) => ({
      at,
      options: jointOptions(at.flatMap((position) => layers[position] ?? [])),
    }));
  }
  return layers.map(({ options }, at) => ({
    at: [at],
    options: options.map((option, pick) => ({
      picks: [pick],
      cost: costOf(option, cost),
      error: option.error,
    })),
  }));
}

/** Of a constant that layers share, each has its part. */
export function costOf({ text, bytes, stored = [], bops, latencyMs }: LayerOption, cost: SearchCost): number {
  const shared = stored.reduce((sum, each) => sum + each.bytes / each.readers, 0);
  return {
    bytes: bytes + shared,
    bops: bops ?? NaN,
    latency: latencyMs ?? NaN,
    floatLayers: Number(text === 'float'),
  }[cost];
}

/** All layers in one format, float where they cannot have it. */
export function uniformPicks(layers: readonly SearchLayer[], text: string): Picks {
  return layers.map(({ options }) =>
    Math.max(
      0,
      options.findIndex((option) => option.text === text),
    ),
  );
}

/**
 * Which layers to keep float when all others have one format: for each k the k most sensitive ones, which is the best choice
 * of k layers as far as errors add up.
 * @returns k and the picks, for k = 0, 1, 2, 4, 8… and all.
 */
export function floatCurvePicks(
  layers: readonly SearchLayer[],
  text: string,
): { readonly floatLayers: readonly string[]; readonly picks: Picks }[] {
  const all = uniformPicks(layers, text);
  const quantized = layers.flatMap((layer, at) =>
    all[at] ? [{ at, name: layer.name, error: optionAt(layer, all[at]).error }] : [],
  );
  quantized.sort((a, b) => b.error - a.error);
  const counts = [0];
  for (let count = 1; count < quantized.length; count *= 2) counts.push(count);
  counts.push(quantized.length);
  return [...new Set(counts)].map((count) => {
    const kept = quantized.slice(0, count);
    const floats = new Set(kept.map(({ at }) => at));
    return {
      floatLayers: kept.map(({ name }) => name),
      picks: all.map((pick, at) => (floats.has(at) ? 0 : pick)),
    };
  });
}

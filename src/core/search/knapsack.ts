/**
 * Multiple-choice knapsack: one option per layer, so that cost and error both stay low. All trade-offs come from one sweep of
 * dynamic programming over the layers that keeps the states no other state beats (Nemhauser and Ullmann 1969).
 */

/** One way to quantize a layer. */
export interface Option {
  /** Bytes, bit-operations or time; at least 0. */
  readonly cost: number;
  /** What it adds to the error; at least 0. */
  readonly error: number;
}

/** States kept at most; beyond it costs are rounded up to a step, so that solutions stay valid but may miss the optimum. */
const MOST_STATES = 200_000;

/** What was decided for one layer: parallel arrays over the states that survived it. */
interface Stage {
  /** Index of the state before this layer. */
  readonly parents: Int32Array;
  /** Index of the option taken. */
  readonly options: Int32Array;
}

/** Choices of options that no other choice beats in both cost and error, cheapest first. */
export class ParetoFront {
  constructor(
    readonly costs: Float64Array,
    readonly errors: Float64Array,
    /** False when there were so many states that costs had to be rounded. */
    readonly isExact: boolean,
    private readonly stages: readonly Stage[],
  ) {}

  get length(): number {
    return this.costs.length;
  }

  /** The option of each layer in solution `index`, in the order of the layers. */
  optionsOf(index: number): number[] {
    const picks: number[] = [];
    let at = index;
    for (const { parents, options } of [...this.stages].reverse()) {
      picks.push(options[at] ?? 0);
      at = parents[at] ?? 0;
    }
    return picks.reverse();
  }

  /** The solution with the least error whose cost is at most `budget`; undefined when none is. */
  withinCost(budget: number): number | undefined {
    let found: number | undefined;
    for (let i = 0; i < this.length && (this.costs[i] ?? Infinity) <= budget; i++) found = i;
    return found;
  }

  /** The cheapest solution whose error is at most `limit`; undefined when none is. */
  withinError(limit: number): number | undefined {
    const found = this.errors.findIndex((error) => error <= limit);
    return found < 0 ? undefined : found;
  }
}

/**
 * The whole front of cost against summed error.
 * @param layers the options of each layer; none of them empty.
 * @throws RangeError when a layer has no option, or a figure is negative or not finite.
 */
export function paretoFront(
  layers: readonly (readonly Option[])[],
  { mostStates = MOST_STATES }: { readonly mostStates?: number } = {},
): ParetoFront {
  for (const options of layers) check(options);
  const dearest = layers.reduce((sum, options) => sum + Math.max(...options.map(({ cost }) => cost)), 0);
  let costs = new Float64Array(1);
  let errors = new Float64Array(1);
  // Above 0, costs are counted in whole steps.
  let step = 0;
  const stages: Stage[] = [];
  for (const options of layers) {
    let next = merge(costs, errors, options, step);
    if (step === 0 && next.costs.length > mostStates) {
      step = dearest / mostStates;
      costs = costs.map((cost) => Math.ceil(cost / step));
      next = merge(costs, errors, options, step);
    }
    ({ costs, errors } = next);
    stages.push(next.stage);
  }
  if (step > 0) costs = costs.map((cost) => cost * step);
  return new ParetoFront(costs, errors, step === 0, stages);
}

function check(options: readonly Option[]): void {
  if (options.length === 0) throw new RangeError('a layer has no option');
  for (const { cost, error } of options) {
    if (!(cost >= 0 && error >= 0 && Number.isFinite(cost) && Number.isFinite(error))) {
      throw new RangeError(`an option cannot cost ${cost} with error ${error}`);
    }
  }
}

/**
 * Adds each option to each state, and keeps what nothing beats. Every list of sums is sorted, so this is a merge.
 * @param step what `costs` are counted in; 0: their own unit.
 */
function merge(
  costs: Float64Array,
  errors: Float64Array,
  options: readonly Option[],
  step: number,
): { costs: Float64Array<ArrayBuffer>; errors: Float64Array<ArrayBuffer>; stage: Stage } {
  const most = costs.length * options.length;
  const outCosts = new Float64Array(most);
  const outErrors = new Float64Array(most);
  const parents = new Int32Array(most);
  const picks = new Int32Array(most);
  const heads = new Int32Array(options.length);
  // Rounded up: what fits the rounded budget fits the true one.
  const rounded = options.map(({ cost }) => (step > 0 ? Math.ceil(cost / step) : cost));
  let count = 0;
  let least = Infinity;
  for (;;) {
    let pick = -1;
    let cost = Infinity;
    let error = Infinity;
    for (let k = 0; k < options.length; k++) {
      const head = heads[k] ?? 0;
      if (head >= costs.length) continue;
      const sum = (costs[head] ?? 0) + (rounded[k] ?? 0);
      const total = (errors[head] ?? 0) + (options[k]?.error ?? 0);
      if (sum < cost || (sum === cost && total < error)) [pick, cost, error] = [k, sum, total];
    }
    if (pick < 0) break;
    const parent = heads[pick] ?? 0;
    heads[pick] = parent + 1;
    if (error >= least) continue;
    least = error;
    // Rounding makes costs equal: the later state has less error.
    if (count > 0 && outCosts[count - 1] === cost) count--;
    outCosts[count] = cost;
    outErrors[count] = error;
    parents[count] = parent;
    picks[count] = pick;
    count++;
  }
  return {
    costs: outCosts.slice(0, count),
    errors: outErrors.slice(0, count),
    stage: { parents: parents.slice(0, count), options: picks.slice(0, count) },
  };
}

import { optionAt, totalsOf, type LayerOption, type Picks, type SearchLayer } from './searchLayer';

/** Changes of a plan that are measured in one round. */
const MOST_CHANGES = 24;
/** Layers that carry most of the error: what they gain as float is measured as well. */
const MOST_CARRIERS = 4;
/** A decision that errors 20 times as large would not turn is none. */
const DECIDED = 0.9;
/** A single measurement is not trusted further than this. */
const MOST_CHANGE = 16;

/** True when one of two errors is more than `factor` times the other. @param negligible errors up to it count as none. */
export function isWrong(predicted: number, measured: number, factor: number, negligible = 1e-9): boolean {
  const [a, b] = [Math.max(predicted, negligible), Math.max(measured, negligible)];
  return Math.max(a, b) > factor * Math.min(a, b);
}

/** One layer of a plan in another option. */
export interface Change {
  /** Position of the layer. */
  readonly at: number;
  readonly pick: number;
}

/**
 * The changes of a plan that other errors would make worth while, the closest decisions first; before them the layers that
 * carry most of the error, as float.
 * @param price error that a unit of the cost is worth around the plan.
 */
export function contestedChanges(
  layers: readonly SearchLayer[],
  picks: Picks,
  price: number,
  costOf: (option: LayerOption) => number,
): Change[] {
  const carriers = layers
    .map((layer, at) => ({ at, pick: 0, error: optionAt(layer, picks[at]).error }))
    .filter(({ at, error }) => error > 0 && picks[at] !== 0)
    .sort((a, b) => b.error - a.error)
    .slice(0, MOST_CARRIERS);
  const contested = layers.flatMap((layer, at) => {
    const now = optionAt(layer, picks[at]);
    return [...layer.options.entries()].flatMap(([pick, option]) => {
      if (pick === picks[at]) return [];
      const saved = price * (costOf(now) - costOf(option));
      const lost = option.error - now.error;
      const regret = (lost - saved) / (option.error + now.error + Math.abs(saved) || 1);
      return regret < DECIDED ? [{ at, pick, regret }] : [];
    });
  });
  contested.sort((a, b) => a.regret - b.regret);
  const changes = new Map(
    [...carriers, ...contested].map(({ at, pick }) => [`${at} ${pick}`, { at, pick }] as const),
  );
  return [...changes.values()].slice(0, MOST_CHANGES);
}

/**
 * Errors as they are around a plan: for each change, what the output gains or loses by it alone. Options that were not
 * measured are scaled like their layer; layers that were not by what is left of the error.
 * @param measured error of the plan.
 * @param measure error of another plan; undefined when it does not run.
 */
export async function rescored(
  layers: readonly SearchLayer[],
  picks: Picks,
  measured: number,
  measure: (picks: Picks) => Promise<number | undefined>,
  changes: readonly Change[],
): Promise<SearchLayer[]> {
  /** Layer → option → error of the plan with it. */
  const found = new Map<number, Map<number, number>>();
  for (const { at, pick } of changes) {
    const error = await measure(picks.with(at, pick));
    if (error === undefined) continue;
    const ofLayer = found.get(at) ?? new Map([[picks[at] ?? 0, measured]]);
    found.set(at, ofLayer.set(pick, error));
  }
  const known = layers.map((layer, at) => errorsAround(layer, picks[at] ?? 0, found.get(at)));
  let [explained, before] = [0, 0];
  for (const [at, layer] of layers.entries()) {
    const now = known[at]?.errors.get(picks[at] ?? 0);
    if (now === undefined) continue;
    explained += now;
    before += optionAt(layer, picks[at]).error;
  }
  const others = totalsOf(layers, picks).error - before;
  const rest = others > 0 ? bounded(Math.max(0, measured - explained) / others) : 1;
  return layers.map((layer, at) => {
    const { errors, factor = rest } = known[at] ?? {};
    const options = layer.options.map((option, pick) => ({
      ...option,
      error: errors?.get(pick) ?? option.error * factor,
    }));
    return { ...layer, options };
  });
}

interface ErrorsAround {
  /** Of the options that were measured. */
  readonly errors: ReadonlyMap<number, number>;
  /** How much the others change; undefined when that cannot be told. */
  readonly factor?: number;
}

/** @param found option → error of the whole plan with it. */
function errorsAround(
  layer: SearchLayer,
  pick: number,
  found: ReadonlyMap<number, number> | undefined,
): ErrorsAround {
  if (!found) return { errors: new Map() };
  // What measuring cannot tell is how much of the error the most precise option has: little, so the scan's word is taken for it.
  const error = (option: number): number => optionAt(layer, option).error;
  const anchor = [...found.keys()].reduce((best, option) => (error(option) < error(best) ? option : best));
  const base = error(anchor) - (found.get(anchor) ?? 0);
  const errors = new Map(
    [...found].map(([option, total]) => [option, option === 0 ? 0 : Math.max(0, base + total)]),
  );
  const now = errors.get(pick) ?? 0;
  return pick === anchor || error(pick) === 0 ? { errors } : { errors, factor: bounded(now / error(pick)) };
}

function bounded(factor: number): number {
  return Math.min(MOST_CHANGE, Math.max(1 / MOST_CHANGE, factor));
}

/**
 * Plans that differ from one in at most two layers and fit, the least predicted error first.
 * @param most of the changes that are combined in pairs, the least predicted errors of each layer first.
 */
export function exchanges(
  layers: readonly SearchLayer[],
  picks: Picks,
  fits: (picks: Picks) => boolean,
  most = 128,
): Picks[] {
  const changes = layers.flatMap((layer, at) => {
    const now = optionAt(layer, picks[at]);
    return layer.options.flatMap((option, pick) =>
      pick === picks[at]
        ? []
        : [{ at, pick, gain: now.error - option.error, bytes: option.bytes - now.bytes }],
    );
  });
  const gaining = changes
    .filter(({ gain }) => gain > 0)
    .sort((a, b) => b.gain - a.gain)
    .slice(0, most);
  const losing = changes
    .filter(({ gain }) => gain <= 0)
    .sort((a, b) => b.gain - a.gain)
    .slice(0, most);
  const plans: { readonly picks: Picks; readonly gain: number }[] = [];
  for (const up of gaining) {
    const single = picks.with(up.at, up.pick);
    if (fits(single)) plans.push({ picks: single, gain: up.gain });
    for (const down of losing) {
      const gain = up.gain + down.gain;
      // They are sorted: no later one gains more.
      if (gain <= 0) break;
      if (down.at === up.at) continue;
      const pair = single.with(down.at, down.pick);
      if (fits(pair)) plans.push({ picks: pair, gain });
    }
  }
  return plans.sort((a, b) => b.gain - a.gain).map((plan) => plan.picks);
}

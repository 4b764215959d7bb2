import { paretoFront, type Option } from './knapsack';
import { totalsOf, type Picks, type SearchLayer } from './searchLayer';

/** What is decided at once: a layer, or several that share constants. */
export interface JointLayers {
  /** Positions of the layers. */
  readonly at: readonly number[];
  readonly options: readonly JointOption[];
}

/** Cost and error of options taken together. */
export interface JointOption extends Option {
  /** The option of each of the layers. */
  readonly picks: Picks;
}

/** Formats up to which all combinations of them are looked at; of more, only one or two at a time. */
const MOST_COMBINED = 6;
/** The inner choice of each combination is between options that differ little. */
const MOST_STATES = 256;
/** A front takes as long as there are options. */
const MOST_OPTIONS = 64;

/**
 * Layers by what they share, in the order of their first: the bytes of those in one entry do not add up, those of entries do.
 */
export function sharingLayers(layers: readonly SearchLayer[]): number[][] {
  const groupOf = new Map<number, number[]>();
  const groups = new Set<number[]>();
  for (const [at, { options }] of layers.entries()) {
    const keys = new Set(options.flatMap(({ stored = [] }) => stored.map(({ key }) => key)));
    const joined = new Set(
      [...keys].flatMap((key) => [groupOf.get(key) ?? []]).filter(({ length }) => length),
    );
    const [group = []] = joined;
    for (const other of joined) {
      if (other === group) continue;
      group.push(...other);
      groups.delete(other);
      for (const [key, found] of groupOf) if (found === other) groupOf.set(key, group);
    }
    group.push(at);
    groups.add(group);
    for (const key of keys) groupOf.set(key, group);
  }
  return [...groups];
}

/**
 * The options that layers which share constants have together, by bytes and error; none beats another. A file stores a constant
 * once in every format that one of its readers has: so for each combination of formats, every layer takes the best of them.
 */
export function jointOptions(layers: readonly SearchLayer[]): JointOption[] {
  const found: JointOption[] = [];
  for (const texts of combinations(textsOf(layers))) {
    const allowed = layers.map(({ options }) =>
      [...options.entries()].filter(([, { text }]) => texts.has(text)),
    );
    if (allowed.some(({ length }) => length === 0)) continue;
    const least = allowed.map((options) => Math.min(...options.map(([, { bytes }]) => bytes)));
    const own = allowed.map((options, at) =>
      options.map(([, { bytes, error }]) => ({ cost: bytes - (least[at] ?? 0), error })),
    );
    const front = paretoFront(own, { mostStates: MOST_STATES });
    for (let index = 0; index < front.length; index++) {
      const picks = front.optionsOf(index).map((option, at) => allowed[at]?.[option]?.[0] ?? 0);
      const { bytes, error } = totalsOf(layers, picks);
      found.push({ picks, cost: bytes, error });
    }
  }
  return thinned(unbeaten(found));
}

function textsOf(layers: readonly SearchLayer[]): string[] {
  return [...new Set(layers.flatMap(({ options }) => options.map(({ text }) => text)))];
}

function combinations(texts: readonly string[]): ReadonlySet<string>[] {
  if (texts.length <= MOST_COMBINED) {
    return texts
      .reduce<string[][]>((before, text) => [...before, ...before.map((each) => [...each, text])], [[]])
      .map((each) => new Set(each));
  }
  return texts.flatMap((first, at) => texts.slice(at).map((second) => new Set([first, second])));
}

function unbeaten(options: readonly JointOption[]): JointOption[] {
  let least = Infinity;
  return options
    .toSorted((a, b) => a.cost - b.cost || a.error - b.error)
    .filter(({ error }) => {
      if (error >= least) return false;
      least = error;
      return true;
    });
}

/** With both ends. */
function thinned(options: readonly JointOption[]): JointOption[] {
  if (options.length <= MOST_OPTIONS) return [...options];
  const step = (options.length - 1) / (MOST_OPTIONS - 1);
  return Array.from({ length: MOST_OPTIONS }, (_, at) => options[Math.round(at * step)] ?? []).flat();
}

import type { Option } from './knapsack';

/**
 * A cross-check of the exact front: from the most precise option of every layer, the step that saves the most cost per error
 * is taken until the cost fits. Within a few percent of the optimum as a rule, never better.
 * @returns the option of each layer; undefined when even the cheapest options do not fit.
 */
export function greedyWithin(
  layers: readonly (readonly Option[])[],
  budget: number,
): readonly number[] | undefined {
  const picks = layers.map((options) => indexOfLeast(options, ({ error, cost }) => [error, cost]));
  let total = layers.reduce((sum, options, layer) => sum + costAt(options, picks[layer]), 0);
  while (total > budget) {
    let best: { layer: number; option: number; gain: number; saved: number } | undefined;
    for (const [layer, options] of layers.entries()) {
      const now = options[picks[layer] ?? 0];
      if (!now) continue;
      for (const [option, { cost, error }] of options.entries()) {
        const saved = now.cost - cost;
        if (saved <= 0) continue;
        const gain = saved / Math.max(error - now.error, Number.MIN_VALUE);
        if (!best || gain > best.gain) best = { layer, option, gain, saved };
      }
    }
    if (!best) return undefined;
    picks[best.layer] = best.option;
    total -= best.saved;
  }
  return picks;
}

function costAt(options: readonly Option[], pick: number | undefined): number {
  return options[pick ?? 0]?.cost ?? 0;
}

function indexOfLeast(
  options: readonly Option[],
  key: (option: Option) => readonly [number, number],
): number {
  let least = 0;
  for (const [index, option] of options.entries()) {
    const best = options[least];
    if (!best) continue;
    const [a, b] = key(option);
    const [c, d] = key(best);
    if (a < c || (a === c && b < d)) least = index;
  }
  return least;
}

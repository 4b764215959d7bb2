import { optionAt, totalsOf, type Picks, type SearchLayer } from './searchLayer';

/** Layers whose effect is measured again in one round: those that carry most of the error. */
const MOST_LAYERS = 8;
/** A single measurement is not trusted further than this. */
const MOST_CHANGE = 16;
/** Sums of single effects this far from what was measured are wrong. */
export const WRONG_FACTOR = 2;

/** True when the sum of single effects says little of what a plan costs. @param negligible errors up to it count as none. */
export function isWrong(predicted: number, measured: number, negligible = 1e-9): boolean {
  const [a, b] = [Math.max(predicted, negligible), Math.max(measured, negligible)];
  return Math.max(a, b) > WRONG_FACTOR * Math.min(a, b);
}

/**
 * Errors as they are around a plan: for each layer that carries much of its error, what the output gains when this layer
 * alone is float again. All options of the layer are scaled by how far that is from its single effect; the options of the
 * other layers by what is left of the error.
 * @param measured error of the plan.
 * @param measure error of another plan.
 */
export async function rescored(
  layers: readonly SearchLayer[],
  picks: Picks,
  measured: number,
  measure: (picks: Picks) => Promise<number>,
  mostLayers = MOST_LAYERS,
): Promise<SearchLayer[]> {
  const carriers = layers
    .map((layer, at) => ({ at, error: optionAt(layer, picks[at]).error }))
    .filter(({ error }) => error > 0)
    .sort((a, b) => b.error - a.error)
    .slice(0, mostLayers);
  const factors = new Map<number, number>();
  let [explained, before] = [0, 0];
  for (const { at, error } of carriers) {
    const without = await measure(picks.map((pick, other) => (other === at ? 0 : pick)));
    const effect = Math.max(0, measured - without);
    factors.set(at, bounded(effect / error));
    explained += effect;
    before += error;
  }
  const others = totalsOf(layers, picks).error - before;
  const rest = others > 0 ? bounded(Math.max(0, measured - explained) / others) : 1;
  return layers.map((layer, at) => {
    const factor = factors.get(at) ?? rest;
    const options = layer.options.map((option) => ({ ...option, error: option.error * factor }));
    return { ...layer, options };
  });
}

function bounded(factor: number): number {
  return Math.min(MOST_CHANGE, Math.max(1 / MOST_CHANGE, factor));
}

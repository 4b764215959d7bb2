import { uniformPicks } from './front';
import type { PlanFit } from './planFit';
import { optionAt, totalsOf, type Picks, type SearchLayer } from './searchLayer';

/** Plans that one would try without a search, by the way in which they were made. */
export interface SimplePlans {
  /** All layers in one format. */
  readonly uniform: readonly Picks[];
  /** The same with the first and the last layer float. */
  readonly floatEnds: readonly Picks[];
  /** All in the smallest format; then the layers whose weights lose most get their most precise format, as long as they fit. */
  readonly byWeightError: readonly Picks[];
}

/**
 * What a search has to beat: those that fit.
 * @param weightErrors of layers in the format that makes them smallest, by name; the order is all that counts.
 * @throws CancelledError
 */
export async function simplePlans(
  layers: readonly SearchLayer[],
  weightErrors: ReadonlyMap<string, number>,
  fit: Pick<PlanFit, 'fits' | 'around'>,
): Promise<SimplePlans> {
  const fitting = async (plans: readonly Picks[]): Promise<Picks[]> => {
    const found: Picks[] = [];
    for (const picks of plans) if (await fit.fits(picks)) found.push(picks);
    return found;
  };
  const all = formatsIn(layers).map((text) => uniformPicks(layers, text));
  const ends = all.map((picks) => picks.map((pick, at) => (at === 0 || at === layers.length - 1 ? 0 : pick)));
  const smallest = uniformPicks(layers, smallestFormat(layers) ?? 'float');
  return {
    uniform: await fitting(all),
    floatEnds: await fitting(ends),
    byWeightError: (await fit.fits(smallest)) ? [await refined(layers, smallest, weightErrors, fit)] : [],
  };
}

/** The format that makes the file smallest when all layers have it. */
export function smallestFormat(layers: readonly SearchLayer[]): string | undefined {
  const bytes = (text: string): number => totalsOf(layers, uniformPicks(layers, text)).bytes;
  return formatsIn(layers).sort((a, b) => bytes(a) - bytes(b))[0];
}

function formatsIn(layers: readonly SearchLayer[]): string[] {
  const texts = new Set(layers.flatMap(({ options }) => options.map(({ text }) => text)));
  texts.delete('float');
  return [...texts];
}

/** Guesses of what fits are good near the plan that they were made for: where one was wrong, it is made again. */
const MOST_GUESSES = 3;

async function refined(
  layers: readonly SearchLayer[],
  smallest: Picks,
  weightErrors: ReadonlyMap<string, number>,
  fit: Pick<PlanFit, 'fits' | 'around'>,
): Promise<Picks> {
  let near = smallest;
  for (let guess = 0; guess < MOST_GUESSES; guess++) {
    near = refinedWithin(layers, smallest, weightErrors, await fit.around(near));
    if (await fit.fits(near)) return near;
  }
  return smallest;
}

function refinedWithin(
  layers: readonly SearchLayer[],
  picks: Picks,
  weightErrors: ReadonlyMap<string, number>,
  fits: (picks: Picks) => boolean,
): Picks {
  const errorAt = (at: number): number => weightErrors.get(layers[at]?.name ?? '') ?? 0;
  const worstFirst = [...layers.keys()].sort((a, b) => errorAt(b) - errorAt(a));
  let best = picks;
  for (const at of worstFirst) {
    const layer = layers[at];
    if (!layer) continue;
    const others = [...layer.options.keys()].slice(1);
    const precise = others.sort((a, b) => optionAt(layer, a).error - optionAt(layer, b).error)[0];
    const next = best.with(at, precise ?? 0);
    if (fits(next)) best = next;
  }
  return best;
}

import type { OutputDetails } from '../core/compareResults';

/** Samples of a class that are taken for another one, by each of two models. */
export interface Mistake {
  label: number;
  predicted: number;
  a: number;
  b: number;
}

/** Labels that are taken for other classes, what b confuses most first. */
export function mistakesOf({ a, b }: OutputDetails['confusion']): Mistake[] {
  const mistakes = new Map<string, Mistake>();
  for (const [side, cells] of [['a', a] as const, ['b', b] as const]) {
    for (const { label, predicted, count } of cells) {
      if (label === predicted) continue;
      const key = `${label} ${predicted}`;
      const row = mistakes.get(key) ?? { label, predicted, a: 0, b: 0 };
      mistakes.set(key, { ...row, [side]: count });
    }
  }
  return [...mistakes.values()].sort((one, other) => other.b - one.b || other.a - one.a);
}

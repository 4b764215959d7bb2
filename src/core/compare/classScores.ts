import type { ClassScore } from '../compareResults';
import type { OutputKind } from '../graph/types';
import { positionOffset, topClasses, type ClassLayout } from '../quant/classes';

/** The `top` best classes of a score vector, best first, with scores as the model gives them. */
export function bestClasses(
  scores: ArrayLike<number>,
  layout: ClassLayout,
  position: number,
  { kind, top }: { readonly kind: OutputKind; readonly top: number },
): ClassScore[] {
  const offset = positionOffset(layout, position);
  const scoreOf = (c: number): number => scores[offset + c * layout.inner] ?? 0;
  const best = topClasses(scores, layout, position, top);
  if (kind !== 'logits') return best.map((c) => ({ class: c, score: scoreOf(c), probability: scoreOf(c) }));
  const greatest = scoreOf(best[0] ?? 0);
  let sum = 0;
  for (let c = 0; c < layout.classes; c++) sum += Math.exp(scoreOf(c) - greatest);
  return best.map((c) => ({
    class: c,
    score: scoreOf(c),
    probability: Math.exp(scoreOf(c) - greatest) / sum,
  }));
}

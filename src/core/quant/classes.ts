import { InputError } from '../errors';

/**
 * A tensor seen as score vectors over its classes: `outer × inner` positions, the score of class c at position (o, i)
 * standing at `(o·classes + c)·inner + i`.
 */
export interface ClassLayout {
  readonly outer: number;
  readonly classes: number;
  readonly inner: number;
}

/** @throws InputError when `axis` is not an axis of `dims`. */
export function classLayout(dims: readonly number[], axis: number): ClassLayout {
  const at = axis < 0 ? axis + dims.length : axis;
  const classes = dims[at];
  if (classes === undefined) {
    throw new InputError(`Class axis ${axis} does not exist in an output of shape [${dims.join(', ')}].`);
  }
  return { outer: product(dims.slice(0, at)), classes, inner: product(dims.slice(at + 1)) };
}

/** Number of score vectors. */
export function positions(layout: ClassLayout): number {
  return layout.outer * layout.inner;
}

/** Index of the first score of a position; the next class stands `layout.inner` further. */
export function positionOffset(layout: ClassLayout, position: number): number {
  const outer = Math.floor(position / layout.inner);
  return outer * layout.classes * layout.inner + (position % layout.inner);
}

/** The k classes with the highest scores at a position, best first; the lower class wins a tie. */
export function topClasses(
  scores: ArrayLike<number>,
  layout: ClassLayout,
  position: number,
  k: number,
): number[] {
  const offset = positionOffset(layout, position);
  const score = (c: number): number => scores[offset + c * layout.inner] as number;
  const best: number[] = [];
  for (let c = 0; c < layout.classes; c++) {
    if (best.length === k && score(c) <= score(best[k - 1] as number)) continue;
    let at = best.length;
    while (at > 0 && score(best[at - 1] as number) < score(c)) at--;
    best.splice(at, 0, c);
    if (best.length > k) best.pop();
  }
  return best;
}

/** The class with the highest score at a position; the lowest of equals. */
export function topClass(scores: ArrayLike<number>, layout: ClassLayout, position: number): number {
  const offset = positionOffset(layout, position);
  let best = 0;
  for (let c = 1; c < layout.classes; c++) {
    if ((scores[offset + c * layout.inner] as number) > (scores[offset + best * layout.inner] as number)) {
      best = c;
    }
  }
  return best;
}

function product(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}

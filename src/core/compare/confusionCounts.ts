import type { Mistake, OutputDetails } from '../compareResults';

/** Kinds of mistakes that are told; the most frequent ones. */
const MOST_KINDS = 2000;

/** Counts which labels two models take for other classes. */
export class ConfusionCounts {
  private labelled = 0;
  private readonly mistakes = new Map<string, Mistake>();

  /** A score vector with a label, and the best class by each model. */
  add(label: number, ofA: number, ofB: number): void {
    this.labelled++;
    if (ofA !== label) this.kind(label, ofA).a++;
    if (ofB !== label) this.kind(label, ofB).b++;
  }

  /** A kind that one model alone makes often is as frequent as one that both make. */
  toJson(): OutputDetails['confusion'] {
    const most = ({ a, b }: Mistake): number => Math.max(a, b);
    const mistakes = [...this.mistakes.values()]
      .toSorted((one, other) => most(other) - most(one) || other.b - one.b || other.a - one.a)
      .slice(0, MOST_KINDS);
    return { labelled: this.labelled, kinds: this.mistakes.size, mistakes };
  }

  private kind(label: number, predicted: number): Mistake {
    const key = `${label} ${predicted}`;
    let mistake = this.mistakes.get(key);
    if (!mistake) this.mistakes.set(key, (mistake = { label, predicted, a: 0, b: 0 }));
    return mistake;
  }
}

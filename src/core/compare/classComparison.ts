import type { OutputDescription } from '../graph/types';
import { classLayout, positions, topClass, topClasses, type ClassLayout } from '../quant/classes';
import { DiceAccumulator } from '../quant/overlap';
import type { CompareResult } from '../results';

type OutputResult = CompareResult['outputs'][number];
export type ClassFigures = Pick<OutputResult, 'top1' | 'top5' | 'pixelAccuracy' | 'dice'>;
type Scores = ArrayLike<number>;

/** Labels of one sample: a class, or a class per position. */
export type Labels = number | Int32Array | undefined;

const TOP = 5;

/** Counts over score vectors; `a` and `b` only over those that have a label. */
class Tally {
  private agreement = 0;
  private vectors = 0;
  private labelled = 0;
  private a = 0;
  private b = 0;

  add(agreement: number): void {
    this.agreement += agreement;
    this.vectors++;
  }

  addLabelled(a: boolean, b: boolean): void {
    this.a += Number(a);
    this.b += Number(b);
    this.labelled++;
  }

  /** Fractions; undefined when nothing was counted, accuracies null when nothing had a label. */
  toJson(): { agreement: number; a: number | null; b: number | null } | undefined {
    if (this.vectors === 0) return undefined;
    const share = (n: number): number | null => (this.labelled > 0 ? n / this.labelled : null);
    return { agreement: this.agreement / this.vectors, a: share(this.a), b: share(this.b) };
  }
}

/**
 * Agreement and accuracy of two models at one class output, over any number of samples.
 *
 * Outputs with one score vector per sample or token give `top1` (same best class) and, with more than five classes, `top5`
 * (mean share of the five best that both have; accuracy: the label is among them). Maps give `pixelAccuracy` and, when there
 * are labels, `dice`. Classes are compared by order only, so logits and probabilities are alike here.
 */
export class ClassComparison {
  private readonly top1 = new Tally();
  private readonly top5 = new Tally();
  private readonly pixels = new Tally();
  private dice: { a: DiceAccumulator; b: DiceAccumulator } | undefined;

  constructor(private readonly output: OutputDescription) {}

  /** @throws InputError when the class axis does not exist in `dims`. */
  add(a: Scores, b: Scores, dims: readonly number[], label: Labels): void {
    const { classAxis } = this.output;
    if (classAxis === undefined) return;
    const layout = classLayout(dims, classAxis);
    // One score has no rival: its best class says nothing.
    if (layout.classes < 2) return;
    const labels = labelsFor(label, positions(layout));
    if (layout.inner > 1) this.addMap(a, b, layout, labels);
    else this.addVectors(a, b, layout, labels);
  }

  toJson(): ClassFigures {
    const figures: ClassFigures = {};
    const top1 = this.top1.toJson();
    const top5 = this.top5.toJson();
    const pixelAccuracy = this.pixels.toJson();
    if (top1) figures.top1 = top1;
    if (top5) figures.top5 = top5;
    if (pixelAccuracy) figures.pixelAccuracy = pixelAccuracy;
    if (this.dice) figures.dice = { a: this.dice.a.dice, b: this.dice.b.dice };
    return figures;
  }

  private addVectors(a: Scores, b: Scores, layout: ClassLayout, labels: ArrayLike<number> | undefined): void {
    for (let position = 0; position < positions(layout); position++) {
      const label = labels?.[position];
      const bestA = topClasses(a, layout, position, TOP);
      const bestB = topClasses(b, layout, position, TOP);
      this.top1.add(Number(bestA[0] === bestB[0]));
      if (label !== undefined) this.top1.addLabelled(bestA[0] === label, bestB[0] === label);
      if (layout.classes <= TOP) continue;
      this.top5.add(bestA.filter((c) => bestB.includes(c)).length / TOP);
      if (label !== undefined) this.top5.addLabelled(bestA.includes(label), bestB.includes(label));
    }
  }

  private addMap(a: Scores, b: Scores, layout: ClassLayout, labels: ArrayLike<number> | undefined): void {
    const count = positions(layout);
    const classesA = Int32Array.from({ length: count }, (_, position) => topClass(a, layout, position));
    const classesB = Int32Array.from({ length: count }, (_, position) => topClass(b, layout, position));
    for (let position = 0; position < count; position++) {
      this.pixels.add(Number(classesA[position] === classesB[position]));
      const label = labels?.[position];
      if (label === undefined) continue;
      this.pixels.addLabelled(classesA[position] === label, classesB[position] === label);
    }
    if (!labels) return;
    this.dice ??= { a: new DiceAccumulator(layout.classes), b: new DiceAccumulator(layout.classes) };
    this.dice.a.add(classesA, labels);
    this.dice.b.add(classesB, labels);
  }
}

/** Labels per position, when there are as many as positions. */
function labelsFor(label: Labels, count: number): ArrayLike<number> | undefined {
  if (label === undefined) return undefined;
  const labels = typeof label === 'number' ? [label] : label;
  return labels.length === count ? labels : undefined;
}

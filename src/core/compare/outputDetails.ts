import type { OutputDetails } from '../compareResults';
import type { OutputDescription } from '../graph/types';
import { classLayout, positions, topClass } from '../quant/classes';
import type { Labels } from './classComparison';
import { bestClasses } from './classScores';
import { ConfusionCounts } from './confusionCounts';
import { DifferenceCounts } from './differenceCounts';
import { EvenPairs } from './evenPairs';
import { SampleOutcomes, TOP_CLASSES } from './sampleOutcomes';

type Numbers = ArrayLike<number>;

/** Changed classes that are told one by one; all are counted. */
const MOST_FLIPS = 500;

/**
 * What the outputs of two models look like side by side, over any number of samples: what became of each, which change their
 * class, who is taken for whom, how far values are apart, and pairs of them. Memory is bounded.
 */
export class OutputDetailsCollector {
  private readonly flips: OutputDetails['flips'] = [];
  private flipCount = 0;
  private vectors = 0;
  private readonly confusion = new ConfusionCounts();
  private readonly pairs = new EvenPairs();
  private classes = 0;
  private readonly outcomes: SampleOutcomes;
  private readonly differences: DifferenceCounts;

  constructor(private readonly output: OutputDescription) {
    this.outcomes = new SampleOutcomes(output);
    this.differences = new DifferenceCounts(output.name);
  }

  /** @param sample position in the data set. */
  add(sample: number, a: Numbers, b: Numbers, dims: readonly number[], label: Labels): void {
    this.outcomes.add(sample, a, b, dims, label);
    this.differences.add(a, b);
    this.pairs.add(a, b);
    this.addClasses(sample, a, b, dims, label);
  }

  toJson(): OutputDetails {
    return {
      classes: this.classes,
      classNames: {},
      samples: this.outcomes.rows,
      flips: this.flips,
      flipCount: this.flipCount,
      vectors: this.vectors,
      confusion: this.confusion.toJson(),
      differences: this.differences.toJson(),
      ...this.pairs.toJson(),
    };
  }

  /** One score vector per sample or token; the pixels of maps are too many to be told apart. */
  private addClasses(sample: number, a: Numbers, b: Numbers, dims: readonly number[], label: Labels): void {
    const { classAxis, kind } = this.output;
    if (classAxis === undefined) return;
    const layout = classLayout(dims, classAxis);
    if (layout.classes < 2) return;
    this.classes = layout.classes;
    if (layout.inner > 1) return;
    const count = positions(layout);
    const labels = typeof label === 'number' ? [label] : label;
    for (let position = 0; position < count; position++) {
      const [ofA, ofB] = [topClass(a, layout, position), topClass(b, layout, position)];
      const known = labels?.length === count ? (labels[position] ?? null) : null;
      this.vectors++;
      if (known !== null) this.confusion.add(known, ofA, ofB);
      if (ofA === ofB) continue;
      this.flipCount++;
      if (this.flips.length === MOST_FLIPS) continue;
      const bestOf = (scores: Numbers) => bestClasses(scores, layout, position, { kind, top: TOP_CLASSES });
      this.flips.push({
        sample,
        ...(count > 1 && { position }),
        a: ofA,
        b: ofB,
        label: known,
        best: { a: bestOf(a), b: bestOf(b) },
      });
    }
  }
}

/** Every class that the details tell by its index. */
export function mentionedClasses({ samples, flips, confusion }: OutputDetails): ReadonlySet<number> {
  const best = [...samples, ...flips].flatMap((each) => (each.best ? [...each.best.a, ...each.best.b] : []));
  return new Set([
    ...best.map((score) => score.class),
    ...[...samples, ...flips].flatMap(({ label }) => label ?? []),
    ...confusion.mistakes.flatMap(({ label, predicted }) => [label, predicted]),
  ]);
}

import type { SampleOutcome } from '../compareResults';
import type { OutputDescription } from '../graph/types';
import { classLayout, positions, topClass } from '../quant/classes';
import { ErrorAccumulator } from '../quant/metrics';
import type { Labels } from './classComparison';
import { bestClasses } from './classScores';

type Numbers = ArrayLike<number>;

/** Samples that are told one by one. */
const MOST_SAMPLES = 2000;
/** Further ones, when their class changes. */
const MOST_CHANGED = 500;
/** Classes told of a score vector. */
export const TOP_CLASSES = 5;

/** What became of each sample at one output: its error, and the classes that both models choose. */
export class SampleOutcomes {
  readonly rows: SampleOutcome[] = [];
  /** Further ones that are told. */
  private further = 0;

  constructor(private readonly output: OutputDescription) {}

  /** @param sample position in the data set. */
  add(sample: number, a: Numbers, b: Numbers, dims: readonly number[], label: Labels): void {
    const isFull = this.rows.length >= MOST_SAMPLES;
    if (isFull && this.further === MOST_CHANGED) return;
    const errors = new ErrorAccumulator(this.output.name);
    errors.add(a, b);
    const row = {
      sample,
      label: typeof label === 'number' ? label : null,
      sqnrDb: errors.sqnrDb,
      ...this.classesOf(a, b, dims),
    };
    if (isFull && row.changed === 0) return;
    if (isFull) this.further++;
    this.rows.push(row);
  }

  private classesOf(
    a: Numbers,
    b: Numbers,
    dims: readonly number[],
  ): Pick<SampleOutcome, 'vectors' | 'changed' | 'best'> {
    const { classAxis, kind } = this.output;
    if (classAxis === undefined) return { vectors: 0, changed: 0 };
    const layout = classLayout(dims, classAxis);
    if (layout.classes < 2) return { vectors: 0, changed: 0 };
    const vectors = positions(layout);
    let changed = 0;
    let first: number | undefined;
    for (let position = 0; position < vectors; position++) {
      if (topClass(a, layout, position) === topClass(b, layout, position)) continue;
      changed++;
      first ??= position;
    }
    if (layout.inner > 1) return { vectors, changed };
    const position = first ?? 0;
    const options = { kind, top: TOP_CLASSES };
    const best = {
      a: bestClasses(a, layout, position, options),
      b: bestClasses(b, layout, position, options),
    };
    return { vectors, changed, best: vectors > 1 ? { position, ...best } : best };
  }
}

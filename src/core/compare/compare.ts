import { asNumbers } from '../calibrate/floats';
import { InputError, throwIfCancelled } from '../errors';
import type { OutputDescription } from '../graph/types';
import type { Feeds, Sample, Session, Slice, Work } from '../ports';
import { classLayout } from '../quant/classes';
import type { CompareResult } from '../results';
import { ClassComparison } from './classComparison';
import { bestClasses } from './classScores';
import { OutputDetailsCollector } from './outputDetails';
import { TOP_CLASSES } from './sampleOutcomes';
import { OutputErrors } from '../calibrate/outputErrors';

export interface CompareOptions {
  /** What the outputs are; those of kind `values` get errors only. */
  readonly outputs: readonly OutputDescription[];
  /** Also tell the class scores of this sample. */
  readonly sample?: Sample;
  /** How many classes of it; 5 when absent. */
  readonly top?: number;
  /** What `b` is fed, from what `a` is; the same when absent. */
  readonly feedsOfB?: (feeds: Feeds) => Feeds;
}

/**
 * Runs models `a` (the reference) and `b` over `slice` and compares every output they share in name, sample by sample.
 * Memory: one sample.
 * @throws InputError when the outputs of the two have different names.
 * @throws RoundoffError when they differ in shape, one is finite where the other is not, or none has a finite number.
 */
export async function compareOutputs(
  a: Session,
  b: Session,
  slice: Slice,
  { outputs, sample, top = TOP_CLASSES, feedsOfB = (feeds) => feeds }: CompareOptions,
  work: Work = {},
): Promise<Pick<CompareResult, 'samples' | 'outputs' | 'notes'>> {
  requireSameOutputs(a, b);
  const errors = new OutputErrors();
  const classes = new Map(outputs.map((output) => [output.name, new ClassComparison(output)]));
  const details = new Map(outputs.map((output) => [output.name, new OutputDetailsCollector(output)]));
  for await (const { index, feeds, label } of slice.samples()) {
    throwIfCancelled(work.signal);
    const ofA = await a.run(feeds);
    throwIfCancelled(work.signal);
    const ofB = await b.run(feedsOfB(feeds));
    errors.add(ofA, ofB);
    for (const [name, comparison] of classes) {
      const [scoresA, scoresB] = [ofA[name], ofB[name]];
      const numbersA = scoresA && asNumbers(scoresA);
      const numbersB = scoresB && asNumbers(scoresB);
      if (!numbersA || !numbersB) continue;
      comparison.add(numbersA, numbersB, scoresA.dims, label);
      details.get(name)?.add(index, numbersA, numbersB, scoresA.dims, label);
    }
    work.onProgress?.(errors.samples, slice.length, `Comparing: sample ${errors.samples} of ${slice.length}`);
  }
  errors.requireNumbers();
  const scores = sample && (await scoresOf(a, b, outputs, { sample, top, feedsOfB }));
  return {
    samples: errors.samples,
    outputs: [...errors.byName].map(([name, { sqnrDb, cosine, maxAbs }]) => {
      const ofSample = scores?.get(name);
      return {
        name,
        sqnrDb,
        cosine,
        maxAbs,
        ...classes.get(name)?.toJson(),
        ...(ofSample && { sample: ofSample }),
        details: details.get(name)?.toJson(),
      };
    }),
    notes: errors.notes(),
  };
}

function requireSameOutputs(a: Session, b: Session): void {
  const missing = a.outputNames.filter((name) => !b.outputNames.includes(name));
  if (missing.length === 0) return;
  throw new InputError(
    `The models have different outputs: ${a.outputNames.join(', ')} against ${b.outputNames.join(', ')}. ` +
      'Compare a model with one made from it.',
  );
}

type SampleScores = NonNullable<CompareResult['outputs'][number]['sample']>;

/** Best classes of one sample at each class output. */
async function scoresOf(
  a: Session,
  b: Session,
  outputs: readonly OutputDescription[],
  { sample, top, feedsOfB }: { sample: Sample; top: number; feedsOfB: (feeds: Feeds) => Feeds },
): Promise<Map<string, SampleScores>> {
  const { index, feeds } = sample;
  const ofA = await a.run(feeds);
  const ofB = await b.run(feedsOfB(feeds));
  const best = (results: Feeds, { name, classAxis, kind }: OutputDescription): SampleScores['a'] => {
    const tensor = results[name];
    const scores = tensor && asNumbers(tensor);
    if (!scores || classAxis === undefined) return [];
    return bestClasses(scores, classLayout(tensor.dims, classAxis), 0, { kind, top });
  };
  return new Map(
    outputs
      .filter(({ classAxis }) => classAxis !== undefined)
      .map((output) => [output.name, { index, a: best(ofA, output), b: best(ofB, output) }]),
  );
}

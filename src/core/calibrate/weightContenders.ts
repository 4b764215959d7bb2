import { OutputErrors } from './outputErrors';
import { CancelledError, RoundoffError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Plan, PlanEntry } from '../plan/types';
import { formatOf } from '../plan/editPlan';
import type { Runtime, Slice, Work } from '../ports';
import { rewrite } from '../rewrite/rewrite';
import type { HeldOutSample } from './calibrate';
import type { WeightCandidate } from './chooseWeight';
import { bytesOfTensors } from './floats';
import { MOST_SAMPLES } from './layerRows';

/** Samples that contenders are judged on: every second one of those that rows come from, which fitted nothing. */
const JUDGE_SAMPLES = 16;
/** Samples after which a contender may be given up, and how many times the error of the best it must have then: 3 dB. */
const FEWEST_SAMPLES = 4;
const HOPELESS = 2;
/** Of their inputs and outputs together; no more are kept once there are so many. */
const JUDGE_BYTES = 128 * 2 ** 20;

/** One choice for all undecided layers of a model. */
export interface Contender {
  readonly description: string;
  readonly choices: ReadonlyMap<string, WeightCandidate>;
}

/**
 * The choice that takes the least error of each layer, and for each candidate that several layers have in common the choice in
 * which they all take it.
 * @param least by layer name.
 * @param candidates by layer name, of the same layers.
 */
export function contendersFor(
  least: ReadonlyMap<string, WeightCandidate>,
  candidates: ReadonlyMap<string, readonly WeightCandidate[]>,
): Contender[] {
  const words = new Set([...candidates.values()].flat().map(wordsOf));
  const uniform = [...words].map((word): Contender => {
    const choices = new Map(least);
    for (const [name, own] of candidates) {
      const same = own.find((candidate) => wordsOf(candidate) === word);
      if (same) choices.set(name, same);
    }
    return { description: `${word} everywhere`, choices };
  });
  return [{ description: 'each by the error at its output', choices: least }, ...uniform];
}

function wordsOf({ rule, gain, importance }: WeightCandidate): string {
  const words = [
    rule === 'max' ? 'plain' : rule,
    ...(importance ? ['input energies'] : []),
    ...(gain ? ['gain'] : []),
  ];
  return words.length > 1 && words[0] === 'plain' ? words.slice(1).join(' + ') : words.join(' + ');
}

/**
 * The contender whose model has the best output SQNR, run simulated with all other layers float; the first of equals. One
 * that does not run, or is not finite, loses; one that is 3 dB worse than the best on the first four samples or more runs no
 * further.
 * @throws CancelledError
 */
export async function bestContender(
  runtime: Runtime,
  model: Model,
  plan: Plan,
  contenders: readonly Contender[],
  slice: Slice,
  work: Work = {},
): Promise<Contender> {
  const [first] = contenders;
  if (!first) throw new Error('there is no contender');
  const heldOut = await floatOutputs(runtime, model, slice, work);
  const trial = onlyLayers(plan, [...first.choices.keys()]);
  let best: (Judged & { readonly contender: Contender }) | undefined;
  const figures: string[] = [];
  for (const [done, contender] of contenders.entries()) {
    throwIfCancelled(work.signal);
    work.onProgress?.(done, contenders.length, `Choosing the ranges of weights: ${contender.description}`);
    const figure = await judged(runtime, model, trial, contender, heldOut, best?.course, work);
    const { nmse, sqnrDb } = figure;
    const after = nmse === Infinity && figure.course.length > 0 ? ` after ${figure.course.length}` : '';
    figures.push(`${contender.description} ${sqnrDb === null ? '–' : `${sqnrDb.toFixed(1)} dB${after}`}`);
    if (!best || nmse < best.nmse) best = { ...figure, contender };
  }
  const chosen = best?.contender ?? first;
  return {
    choices: chosen.choices,
    description: `${chosen.description}, of ${figures.join(', ')} (output SQNR, simulated, ${heldOut.length} samples)`,
  };
}

/** The plan with only these layers quantized, and without a static one: their ranges are not known yet. */
function onlyLayers(plan: Plan, names: readonly string[]): Plan {
  const { defaultOptions: _, tensors: _tensors, ...rest } = plan;
  const layers = names.map((name): [string, PlanEntry] => [name, formatOf(plan, name)]);
  return { ...rest, defaultScheme: 'float', layers: Object.fromEntries(layers) };
}

interface Judged {
  readonly nmse: number;
  readonly sqnrDb: number | null;
  /** NMSE over the first sample, the first two, and so on; shorter than the samples when it was given up. */
  readonly course: readonly number[];
}

async function judged(
  runtime: Runtime,
  model: Model,
  plan: Plan,
  { choices }: Contender,
  heldOut: readonly HeldOutSample[],
  best: readonly number[] | undefined,
  { signal }: Work,
): Promise<Judged> {
  try {
    const trial = await rewrite(model, plan, new Map(), { signal }, choices);
    const session = await runtime.openModel(trial.model, { optimization: 'simulate' });
    try {
      const errors = new OutputErrors();
      const course: number[] = [];
      for (const { feeds, outputs } of heldOut) {
        throwIfCancelled(signal);
        errors.add(outputs, await session.run(feeds));
        const known = best?.[course.push(errors.meanNmse) - 1];
        const isHopeless = known !== undefined && errors.meanNmse > HOPELESS * known;
        if (isHopeless && course.length >= FEWEST_SAMPLES && course.length < heldOut.length) {
          return { nmse: Infinity, sqnrDb: errors.meanSqnrDb, course };
        }
      }
      return { nmse: errors.meanNmse, sqnrDb: errors.meanSqnrDb, course };
    } finally {
      await session.release();
    }
  } catch (error) {
    if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
    return { nmse: Infinity, sqnrDb: null, course: [] };
  }
}

/** What the float model gives for some of the samples that `collectLayerRows` puts into `judge`. */
async function floatOutputs(
  runtime: Runtime,
  model: Model,
  slice: Slice,
  { signal }: Work,
): Promise<HeldOutSample[]> {
  const heldOut: HeldOutSample[] = [];
  let bytes = 0;
  let position = 0;
  const session = await runtime.openModel(model, { optimization: 'full' });
  try {
    for await (const { feeds } of slice.samples()) {
      throwIfCancelled(signal);
      const isJudge = position % 2 === 1 || slice.length === 1;
      position++;
      if (isJudge) {
        const sample = { feeds, outputs: await session.run(feeds) };
        heldOut.push(sample);
        bytes += bytesOfTensors(sample.feeds) + bytesOfTensors(sample.outputs);
      }
      if (heldOut.length === JUDGE_SAMPLES || bytes > JUDGE_BYTES || position === MOST_SAMPLES) break;
    }
  } finally {
    await session.release();
  }
  return heldOut;
}

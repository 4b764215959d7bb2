import { OutputErrors } from '../compare/outputErrors';
import { CancelledError, RoundoffError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Runtime, Work } from '../ports';
import { rangeFromHistogram, type LocalRangeRule, type RangeTarget } from '../quant/ranges';
import type { StreamingHistogram } from '../quant/histogram';
import type { ActivationRangeRule, Range } from '../quant/scheme';
import type { Calibration } from './calibrate';

/** What `auto` chooses among. */
export const AUTO_RULES: readonly LocalRangeRule[] = ['max', 'percentile:99.999', 'percentile:99.99', 'mse'];

export interface ChosenRanges {
  readonly ranges: ReadonlyMap<string, Range>;
  /** The rule used: the one asked for, or the one that `auto` chose. */
  readonly rule: LocalRangeRule;
  /** What `auto` measured: output SQNR on the held-out samples (null: identical, or the model broke). */
  readonly tried: readonly { readonly rule: LocalRangeRule; readonly sqnrDb: number | null }[];
  readonly notes: readonly string[];
}

/** The quantized model that the ranges give; what `auto` judges. */
export type MakeTrial = (ranges: ReadonlyMap<string, Range>) => Promise<Model>;

/** The range of every value by one rule. @throws InputError as `rangeFromHistogram` does. */
export function rangesByRule(
  histograms: ReadonlyMap<string, StreamingHistogram>,
  rule: LocalRangeRule,
  target: RangeTarget,
): Map<string, Range> {
  return new Map(
    [...histograms].map(([name, histogram]) => [name, rangeFromHistogram(histogram, rule, target)]),
  );
}

/**
 * Chooses the ranges of all calibrated values.
 *
 * `auto` takes ranges by each of AUTO_RULES from three quarters of the calibration samples, runs the model they give on the
 * held-out quarter (simulated, so independent of the processor) and keeps the rule with the best output SQNR. The ranges
 * returned are then that rule's over all calibration samples.
 * @throws RoundoffError when every rule gives a model that does not run or is not finite.
 */
export async function chooseRanges(
  runtime: Runtime,
  rule: ActivationRangeRule,
  calibration: Calibration,
  target: RangeTarget,
  makeTrial: MakeTrial,
  work: Work = {},
): Promise<ChosenRanges> {
  if (rule !== 'auto') {
    return { ranges: rangesByRule(calibration.all, rule, target), rule, tried: [], notes: [] };
  }
  const tried: { rule: LocalRangeRule; sqnrDb: number | null; nmse: number; problem?: string }[] = [];
  for (const candidate of AUTO_RULES) {
    work.onProgress?.(tried.length, AUTO_RULES.length, `Choosing ranges: trying ${candidate}`);
    const ranges = rangesByRule(calibration.fit, candidate, target);
    try {
      const errors = await judge(runtime, await makeTrial(ranges), calibration, work);
      tried.push({ rule: candidate, sqnrDb: errors.meanSqnrDb, nmse: errors.meanNmse });
    } catch (error) {
      if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
      tried.push({ rule: candidate, sqnrDb: null, nmse: Infinity, problem: error.message });
    }
  }
  work.onProgress?.(tried.length, AUTO_RULES.length, 'Choosing ranges');
  const best = tried.reduce((a, b) => (b.nmse < a.nmse ? b : a));
  if (best.nmse === Infinity) {
    throw new RoundoffError(`No range rule gives a model that works. ${best.problem ?? ''}`.trim());
  }
  return {
    ranges: rangesByRule(calibration.all, best.rule, target),
    rule: best.rule,
    tried: tried.map(({ rule, sqnrDb }) => ({ rule, sqnrDb })),
    notes: [autoNote(best.rule, tried, calibration)],
  };
}

async function judge(
  runtime: Runtime,
  trial: Model,
  { heldOut }: Calibration,
  work: Work,
): Promise<OutputErrors> {
  throwIfCancelled(work.signal);
  const session = await runtime.openModel(trial, { optimization: 'simulate' });
  try {
    const errors = new OutputErrors();
    for (const { feeds, outputs } of heldOut) {
      throwIfCancelled(work.signal);
      errors.add(outputs, await session.run(feeds));
    }
    return errors;
  } finally {
    await session.release();
  }
}

function autoNote(
  chosen: LocalRangeRule,
  tried: readonly { rule: LocalRangeRule; sqnrDb: number | null; problem?: string }[],
  { samples, heldOut }: Calibration,
): string {
  const figures = tried.map(({ rule, sqnrDb, problem }) => {
    if (problem) return `${rule} failed`;
    return sqnrDb === null ? `${rule} identical` : `${rule} ${sqnrDb.toFixed(1)} dB`;
  });
  return (
    `Activation ranges: ${chosen} is best of ${figures.join(', ')} ` +
    `(output SQNR, simulated, on ${heldOut.length} held-out of ${samples} calibration samples).`
  );
}

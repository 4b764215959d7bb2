import { OutputErrors } from './outputErrors';
import { CancelledError, RoundoffError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Runtime, Work } from '../ports';
import { rangeFromHistogram, type LocalRangeRule, type RangeTarget } from '../quant/ranges';
import type { StreamingHistogram } from '../quant/histogram';
import type { ActivationRange, ActivationRangeRule } from '../quant/scheme';
import type { Calibration } from './calibrate';

/** What `auto` chooses among; the first unless another is clearly better. */
export const AUTO_RULES: readonly LocalRangeRule[] = ['percentile:99.999', 'mse', 'max'];
/**
 * How much better another rule must be. Output SQNR on a few dozen held-out samples is uncertain by about as much (measured on
 * five networks), and held-out samples resemble the others more than what the model will meet, which flatters rules that clip.
 */
const CLEARLY_BETTER_DB = 1;
/** What `auto` takes for 16-bit codes: they are so fine that clipping never pays (ResNet-18: 45.7 dB by max and mse, 45.0 by percentile 99.999). */
export const WIDE_RULE: LocalRangeRule = 'max';

export interface ChosenRanges {
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  /** The rule used: the one asked for, or the one that `auto` chose. */
  readonly rule: LocalRangeRule;
  /** What `auto` measured: output SQNR on the held-out samples (null: identical, or the model broke). */
  readonly tried: readonly { readonly rule: LocalRangeRule; readonly sqnrDb: number | null }[];
  readonly notes: readonly string[];
}

/** The quantized model that the ranges give; what `auto` judges. */
export type MakeTrial = (ranges: ReadonlyMap<string, ActivationRange>) => Promise<Model>;

/** What the range of one value is for. */
export interface ValueTarget {
  /** The value's own rule. */
  readonly rule?: LocalRangeRule;
  readonly narrow: RangeTarget;
  readonly wide: RangeTarget;
}

export type TargetOf = (value: string) => ValueTarget;

/**
 * The range of every value by its own rule, or else by `rule`; 16-bit codes by `wideRule`.
 * @throws InputError as `rangeFromHistogram` does.
 */
export function rangesByRule(
  histograms: ReadonlyMap<string, StreamingHistogram>,
  rule: LocalRangeRule,
  targetOf: TargetOf,
  wideRule = rule,
): Map<string, ActivationRange> {
  return new Map(
    Array.from(histograms, ([name, histogram]) => {
      const { rule: own, narrow, wide: wideTarget } = targetOf(name);
      const range = rangeFromHistogram(histogram, own ?? rule, narrow);
      const wide = rangeFromHistogram(histogram, own ?? wideRule, wideTarget);
      const isSame = wide.min === range.min && wide.max === range.max;
      return [name, isSame ? range : { ...range, wide }];
    }),
  );
}

/**
 * Chooses the ranges of all calibrated values.
 *
 * `auto` takes ranges by each of AUTO_RULES from three quarters of the calibration samples, runs the model they give on the
 * held-out quarter (simulated, so independent of the processor) and keeps the rule with the best output SQNR, or the first
 * one unless the best is better by CLEARLY_BETTER_DB. The ranges returned are then that rule's over all calibration samples.
 * @throws RoundoffError when every rule gives a model that does not run or is not finite.
 */
export async function chooseRanges(
  runtime: Runtime,
  rule: ActivationRangeRule,
  calibration: Calibration,
  targetOf: TargetOf,
  makeTrial: MakeTrial,
  work: Work = {},
): Promise<ChosenRanges> {
  if (rule !== 'auto') {
    return { ranges: rangesByRule(calibration.all, rule, targetOf), rule, tried: [], notes: [] };
  }
  const tried: { rule: LocalRangeRule; sqnrDb: number | null; nmse: number; problem?: string }[] = [];
  for (const candidate of AUTO_RULES) {
    work.onProgress?.(tried.length, AUTO_RULES.length, `Choosing ranges: trying ${candidate}`);
    const ranges = rangesByRule(calibration.fit, candidate, targetOf, WIDE_RULE);
    try {
      const errors = await judge(runtime, await makeTrial(ranges), calibration, work);
      tried.push({ rule: candidate, sqnrDb: errors.meanSqnrDb, nmse: errors.meanNmse });
    } catch (error) {
      if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
      tried.push({ rule: candidate, sqnrDb: null, nmse: Infinity, problem: error.message });
    }
  }
  work.onProgress?.(tried.length, AUTO_RULES.length, 'Choosing ranges');
  const best = preferred(tried);
  if (best.nmse === Infinity) {
    throw new RoundoffError(`No range rule gives a model that works. ${best.problem ?? ''}`.trim());
  }
  return {
    ranges: rangesByRule(calibration.all, best.rule, targetOf, WIDE_RULE),
    rule: best.rule,
    tried: tried.map(({ rule, sqnrDb }) => ({ rule, sqnrDb })),
    notes: [autoNote(best.rule, tried, calibration)],
  };
}

/** The rule with the least error, or the first one when that is about as good. */
function preferred<T extends { readonly nmse: number }>([first, ...others]: readonly T[]): T {
  if (!first) throw new Error('no range rule was tried');
  const best = others.reduce((a, b) => (b.nmse < a.nmse ? b : a), first);
  return best.nmse * 10 ** (CLEARLY_BETTER_DB / 10) < first.nmse ? best : first;
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
    `Activation ranges: ${chosen}, of ${figures.join(', ')} ` +
    `(output SQNR, simulated, on ${heldOut.length} held-out of ${samples} calibration samples).`
  );
}

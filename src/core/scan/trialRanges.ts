import { calibrate } from '../calibrate/calibrate';
import { chooseRanges } from '../calibrate/chooseRanges';
import { activationTargets } from '../calibrate/activationTargets';
import { throwIfCancelled } from '../errors';
import type { Plan } from '../plan/types';
import type { Runtime, Slice, Work } from '../ports';
import type { ActivationRange } from '../quant/scheme';
import { activationsToCalibrate, type Prepared } from '../rewrite/prepare';
import { rewrite } from '../rewrite/rewrite';
import type { TrialCache } from './trialCache';

/**
 * Ranges of every value that a trial of one layer quantizes, by the plan's rule, from one pass over the calibration slice, or
 * as kept from an earlier one over the same samples.
 * @param every plans that quantize all layers of the scan with their activations, one for each format; range rules are judged
 * by the first.
 */
export async function trialRanges(
  runtime: Runtime,
  ready: Prepared,
  every: readonly Plan[],
  slice: Slice,
  cache: TrialCache,
  work: Work,
): Promise<ReadonlyMap<string, ActivationRange>> {
  const [first] = every;
  const values = [...new Set(every.flatMap((plan) => activationsToCalibrate(ready, plan, { trials: true })))];
  if (!first || values.length === 0) return new Map();
  const source = cache.isKept ? [settingsOf(first), values, await identities(slice, cache, work)] : undefined;
  const known = await cache.rangesOf(source);
  if (known) return known;
  const calibration = await calibrate(runtime, ready.model, values, slice, work);
  const { ranges } = await chooseRanges(
    runtime,
    first.activationRange,
    calibration,
    activationTargets(first),
    async (tried) => (await rewrite(ready.model, first, tried, { signal: work.signal })).model,
    work,
  );
  await cache.keepRanges(source, ranges);
  return ranges;
}

/** What of a plan decides ranges and parameters of activations. */
export function settingsOf({
  activationType,
  activationSymmetric,
  activationRange,
  tensors,
  layers,
}: Plan): unknown {
  return { activationType, activationSymmetric, activationRange, tensors, layers };
}

/** Of all samples of a slice, in order. */
export async function identities(slice: Slice, cache: TrialCache, work: Work): Promise<string[]> {
  const ids: string[] = [];
  for await (const sample of slice.samples()) {
    throwIfCancelled(work.signal);
    ids.push(cache.identify(sample));
  }
  return ids;
}

import { InputError, throwIfCancelled } from '../errors';
import type { LayerRemedy } from '../explainResults';
import { isStatic } from '../plan/editPlan';
import type { Work } from '../ports';
import { formatText, parseFormat, type LayerFormat } from '../quant/layerFormat';
import { labelsOf } from '../quant/schemeCatalog';
import type { ActivationLoss, LayerActivations } from './activationLoss';
import { alternativesTo } from './alternatives';
import { localNmse, type MeasuredFacts } from './causes';
import { costInBytes, decibels, effect } from './figures';
import type { TriedFormat } from './triedFormat';
import { sqnrOf, type WeightLoss } from './weightLoss';

/** A gain below this is none. */
const LEAST_GAIN_DB = 0.5;

export interface RemedyFacts {
  readonly op: string;
  readonly format: LayerFormat;
  /** As it is written in this format. */
  readonly bytes: number;
  readonly weight: WeightLoss | null;
  /** Statistics of what the layer reads and gives, when the format quantizes them and there are data. */
  readonly activations?: LayerActivations;
  readonly measured?: MeasuredFacts;
  /** Writes the layer in a format, dry. @throws InputError when it cannot be. */
  readonly tryFormat: (format: LayerFormat) => Promise<TriedFormat | undefined>;
}

interface Weighed {
  readonly gain: number;
  readonly remedy: LayerRemedy;
}

/**
 * Formats that do better, the greatest gain first, and then `float`, which always does.
 * - Where the layer was measured: the measured formats with a smaller sensitivity.
 * - Else: alternatives that lower the noise over signal of weight, input and output by half a dB and more.
 */
export async function remediesFor(facts: RemedyFacts, work: Work): Promise<LayerRemedy[]> {
  const { measured } = facts;
  const found = measured
    ? await measuredRemedies(facts, measured, work)
    : await estimatedRemedies(facts, work);
  const sorted = found.sort((a, b) => b.gain - a.gain).map(({ remedy }) => remedy);
  const float = await facts.tryFormat({ scheme: 'float' });
  if (!float) return sorted;
  const text = `Takes its error away, ${costInBytes(facts.bytes, float.bytes)}.`;
  const isScanned = measured !== undefined;
  return [
    ...sorted,
    { scheme: 'float', sensitivity: isScanned ? 0 : null, weightSqnrDb: null, bytes: float.bytes, text },
  ];
}

async function measuredRemedies(
  facts: RemedyFacts,
  { metric, candidate, others }: MeasuredFacts,
  work: Work,
): Promise<Weighed[]> {
  const found: Weighed[] = [];
  for (const { layer, scheme, part, sensitivity, provisional, standardError } of others) {
    throwIfCancelled(work.signal);
    if (layer !== candidate.layer || part !== undefined || provisional || sensitivity === null) continue;
    const gain = candidate.sensitivity - sensitivity;
    const format = parseFormat(scheme);
    if (!(gain > 0) || 'mistake' in format) continue;
    const tried = await attempt(facts, format);
    if (!tried) continue;
    const text =
      `Sensitivity ${effect(sensitivity, metric)} instead of ${effect(candidate.sensitivity, metric)}, ` +
      `${costInBytes(facts.bytes, tried.bytes)}${speedText(facts, format)}` +
      (isUnsure(gain, candidate.standardError, standardError) ? '; too few samples to be sure.' : '.');
    found.push({
      gain,
      remedy: { scheme, sensitivity, weightSqnrDb: weightSqnr(tried.weight), bytes: tried.bytes, text },
    });
  }
  return found;
}

async function estimatedRemedies(facts: RemedyFacts, work: Work): Promise<Weighed[]> {
  const before = localNmse(facts.weight, lossesAs(facts, facts.format));
  if (!(before > 0)) return [];
  const found: Weighed[] = [];
  for (const format of alternativesTo(facts.format)) {
    if (format.scheme === 'float') continue;
    throwIfCancelled(work.signal);
    const tried = await attempt(facts, format);
    if (!tried) continue;
    const gain = 10 * Math.log10(before / localNmse(tried.weight, lossesAs(facts, format)));
    if (!(gain >= LEAST_GAIN_DB)) continue;
    const weightSqnrDb = weightSqnr(tried.weight);
    const text = `${gainText(facts, gain, weightSqnrDb)}, ${costInBytes(facts.bytes, tried.bytes)}${speedText(facts, format)}.`;
    found.push({
      gain,
      remedy: { scheme: formatText(format), sensitivity: null, weightSqnrDb, bytes: tried.bytes, text },
    });
  }
  return found;
}

/** True when the gain is less than what another choice of samples may change in either figure. */
function isUnsure(gain: number, ...errors: readonly (number | null | undefined)[]): boolean {
  return errors.some((error) => typeof error === 'number' && gain < error);
}

/** undefined: the layer cannot have the format. */
async function attempt({ tryFormat }: RemedyFacts, format: LayerFormat): Promise<TriedFormat | undefined> {
  try {
    return await tryFormat(format);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

function lossesAs({ activations }: RemedyFacts, { scheme }: LayerFormat): readonly ActivationLoss[] {
  return activations && isStatic(scheme) ? activations.lossAs(scheme) : [];
}

function weightSqnr(weight: WeightLoss | null): number | null {
  return weight && sqnrOf(weight);
}

function gainText(facts: RemedyFacts, gain: number, weightSqnrDb: number | null): string {
  if (facts.activations) {
    if (gain === Infinity) return 'No noise of weight, input and output is left';
    return `The noise of weight, input and output falls by ${decibels(gain)}`;
  }
  const before = weightSqnr(facts.weight);
  if (weightSqnrDb === null || before === null) return 'The weight has no error';
  return `The SQNR of the weight rises from ${before.toFixed(1)} to ${decibels(weightSqnrDb)}`;
}

function speedText({ format, op }: RemedyFacts, other: LayerFormat): string {
  const isSlow = (each: LayerFormat): boolean => labelsOf(each, op).includes('no speed-up');
  return isSlow(other) && !isSlow(format) ? ', without the speed of integers' : '';
}

import type { LayerCause } from '../explainResults';
import type { Candidate, ScanMetric } from '../results';
import type { ActivationLoss } from './activationLoss';
import { decibels, effect, percent, times } from './figures';
import { channelSpread, nmseOf, noiseOf, sharesOf, sqnrOf, type WeightLoss } from './weightLoss';

/** What is known of a layer in a format. */
export interface LayerFacts {
  readonly scheme: string;
  /** null: the layer has no weight. */
  readonly weight: WeightLoss | null;
  /** Squared error with a scale per channel, where all have one in common and the scheme allows more. */
  readonly perChannelNoise?: number;
  readonly activations: readonly ActivationLoss[];
  /** By a scan; absent: not measured. */
  readonly measured?: MeasuredFacts;
}

export interface MeasuredFacts {
  readonly metric: ScanMetric;
  readonly candidate: Candidate & { readonly sensitivity: number };
  /** All layers in this format, this one included, and what was measured of parts of it. */
  readonly others: readonly Candidate[];
}

/** Less of the noise than this is not worth a sentence. */
const LEAST_SHARE = 0.1;
/** Less of the weight's own error than this is not. */
const LEAST_PART = 0.05;
/** Channels differ. */
const WIDE_SPREAD = 2;
/** A normal distribution reaches 1.5 times its 99.9th percentile in a million values, a Laplace distribution twice. */
const LONG_TAIL = 2;
/** From here on the activations are the most of it, tail or not. */
const MOST = 0.5;
/** Fewer layers have no rank to speak of. */
const LEAST_RANKED = 4;
/** Noise that grows on its way to the outputs by more than this many dB. */
const GROWS_DB = 6;

/**
 * Why a layer hurts, the heaviest cause first. What the layer alone does not explain (propagation, interaction) comes before
 * what it does; the others are ordered by their share of the noise. Noise of weight, input and output is taken as
 * adding up, which it does as far as they are independent.
 */
export function causesOf(facts: LayerFacts): LayerCause[] {
  const local = [...weightCauses(facts), ...activationRanges(facts)];
  local.sort((a, b) => (b.share ?? 0) - (a.share ?? 0));
  return [...propagation(facts), ...interaction(facts), ...local];
}

/** Noise over signal that a format makes at a layer: of its weight and of what it reads and gives. */
export function localNmse(weight: WeightLoss | null, activations: readonly ActivationLoss[]): number {
  return activations.reduce((sum, each) => sum + nmseOf(each), weight ? nmseOf(weight) : 0);
}

/** What of the noise the activations make: as measured apart, else by noise over signal. */
export function activationShare({ weight, activations, measured }: LayerFacts): number {
  if (activations.length === 0) return 0;
  const part = (wanted: Candidate['part']): number | null | undefined =>
    measured?.others.find(
      (each) =>
        each.part === wanted &&
        each.layer === measured.candidate.layer &&
        each.scheme === measured.candidate.scheme,
    )?.sensitivity;
  const [ofWeights, ofActivations] = [part('weights'), part('activations')];
  const isAdditive = measured?.metric === 'kl' || measured?.metric === 'nmse';
  if (isAdditive && typeof ofWeights === 'number' && typeof ofActivations === 'number') {
    const sum = Math.max(0, ofWeights) + Math.max(0, ofActivations);
    if (sum > 0) return Math.max(0, ofActivations) / sum;
  }
  const all = localNmse(weight, activations);
  return all > 0 ? localNmse(null, activations) / all : 0;
}

function weightCauses(facts: LayerFacts): LayerCause[] {
  const { scheme, weight, perChannelNoise } = facts;
  const nmse = weight ? nmseOf(weight) : 0;
  const ofNoise = 1 - activationShare(facts);
  if (!weight || !(nmse > 0) || ofNoise < LEAST_SHARE) return [];
  const shares = sharesOf(weight);
  const sqnr = sqnrOf(weight);
  const ofAll =
    facts.activations.length > 0
      ? `, ${percent(ofNoise)} of the noise that weight, input and output make`
      : '';
  const inAll = sqnr === null ? '' : `; as ${scheme} it has an SQNR of ${decibels(sqnr)}${ofAll}`;
  const causes: LayerCause[] = [];
  const spread = channelSpread(weight);
  const explained = perChannelNoise === undefined ? null : 1 - perChannelNoise / noiseOf(weight);
  const isWide = weight.isShared && spread >= WIDE_SPREAD && explained !== null && explained >= LEAST_SHARE;
  // Wide channels hurt by the rounding of the others: what they explain is counted once.
  const left = isWide ? ofNoise * (1 - explained) : ofNoise;
  if (isWide) {
    causes.push({
      kind: 'channelSpread',
      share: ofNoise * explained,
      text:
        `The widest channel reaches ${times(spread)} as far as the median one, and all share one scale: ` +
        `a scale for each would take away ${percent(explained)} of the weight's squared error.`,
    });
  }
  if (shares.rounding >= LEAST_PART) {
    causes.push({
      kind: 'rounding',
      share: left * shares.rounding,
      text: `Rounding makes ${percent(shares.rounding)} of the weight's squared error${inAll}.`,
    });
  }
  if (shares.clipping >= LEAST_PART) {
    causes.push({
      kind: 'clipping',
      share: left * shares.clipping,
      text: `Values beyond the range make ${percent(shares.clipping)} of the weight's squared error${inAll}.`,
    });
  }
  return causes;
}

function activationRanges(facts: LayerFacts): LayerCause[] {
  const all = localNmse(null, facts.activations);
  const part = activationShare(facts);
  return facts.activations.flatMap((loss) => {
    const nmse = nmseOf(loss);
    const share = all > 0 ? (part * nmse) / all : 0;
    const sqnr = sqnrOf(loss);
    const isCause = share >= LEAST_SHARE && (part >= MOST || loss.tail >= LONG_TAIL);
    if (!isCause || sqnr === null) return [];
    const clipped = sharesOf(loss).clipping;
    const how = clipped >= LEAST_PART ? `, ${percent(clipped)} of the error by clipping` : '';
    return {
      kind: 'activationRange' as const,
      share,
      text:
        `Its ${loss.role} ${loss.value} reaches ${times(loss.tail)} as far as 99.9 % of its values, and as ${loss.type} has an ` +
        `SQNR of ${decibels(sqnr)}${how}: ${percent(share)} of the noise that weight, input and output make.`,
    };
  });
}

function propagation({ measured }: LayerFacts): LayerCause[] {
  if (!measured) return [];
  const { candidate, metric } = measured;
  const { localSqnrDb: local, sqnrDb: atOutputs } = candidate;
  if (local === null) return [];
  const evidence: string[] = [];
  const { rank, of } = rankOf(measured);
  const locals = wholes(measured).flatMap(({ localSqnrDb }) => localSqnrDb ?? []);
  const median = locals.toSorted((a, b) => a - b)[Math.floor((locals.length - 1) / 2)];
  if (of >= LEAST_RANKED && rank <= Math.ceil(of / 4) && median !== undefined && local >= median) {
    evidence.push(
      `the median layer has ${decibels(median)}, yet with ${effect(candidate.sensitivity, metric)} it is number ${rank} ` +
        `of ${of} in sensitivity`,
    );
  }
  const isSensitive = of < LEAST_RANKED || rank <= of / 2;
  if (isSensitive && typeof atOutputs === 'number' && local - atOutputs > GROWS_DB) {
    evidence.push(`at the model's outputs ${decibels(atOutputs)} are left`);
  }
  if (evidence.length === 0) return [];
  return [
    {
      kind: 'propagation',
      share: null,
      text: `At its own output the SQNR is ${decibels(local)}; ${evidence.join(', and ')}: the layers behind make the error large.`,
    },
  ];
}

function interaction({ measured }: LayerFacts): LayerCause[] {
  if (!measured) return [];
  const { candidate, metric } = measured;
  if (!candidate.interaction || typeof candidate.restoring !== 'number') return [];
  const grows = candidate.restoring > candidate.sensitivity;
  return [
    {
      kind: 'interaction',
      share: null,
      text:
        `Alone it costs ${effect(candidate.sensitivity, metric)}, but with all layers in this format restoring it gains ` +
        `${effect(candidate.restoring, metric)}: the others make its error ${grows ? 'worse' : 'matter less'}.`,
    },
  ];
}

/** Position by sensitivity among the layers measured in this format, 1 the worst. */
export function rankOf(measured: MeasuredFacts): { rank: number; of: number } {
  const all = wholes(measured);
  const worse = all.filter(({ sensitivity }) => (sensitivity ?? -Infinity) > measured.candidate.sensitivity);
  return { rank: worse.length + 1, of: all.length };
}

function wholes({ candidate, others }: MeasuredFacts): Candidate[] {
  return others.filter(
    ({ scheme, part, sensitivity, provisional }) =>
      scheme === candidate.scheme && part === undefined && sensitivity !== null && !provisional,
  );
}

import type { CancelSignal } from '../ports';
import type { LocalWeightRule } from '../quant/integerWeight';
import type { FormatOptions, LayerFormat } from '../quant/layerFormat';
import { codebookKind } from '../quant/scheme';
import type { WeightChoice } from '../quant/weightChoice';
import { importanceOf } from './columnEnergy';
import type { LayerError } from './layerError';
import type { LayerJudge } from './layerJudge';
import type { LayerRows } from './layerRows';

/** What a choice decides; its figure comes later. */
export type WeightCandidate = Omit<WeightChoice, 'sqnrDb'>;

/** The values that a weight has in a format, in the order of the stored tensor. */
export type EncodedValues = (candidate: WeightCandidate) => Promise<Float32Array>;

/** Rules tried below 8 bits; the first is what holds without data. */
const SYMMETRIC_RULES: readonly LocalWeightRule[] = ['max', 'narrow', 'signed', 'mse'];
const ASYMMETRIC_RULES: readonly LocalWeightRule[] = ['max', 'mse'];

/**
 * What can be chosen about a weight of some format, the choice without data first.
 * - w4: the range rule, unless the format has one; with and without gain, unless it says which.
 * - k-means: gain; errors counted alike or by the energy of the input (from the rows in `fit`).
 * - Powers of two: gain.
 * - The other schemes leave nothing open.
 */
export function candidatesFor(format: LayerFormat, rows?: LayerRows): WeightCandidate[] {
  const gains = gainsOf(format);
  const rules = rulesOf(format);
  const importance = codebookKind(format.scheme)?.kind === 'k-means' && rows && importanceOf(rows);
  const plain = rules.flatMap((rule) => gains.map((gain): WeightCandidate => ({ rule, gain })));
  return importance ? [...plain, ...plain.map((each) => ({ ...each, importance }))] : plain;
}

/** True when data decides something about a format. */
export function leavesOpen(format: LayerFormat): boolean {
  return codebookKind(format.scheme)?.kind === 'k-means' || candidatesFor(format).length > 1;
}

function gainsOf({ scheme, gain }: LayerFormat): readonly boolean[] {
  if (gain !== undefined) return [gain];
  const kind = codebookKind(scheme)?.kind;
  if (kind === 'k-means') return [true, false];
  return scheme === 'w4' || kind === 'powers of two' ? [false, true] : [false];
}

function rulesOf({ scheme, symmetric, range }: FormatOptions & LayerFormat): readonly LocalWeightRule[] {
  if (range !== undefined && range !== 'auto') return [range];
  if (scheme !== 'w4') return ['max'];
  return symmetric === false ? ASYMMETRIC_RULES : SYMMETRIC_RULES;
}

export interface ChosenWeight {
  readonly choice: WeightChoice;
  readonly error: LayerError;
}

/**
 * The candidate of least error at the layer's output; the first of those that are equal, and the first of all where the
 * errors are not finite.
 * @throws InputError when the format cannot hold the weight.
 * @throws CancelledError
 */
export async function chooseWeight(
  judge: LayerJudge,
  format: LayerFormat,
  encoded: EncodedValues,
  signal?: CancelSignal,
): Promise<ChosenWeight> {
  let best: ChosenWeight | undefined;
  for (const candidate of candidatesFor(format, judge.rows)) {
    const error = await judge.error(await encoded(candidate), signal);
    if (best && !(error.noise < best.error.noise)) continue;
    best = { choice: { ...candidate, sqnrDb: error.sqnrDb }, error };
  }
  if (!best) throw new Error(`${format.scheme}: there is no candidate`);
  return best;
}

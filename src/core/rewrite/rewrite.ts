import { indexGraph } from '../graph/graphIndex';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import type { LocalWeightRule } from '../quant/integerWeight';
import type { BiasScheme } from '../quant/layerFormat';
import type { LayerScheme } from '../quant/scheme';
import type { CodeRounding } from '../quant/weightGrid';
import type { WeightError } from '../quant/weights';
import { codesFirst } from './codesFirst';
import { placeQuantization } from './placement';
import { prepareFloat } from './prepare';
import { computeInHalf } from './halfLayers';
import { quantizeGraph } from './quantizeGraph';
import type { Statistics } from './rewriteContext';
import { storeWidened } from './widenedTensor';
import type { WeightGranularityWord } from './weights/encodedWeight';

/** What became of one layer. */
export interface RewrittenLayer {
  readonly name: string;
  readonly scheme: LayerScheme;
  /** Of one element of the weight; of a codebook, what its indices need, however they are stored. */
  readonly bits: number;
  readonly signed: boolean;
  readonly granularity: WeightGranularityWord;
  /** Elements per scale when blocked, channels per table when per-group. */
  readonly blockSize?: number;
  /** Values in a table of a codebook. */
  readonly entries?: number;
  /** Powers of two in the table of a pow2 scheme, ascending. */
  readonly exponents?: readonly number[];
  /** How the range of an integer weight was chosen. */
  readonly range?: LocalWeightRule;
  /** Its scales were corrected so that rounding does not shrink the weight. */
  readonly gain?: boolean;
  /** What chose the codes of the weight, where that is not rounding to the nearest. */
  readonly rounding?: CodeRounding;
  /** How the bias is stored; absent: there is none. */
  readonly bias?: BiasScheme;
  /** Stored bytes of weight and bias. */
  readonly bytesBefore: number;
  /**
   * Of every initializer that the layer's weight and bias take in the written file: codes, scales, zero points, tables,
   * shapes. A weight that several layers share is counted for each.
   */
  readonly bytesAfter: number;
  /**
   * Reads the weight and measures its rounding error; null for layers that stay as they were.
   * @param countUnique also counts distinct values, which takes longer than the rest. Absent: true.
   */
  readonly measureWeight: (countUnique?: boolean) => Promise<WeightError | null>;
}

export interface Rewritten {
  readonly model: Model;
  /** Every layer of the model, in the order of the file. */
  readonly layers: readonly RewrittenLayer[];
  /** What the user should know: layers that could not be quantized as planned, and why. */
  readonly notes: readonly string[];
}

/**
 * The model with every layer as the plan says. Trials, previews and written files all come from here.
 * Weights are read for their ranges; their codes are computed when the result is written.
 * @param model the original or a prepared one; prepared once, many plans can be tried cheaply.
 * @param ranges of the values that `activationsToCalibrate` names.
 * @param weights layer → what the format of its weight leaves open; absent: what holds without data.
 * @throws InputError when a range is missing or a weight is not finite.
 * @throws CancelledError
 */
export function rewrite(
  model: Model,
  plan: Plan,
  ranges: Statistics['ranges'],
  work: Work = {},
  weights?: Statistics['weights'],
): Promise<Rewritten> {
  return carryOut(model, plan, { ranges, ...(weights && { weights }) }, work);
}

/**
 * The same without data, reading no weight: the result has the sizes of the real one, but its payloads are not to be read and
 * its weights not to be measured.
 */
export function rewriteDry(
  model: Model,
  plan: Plan,
  work: Work = {},
  weights?: Statistics['weights'],
): Promise<Rewritten> {
  return carryOut(model, plan, { ranges: new Map(), ...(weights && { weights }) }, work, true);
}

/**
 * The same for a part of a model that `prepareFloat` made for the plan: what preparing does to a part alone is not what it did to
 * the whole.
 */
export function rewritePart(
  part: Model,
  plan: Plan,
  ranges: Statistics['ranges'],
  work: Work = {},
  weights?: Statistics['weights'],
): Promise<Rewritten> {
  return carryOutPrepared(part, plan, { ranges, ...(weights && { weights }) }, work, false);
}

async function carryOut(
  model: Model,
  plan: Plan,
  statistics: Statistics,
  work: Work,
  isDryRun = false,
): Promise<Rewritten> {
  const prepared = await prepareFloat(model, plan);
  const rewritten = await carryOutPrepared(prepared.model, plan, statistics, work, isDryRun);
  // The notes of a model that was prepared before have been given then.
  const preparedNotes = prepared.model === model ? [] : prepared.notes;
  return { ...rewritten, notes: [...preparedNotes, ...rewritten.notes] };
}

async function carryOutPrepared(
  prepared: Model,
  plan: Plan,
  statistics: Statistics,
  work: Work,
  isDryRun: boolean,
): Promise<Rewritten> {
  const index = indexGraph(prepared);
  const placement = placeQuantization(index, plan);
  const integers = await quantizeGraph(index, placement, plan, statistics, work, isDryRun);
  const quantized = await computeInHalf(integers, placement.half, plan, work);
  return { ...quantized, model: storeWidened(codesFirst(quantized.model, prepared)) };
}

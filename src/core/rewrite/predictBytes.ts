import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import type { Model } from '../onnx/types';
import { modelSize } from '../onnx/write';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import type { Range } from '../quant/scheme';
import { clippingBounds } from './operators';
import { placeQuantization, type Placement } from './placement';
import { prepareFloat } from './prepare';
import { quantizeGraph } from './quantizeGraph';
import type { RewrittenLayer } from './rewrite';
import type { Statistics } from './rewriteContext';

/** What a plan would write. */
export interface PredictedBytes {
  /** Of the file, external tensors included. */
  readonly bytes: number;
  /** As `rewrite` gives them; their weights cannot be measured. */
  readonly layers: readonly Omit<RewrittenLayer, 'measureWeight' | 'exponents'>[];
  /** What the user should know: layers that cannot be written as planned, and why. */
  readonly notes: readonly string[];
}

/**
 * Sizes of everything that `rewrite` would write, byte for byte, without data: a dry run of it, in which no weight is read.
 * What depends on numbers is taken at its usual: a Relu or Clip goes into the range of its output, and biases fit int32.
 * @param weights as for `rewrite`: a gain may add scales.
 * @throws InputError when the model's opset cannot be raised as the plan needs.
 * @throws CancelledError
 */
export async function predictBytes(
  model: Model,
  plan: Plan,
  work: Work = {},
  weights?: Statistics['weights'],
): Promise<PredictedBytes> {
  const prepared = await prepareFloat(model, plan);
  const index = indexGraph(prepared.model);
  const placement = placeQuantization(index, plan);
  const statistics = { ranges: anyRanges(index, placement), ...(weights && { weights }) };
  const dry = await quantizeGraph(index, placement, plan, statistics, work, true);
  return {
    bytes: await modelSize(dry.model),
    layers: dry.layers.map(({ measureWeight: _, ...layer }) => layer),
    notes: [...(prepared.model === model ? [] : prepared.notes), ...dry.notes],
  };
}

/** A range for every activation that needs one, within the bounds of a Relu or Clip that belongs to its producer. */
function anyRanges(index: GraphIndex, { tensors, clips }: Placement): Map<string, Range> {
  const bounds = new Map(
    Array.from(clips.values(), (clip) => [clip.node.output[0] ?? '', clippingBounds(index, clip)]),
  );
  return new Map(
    Array.from(tensors.values(), ({ rangeOf }) => {
      const { min = -1, max = 1 } = bounds.get(rangeOf) ?? {};
      const low = Math.max(min, Math.min(-1, max - 1));
      return [rangeOf, { min: low, max: Math.min(max, Math.max(1, low + 1)) }];
    }),
  );
}

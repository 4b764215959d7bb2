import { indexGraph } from '../graph/graphIndex';
import type { Model } from '../onnx/types';
import { modelSize } from '../onnx/write';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { placeQuantization } from './placement';
import { prepareFloat } from './prepare';
import { rewriteDry, type RewrittenLayer } from './rewrite';
import type { Statistics } from './rewriteContext';
import { checkTensorOverrides } from './tensorOverrides';

/** What a plan would write. */
export interface PredictedBytes {
  /** Of the file, external tensors included. */
  readonly bytes: number;
  /** As the file would have it, but without numbers: its payloads are not to be read. */
  readonly model: Model;
  /** As `rewrite` gives them; their weights cannot be measured. */
  readonly layers: readonly Omit<RewrittenLayer, 'measureWeight' | 'exponents'>[];
  /** What the user should know: layers that cannot be written as planned, and why. */
  readonly notes: readonly string[];
}

/**
 * Sizes of everything that `rewrite` would write, byte for byte, without data: a dry run of it, in which no weight is read.
 * What depends on numbers is taken at its usual: a Relu or Clip goes into the range of its output, and biases fit int32. What
 * recovering accuracy adds, a note tells.
 * @param weights as for `rewrite`: a gain may add scales.
 * @throws InputError when the model's opset cannot be raised as the plan needs, or the plan has formats for tensors that it does
 * not quantize.
 * @throws CancelledError
 */
export async function predictBytes(
  model: Model,
  plan: Plan,
  work: Work = {},
  weights?: Statistics['weights'],
): Promise<PredictedBytes> {
  const { model: prepared, notes } = await prepareFloat(model, plan);
  const index = indexGraph(prepared);
  checkTensorOverrides(index, placeQuantization(index, plan), plan);
  const dry = await rewriteDry(prepared, plan, work, weights);
  return {
    bytes: await modelSize(dry.model),
    model: dry.model,
    layers: dry.layers.map(({ measureWeight: _, ...layer }) => layer),
    notes: [...notes, ...dry.notes, ...uncounted(plan)],
  };
}

/** Whether they are kept, only data tells. */
function uncounted({ recover }: Plan): string[] {
  const steps = recover?.steps ?? [];
  const added = [
    ...(steps.includes('bias') ? ['biases of layers that have none'] : []),
    ...(steps.includes('equalize') ? ['bounds of channels in place of a Clip'] : []),
  ];
  return added.length > 0 ? [`Recovering accuracy may add some bytes: ${added.join(', and ')}.`] : [];
}

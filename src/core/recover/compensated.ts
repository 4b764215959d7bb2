import { throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { CancelSignal } from '../ports';
import type { ActivationRange } from '../quant/scheme';
import { addToBiases } from '../rewrite/addToBiases';
import { prepareFloat } from '../rewrite/prepare';
import { rewrite, type Rewritten } from '../rewrite/rewrite';
import type { EncodingChoice } from '../rewrite/weights/encodeWeight';
import type { DoneLayer } from './keptLayers';

/** What `rewrite` makes a model with compensated weights of. */
export interface Compensated {
  /** With the biases that make up for errors. */
  readonly model: Model;
  /** What the weights of layers are: by layer name. */
  readonly choices: ReadonlyMap<string, EncodingChoice>;
}

/** @param model prepared. @param done by layer name; other layers are as the plan says. */
export function compensated(model: Model, done: ReadonlyMap<string, DoneLayer>): Compensated {
  const deltas = new Map([...done].flatMap(([name, { delta }]) => (delta ? [[name, delta] as const] : [])));
  return {
    model: deltas.size > 0 ? addToBiases(model, deltas) : model,
    choices: new Map([...done].map(([name, { choice }]) => [name, choice])),
  };
}

/** What `find` knows of layers, by name. @throws CancelledError */
export async function doneLayers(
  names: Iterable<string>,
  find: (layer: string) => Promise<DoneLayer | undefined>,
  signal: CancelSignal | undefined,
): Promise<ReadonlyMap<string, DoneLayer>> {
  const found = new Map<string, DoneLayer>();
  for (const name of names) {
    throwIfCancelled(signal);
    const done = await find(name);
    if (done) found.set(name, done);
  }
  return found;
}

/**
 * What `rewrite` makes of a plan, with compensated layers as they are.
 * @param model prepared, for whatever plan.
 * @param others what data chose for further layers.
 * @throws InputError for a format that the model's operator set cannot have, CancelledError
 */
export async function rewriteCompensated(
  model: Model,
  plan: Plan,
  ranges: ReadonlyMap<string, ActivationRange>,
  done: ReadonlyMap<string, DoneLayer>,
  signal: CancelSignal | undefined,
  others: ReadonlyMap<string, EncodingChoice> = new Map(),
): Promise<Rewritten> {
  const prepared = await prepareFloat(model, plan);
  const made = compensated(prepared.model, done);
  const choices = new Map([...others, ...made.choices]);
  return rewrite(made.model, plan, ranges, signal && { signal }, choices);
}

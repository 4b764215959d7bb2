import type { Model } from '../onnx/types';
import { addToBiases } from '../rewrite/addToBiases';
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

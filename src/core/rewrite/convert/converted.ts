import type { Model } from '../../onnx/types';

/** What a rewrite that is a command of its own made of a model. */
export interface Converted {
  /** The same object as before when nothing was changed. */
  readonly model: Model;
  /** Nodes that were changed, each counted once; 0: there was nothing to do. */
  readonly changed: number;
  /** What the user should know. */
  readonly notes: readonly string[];
}

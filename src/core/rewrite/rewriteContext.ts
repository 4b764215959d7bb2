import type { GraphIndex } from '../graph/graphIndex';
import type { Scope } from '../graph/types';
import type { Tensor } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { ActivationRange } from '../quant/scheme';
import type { GraphChanges } from './graphChanges';
import type { Placement } from './placement';
import type { QdqWriter } from './qdq';

/** The elements of a float tensor, row-major. A dry run gives zeros instead of reading a file. */
export type ReadValues = (tensor: Tensor) => Promise<Float32Array>;

/** What the modules that carry out a plan on one graph share. */
export interface RewriteContext {
  readonly index: GraphIndex;
  /** The main graph. */
  readonly main: Scope;
  readonly placement: Placement;
  readonly plan: Plan;
  /** Calibrated activation ranges by value name. */
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  readonly changes: GraphChanges;
  readonly writer: QdqWriter;
  readonly readValues: ReadValues;
}

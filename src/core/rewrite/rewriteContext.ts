import type { GraphIndex } from '../graph/graphIndex';
import type { Scope } from '../graph/types';
import type { Tensor } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { ActivationRange } from '../quant/scheme';
import type { GraphChanges } from './graphChanges';
import type { Placement } from './placement';
import type { QdqWriter } from './qdq';
import type { EncodingChoice } from './weights/encodeWeight';

/** The elements of a float tensor, row-major. A dry run gives zeros instead of reading a file. */
export type ReadValues = (tensor: Tensor) => Promise<Float32Array>;

/** What data decided about a model, beside the plan. */
export interface Statistics {
  /** Calibrated activation ranges by value name. */
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  /** Layer → what the format of its weight leaves open; layers that are not there take what holds without data. */
  readonly weights?: ReadonlyMap<string, EncodingChoice>;
}

/** What the modules that carry out a plan on one graph share. */
export interface RewriteContext {
  readonly index: GraphIndex;
  /** The main graph. */
  readonly main: Scope;
  readonly placement: Placement;
  readonly plan: Plan;
  readonly ranges: Statistics['ranges'];
  readonly weightChoices: NonNullable<Statistics['weights']>;
  readonly changes: GraphChanges;
  readonly writer: QdqWriter;
  readonly readValues: ReadValues;
  /** Only the sizes of the result count: no weight is read. */
  readonly isDryRun: boolean;
}

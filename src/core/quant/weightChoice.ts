import type { LocalWeightRule } from './integerWeight';

/** What a format leaves open about one weight, decided by the error at its layer's output. */
export interface WeightChoice {
  /** Of integer formats. */
  readonly rule: LocalWeightRule;
  /** Rescale every channel by ⟨w,w⟩/⟨w,Q(w)⟩. */
  readonly gain: boolean;
  /**
   * How much the squared error of each element counts in k-means: the mean square of the input that it is multiplied with.
   * One per element of the tensor, in its order, positive; computed at each call. Absent: all count the same.
   */
  readonly importance?: () => Float32Array;
  /** At the layer's output; null: no error. */
  readonly sqnrDb: number | null;
}

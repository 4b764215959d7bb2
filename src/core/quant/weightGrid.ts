/**
 * The numbers that the elements of one weight may be stored as: what rounding rules other than the nearest choose from.
 * `at` is the position of an element in the stored tensor.
 */
export interface WeightGrid {
  /** The code whose number is nearest to `value`; a value in the middle goes where rounding to the nearest puts it. */
  codeOf(at: number, value: number): number;
  /** What the runtime computes from a code. */
  valueOf(at: number, code: number): number;
}

/** What chose codes that are not the nearest. */
export type CodeRounding = 'gptq' | 'inq' | 'descent';

/** Codes of a weight that something other than rounding to the nearest chose. */
export interface CompensatedCodes {
  /** In the order of the stored tensor: integers of the type, or indices into the table. */
  readonly codes: Int16Array;
  /**
   * What the values of each channel (of the axis that carries scales) are multiplied by, after the grid that the codes were
   * chosen from. Only where the format stores a scale per channel; absent: 1.
   */
  readonly factors?: Float32Array;
  /** For results: the rule that chose the codes; absent: they are the nearest. */
  readonly rounding?: CodeRounding;
}

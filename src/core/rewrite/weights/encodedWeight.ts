import type { NodeRef } from '../../graph/types';
import type { Node, Tensor } from '../../onnx/types';
import type { LocalWeightRule } from '../../quant/integerWeight';
import type { SliceLayout, SliceRanges } from '../../quant/layouts';
import type { CodeRounding, WeightGrid } from '../../quant/weightGrid';

/** Where an encoded weight puts its initializers and nodes: one graph or function body. */
export interface ConstantTarget {
  /** A name that nothing has: `wanted`, or `wanted_1`... */
  fresh(wanted: string): string;
  addInitializer(tensor: Tensor): void;
  insertBefore(node: Node, ...nodes: Node[]): void;
}

/** Which part of a weight has parameters of its own, for results. */
export type WeightGranularityWord = 'per-tensor' | 'per-channel' | 'per-kernel' | 'per-group' | 'blocked';

/** What the words of a result say about a weight. */
export interface WeightWords {
  /** Of one element; of a codebook, what its indices need, however they are stored. */
  readonly bits: number;
  readonly signed: boolean;
  readonly granularity: WeightGranularityWord;
  /** Elements per scale when blocked, channels per table of a group. */
  readonly blockSize?: number;
  /** Values in a table of a codebook. */
  readonly entries?: number;
  /** How the range of an integer weight was chosen. */
  readonly range?: LocalWeightRule;
  /** Its scales were corrected so that rounding does not shrink it. */
  readonly gain?: boolean;
  /** What chose its codes, where that is not rounding to the nearest. */
  readonly rounding?: CodeRounding;
}

/** What fitting found out about a weight. */
export interface FittedFacts {
  /** Powers of two in the table of a pow2 scheme, ascending. */
  readonly exponents?: readonly number[];
}

/** Which codes a weight is stored as. */
export interface CodeUse {
  /** Codes that there are: those of the type, or the values of a table. */
  readonly possible: number;
  /** The code that `counts` begins with. */
  readonly first: number;
  /** Elements with each code. */
  readonly counts: Float64Array;
  /** Of codebooks: one table per group of channels, ascending. */
  readonly tables?: readonly Float32Array[];
  /** Of codebooks: what the values of each channel are multiplied by; absent: by nothing. */
  readonly scales?: Float32Array;
}

/** What an encoded weight can hold at most: the least and the greatest value of each slice of `layout`. */
export interface WeightLimits extends SliceRanges {
  readonly layout: SliceLayout;
}

/** One weight in its format: what the file holds, and what the runtime computes from it. */
export interface EncodedWeight {
  readonly words: WeightWords;
  /** Bytes of every initializer that `store` adds, exactly as written. Known without reading the weight. */
  readonly bytes: number;
  /** What the user should know: why it is not quite the format that was asked for. */
  readonly notes: readonly string[];
  /** IR version that the file needs; 0: any. */
  readonly irVersion: number;
  /** True when its nodes are of the domain com.microsoft, which the model must import. */
  readonly needsContrib: boolean;
  /**
   * The axis of the stored tensor whose slices have scales of their own (or several: blocks, windows), which `factors` of
   * compensated codes multiply; undefined: there are none to multiply.
   */
  readonly scaledAxis: number | undefined;
  /**
   * Reads the weight and chooses scales or a table; once, however often it is called.
   * @throws InputError when the format cannot hold the weight.
   */
  fit(): Promise<FittedFacts>;
  /** What the runtime computes from the file, in the order of the original tensor. A new array. */
  values(): Promise<Float32Array>;
  /** What lies beyond them is clipped. In the order of the original tensor, which `layout` divides. */
  limits(): Promise<WeightLimits>;
  /** Counts its codes; undefined for numbers of half precision, which have none. */
  codeUse(): Promise<CodeUse | undefined>;
  /** What its elements may be stored as; undefined for numbers of half precision. */
  grid(): Promise<WeightGrid | undefined>;
  /**
   * Adds initializers and nodes. Payloads are computed when they are written: nothing is read before.
   * @param value name of the weight, from which the new names are made.
   * @param reader the node that reads the weight: for targets that put the new nodes before it.
   * @returns the value to read instead.
   */
  store(target: ConstantTarget, value: string, reader: NodeRef): string;
}

import type { NodeRef } from '../../graph/types';
import type { Node, Tensor } from '../../onnx/types';

/** Where an encoded weight puts its initializers and nodes. */
export interface ConstantTarget {
  /** A name that nothing has: `wanted`, or `wanted_1`... */
  fresh(wanted: string): string;
  addInitializer(tensor: Tensor): void;
  insertBefore(node: Node, ...nodes: Node[]): void;
}

/** What fitting found out about a weight. */
export interface FittedFacts {
  /** Powers of two in the table of a pow2 scheme, ascending. */
  readonly exponents?: readonly number[];
}

/** One weight in its format: what the file holds, and what the runtime computes from it. */
export interface EncodedWeight {
  /** Of one element; of a codebook, what its indices need, however they are stored. */
  readonly bits: number;
  readonly signed: boolean;
  readonly granularity: WeightGranularityWord;
  /** Elements per scale, when blocked. */
  readonly blockSize?: number;
  /** Values in the table of a codebook. */
  readonly entries?: number;
  /** Bytes of every initializer that `store` adds, exactly as written. Known without reading the weight. */
  readonly bytes: number;
  /**
   * Reads the weight and chooses scales or a table; once, however often it is called.
   * @throws InputError when the format cannot hold the weight.
   */
  fit(): Promise<FittedFacts>;
  /** What the runtime computes from the file, in the order of the original tensor. */
  values(): Promise<Float32Array>;
  /**
   * Adds initializers and nodes; payloads are computed when they are written.
   * @param value name of the weight, from which the new names are made.
   * @param reader the node before which the new nodes stand.
   * @returns the value to read instead.
   */
  store(target: ConstantTarget, value: string, reader: NodeRef): string;
}

/** Which part of a weight has parameters of its own, for results. */
export type WeightGranularityWord = 'per-tensor' | 'per-channel' | 'per-kernel' | 'per-group' | 'blocked';

/** What the graph layer tells about a model: graphIndex.ts, shapes.ts, layers.ts and outputs.ts make these. */
import type { Graph, ModelFunction, Node, Tensor } from '../onnx/types';

/** Where nodes live: the main graph, a subgraph in an attribute, or a function body. */
export interface Scope {
  /** Unique: '' for the main graph, `node name/attribute` chains for subgraphs, `domain::name` for functions. */
  readonly id: string;
  readonly kind: 'graph' | 'subgraph' | 'function';
  readonly parent?: Scope;
  /** The node whose attribute holds this subgraph. */
  readonly owner?: NodeRef;
  readonly container: Graph | ModelFunction;
}

/** A node with its stable unique name (its own, or a made one when unnamed or repeated). */
export interface NodeRef {
  readonly node: Node;
  readonly scope: Scope;
  /** Unique in the model; what plans, globs and messages use. */
  readonly name: string;
  /** Position among the nodes of its scope. */
  readonly index: number;
}

/** A tensor known before the model runs. */
export interface ConstantRef {
  readonly tensor: Tensor;
  readonly kind: 'initializer' | 'constant';
  /** The Constant node, when `kind` is `constant`. */
  readonly node?: NodeRef;
  /** The scope that holds it. */
  readonly scope: Scope;
  /** An initializer that is also a graph input of IR version 4 or later: only a default that a caller may replace. */
  readonly overridable?: boolean;
}

/** How a layer's weight is stored when it is not plain float. */
export interface StoredWeight {
  /** What stands between the stored codes and the operator. */
  readonly via: 'float' | 'dequantize' | 'codebook' | 'qlinear' | 'matmulnbits' | 'cast';
  readonly scale?: string;
  readonly zeroPoint?: string;
  /** Value name of the table that the stored codes index. */
  readonly codebook?: string;
}

export interface LayerWeight {
  /** Value name of the stored tensor. */
  readonly name: string;
  readonly tensor: Tensor;
  readonly kind: 'initializer' | 'constant';
  /** Logical shape as the operator sees it. */
  readonly shape: readonly number[];
  /** Name of the stored element type, lower case as in onnx.proto: float, int8, uint4... */
  readonly dtype: string;
  /** Which input of the operator it is. */
  readonly inputIndex: number;
  readonly stored: StoredWeight;
  /** The scope that holds the stored tensor. */
  readonly scope: Scope;
  /** The nodes between the operand and the stored tensor, the operand's producer first. */
  readonly steps: readonly NodeRef[];
  /** For each axis of `shape`, the axis of the stored tensor that it is; undefined where a Reshape mixes axes. */
  readonly axes: readonly (number | undefined)[];
}

/** A node with a quantizable weight, or a row for a node without one. */
export interface Layer {
  readonly ref: NodeRef;
  readonly name: string;
  readonly op: string;
  /** Group path from the outermost module, without the layer itself. */
  readonly path: readonly string[];
  /** The first of `weights`. */
  readonly weight?: LayerWeight;
  /** Every constant weight: one, or W and R of a recurrent layer. */
  readonly weights: readonly LayerWeight[];
  /** The constants that it owns, with what each adds to `parameters` and `bytes`. */
  readonly constants: ReadonlyMap<Tensor, { readonly parameters: number; readonly bytes: number }>;
  /** Elements of all constant operands (weight, bias...). */
  readonly parameters: number;
  /** Stored bytes of all constant operands. */
  readonly bytes: number;
  /** Multiply-accumulates of one run of the node; absent when a shape is unknown, and in loops. 0: it has none. */
  readonly macs?: number;
  readonly quantizable: boolean;
  /** Why not, in one sentence, when `quantizable` is false. */
  readonly reason?: string;
}

/** Inferred shape: numbers, symbolic names, or null per dimension; the whole may be unknown. */
export type Shape = readonly (number | string | null)[];

export type OutputKind = 'logits' | 'probabilities' | 'values';

export interface OutputDescription {
  readonly name: string;
  readonly kind: OutputKind;
  /** Axis of the classes; absent for values. */
  readonly classAxis?: number;
}

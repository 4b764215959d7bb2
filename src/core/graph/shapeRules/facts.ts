/** What shape propagation knows about a value, and the small algebra on it. */
import type { Node } from '../../onnx/types';
import type { Shape } from '../types';

/** A size: a number, a symbol of the model, or unknown. */
export type Dim = number | string | null;

export interface Facts {
  /** A `DataType`; 0 when unknown. */
  readonly dtype: number;
  /** Undefined: not even the rank is known. */
  readonly shape?: Shape;
  /** Row-major elements of a small tensor, for shape arithmetic: a size read by Shape may be a symbol. */
  readonly values?: readonly Dim[];
}

export const unknown: Facts = { dtype: 0 };

/** Tensors with more elements are not followed by value; shape arithmetic has a handful. */
export const maximumValues = 1024;

/** One node with what is known about its inputs. */
export interface Operation {
  readonly node: Node;
  /** Version of the operator's domain; 0 when it is not imported. */
  readonly opset: number;
  /** Facts of an input; `unknown` when absent. */
  input(position: number): Facts;
  has(position: number): boolean;
  /** Facts of the outputs of a subgraph, given those of its inputs. */
  subgraph(attribute: string, inputs: readonly Facts[]): readonly Facts[];
}

/** Facts of a node's outputs; outputs not listed are unknown. */
export type Rule = (operation: Operation) => readonly Facts[];
export type Rules = Readonly<Record<string, Rule>>;

export function isNumber(dim: Dim | undefined): dim is number {
  return typeof dim === 'number';
}

/** The shape as numbers; undefined when any dimension is not one. */
export function numericShape(shape: Shape | undefined): readonly number[] | undefined {
  return shape?.every(isNumber) ? shape : undefined;
}

/** All elements as numbers; undefined when any is not known as one. */
export function numbers(facts: Facts): readonly number[] | undefined {
  return facts.values?.every(isNumber) ? facts.values : undefined;
}

/** A non-negative position for an axis that may count from the end; undefined when out of range. */
export function axisOf(axis: number, rank: number): number | undefined {
  const position = axis < 0 ? axis + rank : axis;
  return position >= 0 && position < rank ? position : undefined;
}

/** Product of sizes; null when one is unknown, a lone symbol where all others are 1. */
export function productOf(dims: readonly Dim[]): Dim {
  if (dims.includes(0)) return 0;
  const known = dims.filter(isNumber).reduce((product, size) => product * size, 1);
  const others = dims.filter((dim) => !isNumber(dim));
  if (others.length === 0) return known;
  return others.length === 1 && known === 1 ? (others[0] ?? null) : null;
}

function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (isNumber(a) && isNumber(b)) return null;
  // One side is not 1, so the unknown side is 1 or equal to it.
  if (isNumber(a)) return a;
  return isNumber(b) ? b : null;
}

/** NumPy broadcasting; undefined when a rank is unknown. */
export function broadcast(...shapes: (Shape | undefined)[]): Shape | undefined {
  const known = shapes.filter((shape) => shape !== undefined);
  if (known.length < shapes.length) return undefined;
  const rank = known.reduce((most, shape) => Math.max(most, shape.length), 0);
  return Array.from({ length: rank }, (_, axis) =>
    known.reduce<Dim>((dim, shape) => {
      const position = axis - (rank - shape.length);
      return position < 0 ? dim : broadcastDim(dim, shape[position] ?? null);
    }, 1),
  );
}

/** What holds for both: for branches that meet, and for the calls of one function. */
export function join(a: Facts, b: Facts): Facts {
  const dtype = a.dtype === b.dtype ? a.dtype : 0;
  if (a.shape === undefined || a.shape.length !== b.shape?.length) return { dtype };
  const { shape: other } = b;
  return { dtype, shape: a.shape.map((dim, axis) => (dim === other[axis] ? dim : null)) };
}

/** Facts from propagation, completed by what the file declares: a number says more than a symbol, a symbol than nothing. */
export function complete(inferred: Facts, declared: Facts): Facts {
  const dtype = inferred.dtype || declared.dtype;
  const { shape } = inferred;
  if (!shape) return { dtype, shape: declared.shape, values: inferred.values };
  if (shape.length !== declared.shape?.length) return { ...inferred, dtype };
  const { shape: other } = declared;
  const best = (dim: Dim, axis: number): Dim => {
    const alternative = other[axis] ?? null;
    return isNumber(dim) || alternative === null || (dim !== null && !isNumber(alternative))
      ? dim
      : alternative;
  };
  return { ...inferred, dtype, shape: shape.map(best) };
}

/** Picks elements of a small tensor: `source` gives the flat source position of each output position. */
export function pick(
  values: readonly Dim[],
  shape: readonly number[],
  source: (index: readonly number[]) => number,
): readonly Dim[] | undefined {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count > maximumValues) return undefined;
  return Array.from({ length: count }, (_, flat) => {
    const index: number[] = [];
    let rest = flat;
    for (const size of [...shape].reverse()) {
      index.unshift(rest % size);
      rest = Math.floor(rest / size);
    }
    return values[source(index)] ?? null;
  });
}

/** Flat steps between neighbours along each axis. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let step = 1;
  for (const size of [...shape].reverse()) {
    strides.unshift(step);
    step *= size;
  }
  return strides;
}

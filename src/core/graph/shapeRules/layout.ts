/** Operators that rearrange elements without reading their values: Reshape, Transpose, Squeeze... */
import { attrInt, attrInts } from '../../onnx/attributes';
import type { Shape } from '../types';
import {
  axisOf,
  type Dim,
  type Facts,
  isNumber,
  numbers,
  numericShape,
  type Operation,
  pick,
  productOf,
  type Rule,
  type Rules,
  stridesOf,
} from './facts';

/** Axes from an attribute in old opsets and from an input in new ones. Undefined: absent; null: not known. */
export function axesOf(operation: Operation, position = 1): readonly number[] | undefined | null {
  const attribute = attrInts(operation.node, 'axes');
  if (attribute) return attribute;
  if (!operation.has(position)) return undefined;
  return numbers(operation.input(position)) ?? null;
}

/** The dimension that makes both element counts equal: what is left of `from` after taking `others` out. */
function missingDim(from: Shape, others: readonly Dim[]): Dim {
  const left: Dim[] = [...from];
  let known = 1;
  for (const dim of others) {
    if (isNumber(dim)) {
      known *= dim;
      continue;
    }
    const position = dim === null ? -1 : left.indexOf(dim);
    if (position < 0) return null;
    left.splice(position, 1);
  }
  if (known === 0) return null;
  const numbersLeft = left.filter(isNumber).reduce((product, size) => product * size, 1);
  const symbols = left.filter((dim) => !isNumber(dim));
  if (numbersLeft % known !== 0) return null;
  return productOf([numbersLeft / known, ...symbols]);
}

const reshape: Rule = (operation) => {
  const data = operation.input(0);
  const wanted: readonly Dim[] | undefined = attrInts(operation.node, 'shape') ?? operation.input(1).values;
  if (!wanted) {
    const rank = operation.input(1).shape?.[0];
    // A rank from the file could be any number; no real tensor has more than a few dimensions.
    const isRank = isNumber(rank) && rank <= 64;
    return [{ dtype: data.dtype, shape: isRank ? Array<null>(rank).fill(null) : undefined }];
  }
  const copiesZero = attrInt(operation.node, 'allowzero', 0) === 0;
  const shape = wanted.map((dim, axis): Dim =>
    dim === 0 && copiesZero ? (data.shape?.[axis] ?? null) : dim,
  );
  const free = shape.indexOf(-1);
  if (free >= 0) {
    const others = shape.filter((_, axis) => axis !== free);
    shape[free] = data.shape ? missingDim(data.shape, others) : null;
  } else if (data.shape && shape.filter((dim) => dim === null).length === 1) {
    const unclear = shape.indexOf(null);
    shape[unclear] = missingDim(
      data.shape,
      shape.filter((_, axis) => axis !== unclear),
    );
  }
  return [{ dtype: data.dtype, shape, values: data.values }];
};

const flatten: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  if (!shape) return [{ dtype, shape: [null, null] }];
  const axis = attrInt(operation.node, 'axis', 1);
  const at = axis < 0 ? axis + shape.length : axis;
  return [{ dtype, shape: [productOf(shape.slice(0, at)), productOf(shape.slice(at))] }];
};

const squeeze: Rule = (operation) => {
  const data = operation.input(0);
  const axes = axesOf(operation);
  const { shape } = data;
  if (!shape || axes === null) return [{ dtype: data.dtype }];
  if (!axes && !numericShape(shape)) return [{ dtype: data.dtype }];
  const dropped = new Set(axes?.map((axis) => axisOf(axis, shape.length)));
  const isDropped = (dim: Dim, axis: number): boolean => (axes ? dropped.has(axis) : dim === 1);
  return [{ ...data, shape: shape.filter((dim, axis) => !isDropped(dim, axis)) }];
};

const unsqueeze: Rule = (operation) => {
  const data = operation.input(0);
  const axes = axesOf(operation);
  if (!data.shape || !axes) return [{ dtype: data.dtype }];
  const rank = data.shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  const rest = [...data.shape];
  const shape = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() ?? null)));
  return [{ ...data, shape }];
};

const transpose: Rule = (operation) => {
  const { dtype, shape, values } = operation.input(0);
  if (!shape) return [{ dtype }];
  const order = attrInts(operation.node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
  const turned = order.map((axis) => shape[axis] ?? null);
  const sizes = numericShape(turned);
  const source = numericShape(shape);
  if (!values || !sizes || !source) return [{ dtype, shape: turned }];
  const strides = stridesOf(source);
  const step = order.map((axis) => strides[axis] ?? 0);
  const moved = pick(values, sizes, (index) =>
    index.reduce((at, place, axis) => at + place * (step[axis] ?? 0), 0),
  );
  return [{ dtype, shape: turned, values: moved }];
};

const depthToSpace: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const block = attrInt(operation.node, 'blocksize', 1);
  const scale = (dim: Dim | undefined, factor: number): Dim =>
    isNumber(dim) ? Math.floor(dim * factor) : null;
  const [up, down] =
    operation.node.opType === 'DepthToSpace' ? [block, 1 / block ** 2] : [1 / block, block ** 2];
  return [
    {
      dtype,
      shape: shape && [shape[0] ?? null, scale(shape[1], down), scale(shape[2], up), scale(shape[3], up)],
    },
  ];
};

const expand: Rule = (operation) => {
  const data = operation.input(0);
  const wanted = operation.input(1).values;
  if (!data.shape || !wanted) return [{ dtype: data.dtype }];
  const rank = Math.max(data.shape.length, wanted.length);
  const shape = Array.from({ length: rank }, (_, axis): Dim => {
    const old = data.shape?.[axis - (rank - (data.shape.length ?? 0))];
    const target = wanted[axis - (rank - wanted.length)];
    if (old === undefined || old === 1) return target ?? (target === undefined ? (old ?? 1) : null);
    return target === undefined || target === 1 || target === old || isNumber(old) ? old : (target ?? null);
  });
  return [{ dtype: data.dtype, shape, values: repeated(data, shape) }];
};

/** A single value spread over a small shape. */
function repeated(data: Facts, shape: Shape): readonly Dim[] | undefined {
  const count = productOf(shape);
  const [value] = data.values ?? [];
  return data.values?.length === 1 && value !== undefined && isNumber(count) && count <= 64
    ? Array<Dim>(count).fill(value)
    : undefined;
}

const tile: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const repeats = operation.input(1).values;
  const product = (dim: Dim, axis: number): Dim => productOf([dim, repeats?.[axis] ?? null]);
  return [{ dtype, shape: shape?.map(product) }];
};

const pad: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const pads: readonly Dim[] | undefined =
    attrInts(operation.node, 'pads') ?? attrInts(operation.node, 'paddings') ?? operation.input(1).values;
  if (!shape) return [{ dtype }];
  const axes = operation.has(3) ? numbers(operation.input(3)) : shape.map((_, axis) => axis);
  if (!pads || !axes) return [{ dtype, shape: shape.map(() => null) }];
  const padded: Dim[] = [...shape];
  for (const [position, axis] of axes.entries()) {
    const at = axisOf(axis, shape.length);
    const extra = [pads[position], pads[position + axes.length]];
    if (at === undefined || extra.every((size) => size === 0)) continue;
    const all = [shape[at], ...extra];
    padded[at] = all.every(isNumber) ? all.reduce((sum, size) => sum + size, 0) : null;
  }
  return [{ dtype, shape: padded }];
};

export const layoutRules: Rules = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  DepthToSpace: depthToSpace,
  SpaceToDepth: depthToSpace,
  Expand: expand,
  Tile: tile,
  Pad: pad,
};

/** Operators that take parts or put parts together: Slice, Gather, Concat, Split... */
import { attrInt, attrInts } from '../../onnx/attributes';
import { DataType } from '../../onnx/types';
import type { Shape } from '../types';
import {
  axisOf,
  type Dim,
  type Facts,
  isNumber,
  maximumValues,
  numbers,
  numericShape,
  pick,
  type Rule,
  type Rules,
  stridesOf,
} from './facts';

const concat: Rule = (operation) => {
  // com.microsoft's QLinearConcat: output scale, zero point, then (tensor, scale, zero point) each.
  const isQuantized = operation.node.opType === 'QLinearConcat';
  const inputs = operation.node.input
    .map((_, position) => position)
    .filter((position) => !isQuantized || (position >= 2 && (position - 2) % 3 === 0))
    .map((position) => operation.input(position));
  const dtype = inputs[0]?.dtype ?? 0;
  const shaped = inputs.find(({ shape }) => shape)?.shape;
  const axis = shaped && axisOf(attrInt(operation.node, 'axis', operation.opset < 4 ? 1 : 0), shaped.length);
  if (!shaped || axis === undefined) return [{ dtype }];
  const joined = shaped.map((_, at): Dim => {
    const dims = inputs.map(({ shape }) => (shape?.length === shaped.length ? (shape[at] ?? null) : null));
    if (at === axis) return dims.every(isNumber) ? dims.reduce((sum, size) => sum + size, 0) : null;
    return dims.find(isNumber) ?? dims.find((dim) => dim !== null) ?? null;
  });
  const values = axis === 0 ? inputs.flatMap((facts) => facts.values ?? []) : undefined;
  const isComplete = inputs.every((facts) => facts.values) && (values?.length ?? 0) <= maximumValues;
  return [{ dtype, shape: joined, values: isComplete ? values : undefined }];
};

interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: Dim;
}

/** Elements that Slice keeps along an axis of known size, with the clamping of the ONNX specification. */
function cutAxis(axis: number, size: number, start: number, end: number, step: number): Cut {
  const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
  const from = clamp(start < 0 ? start + size : start, 0, step > 0 ? size : size - 1);
  const to = clamp(end < 0 ? end + size : end, step > 0 ? 0 : -1, size);
  return { axis, start: from, step, count: Math.max(0, Math.ceil((to - from) / step)) };
}

const slice: Rule = (operation) => {
  const { dtype, shape, values } = operation.input(0);
  const { node } = operation;
  if (!shape) return [{ dtype }];
  const part = (position: number, name: string): readonly Dim[] | undefined =>
    attrInts(node, name) ?? operation.input(position).values;
  const [starts, ends] = [part(1, 'starts'), part(2, 'ends')];
  const count = starts?.length ?? (operation.input(1).shape?.[0] as number | undefined);
  const axes = operation.has(3)
    ? numbers(operation.input(3))
    : (attrInts(node, 'axes') ?? shape.map((_, at) => at));
  if (!axes || typeof count !== 'number') return [{ dtype, shape: shape.map(() => null) }];
  const steps: readonly Dim[] = operation.has(4) ? (operation.input(4).values ?? []) : axes.map(() => 1);

  const cut: Dim[] = [...shape];
  const cuts: Cut[] = [];
  for (const [position, wanted] of axes.slice(0, count).entries()) {
    const axis = axisOf(wanted, shape.length);
    if (axis === undefined) continue;
    const size = shape[axis];
    const [start, end, step] = [starts?.[position], ends?.[position], steps[position]];
    const isWhole = start === 0 && isNumber(end) && end >= 2 ** 31 - 1 && step === 1;
    if (isWhole) continue;
    const fromFront = start === 0 && step === 1 && isNumber(end) && end >= 0;
    if (isNumber(size) && isNumber(start) && isNumber(end) && isNumber(step) && step !== 0) {
      cuts.push(cutAxis(axis, size, start, end, step));
      cut[axis] = cuts.at(-1)?.count ?? null;
    } else cut[axis] = fromFront && end === 0 ? 0 : null;
  }
  return [{ dtype, shape: cut, values: values && slicedValues(values, shape, cut, cuts) }];
};

function slicedValues(
  values: readonly Dim[],
  shape: Shape,
  cut: Shape,
  cuts: readonly Cut[],
): readonly Dim[] | undefined {
  const [source, target] = [numericShape(shape), numericShape(cut)];
  if (!source || !target) return undefined;
  const strides = stridesOf(source);
  const byAxis = new Map(cuts.map((one) => [one.axis, one]));
  return pick(values, target, (index) =>
    index.reduce((flat, place, axis) => {
      const one = byAxis.get(axis);
      return flat + (one ? one.start + place * one.step : place) * (strides[axis] ?? 0);
    }, 0),
  );
}

const split: Rule = (operation) => {
  const { node } = operation;
  const { dtype, shape, values } = operation.input(0);
  const outputs = node.output.length;
  const axis = shape && axisOf(attrInt(node, 'axis', 0), shape.length);
  if (!shape || axis === undefined) return node.output.map(() => ({ dtype }));
  const size = shape[axis];
  const sizes: readonly Dim[] =
    attrInts(node, 'split') ??
    (operation.has(1) ? (operation.input(1).values ?? []) : isNumber(size) ? evenParts(size, outputs) : []);
  let from = 0;
  let isExact = shape.length === 1;
  return node.output.map((_, position): Facts => {
    const part = sizes[position] ?? null;
    isExact &&= isNumber(part);
    const result = {
      dtype,
      shape: shape.map((dim, at) => (at === axis ? part : dim)),
      values: isExact ? values?.slice(from, from + (isNumber(part) ? part : 0)) : undefined,
    };
    from += isNumber(part) ? part : 0;
    return result;
  });
};

/** Equal parts, the last one smaller when the size does not divide. */
function evenParts(size: number, parts: number): number[] {
  const each = Math.ceil(size / parts);
  return Array.from({ length: parts }, (_, position) => Math.max(0, Math.min(each, size - position * each)));
}

const gather: Rule = (operation) => {
  const { dtype, shape, values } = operation.input(0);
  const indices = operation.input(1);
  const axis = shape && axisOf(attrInt(operation.node, 'axis', 0), shape.length);
  if (!shape || !indices.shape || axis === undefined) return [{ dtype }];
  const gathered = [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)];
  const positions = numbers(indices);
  const isList = shape.length === 1 && values && positions;
  const found = isList ? positions.map((at) => values[at < 0 ? at + values.length : at] ?? null) : undefined;
  return [{ dtype, shape: gathered, values: found }];
};

const gatherND: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const { shape: indices } = operation.input(1);
  const depth = indices?.at(-1);
  if (!shape || !indices || !isNumber(depth)) return [{ dtype }];
  const batch = attrInt(operation.node, 'batch_dims', 0);
  return [{ dtype, shape: [...indices.slice(0, -1), ...shape.slice(batch + depth)] }];
};

const gatherElements: Rule = (operation) => [
  { dtype: operation.input(0).dtype, shape: operation.input(1).shape },
];

const oneHot: Rule = (operation) => {
  const { shape } = operation.input(0);
  const { dtype } = operation.input(2);
  if (!shape) return [{ dtype }];
  const depth = operation.input(1).values?.[0] ?? null;
  const axis = attrInt(operation.node, 'axis', -1);
  const at = axis < 0 ? axis + shape.length + 1 : axis;
  return [{ dtype, shape: [...shape.slice(0, at), depth, ...shape.slice(at)] }];
};

const topK: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const { node } = operation;
  const count: Dim = operation.has(1) ? (operation.input(1).values?.[0] ?? null) : attrInt(node, 'k', 0);
  const axis = shape && axisOf(attrInt(node, 'axis', -1), shape.length);
  const top = shape?.map((dim, at) => (at === axis ? count : dim));
  return [
    { dtype, shape: top },
    { dtype: DataType.INT64, shape: top },
  ];
};

const nonZero: Rule = (operation) => [
  { dtype: DataType.INT64, shape: [operation.input(0).shape?.length ?? null, null] },
];

const compress: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const axis = operation.node.attribute.some(({ name }) => name === 'axis')
    ? shape && axisOf(attrInt(operation.node, 'axis', 0), shape.length)
    : undefined;
  return [
    { dtype, shape: axis === undefined ? [null] : shape?.map((dim, at) => (at === axis ? null : dim)) },
  ];
};

export const selectionRules: Rules = {
  Concat: concat,
  'com.microsoft:QLinearConcat': concat,
  Slice: slice,
  Split: split,
  Gather: gather,
  GatherND: gatherND,
  GatherElements: gatherElements,
  OneHot: oneHot,
  TopK: topK,
  NonZero: nonZero,
  NonMaxSuppression: () => [{ dtype: DataType.INT64, shape: [null, 3] }],
  Compress: compress,
};

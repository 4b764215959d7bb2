/** Operators that slide a window: convolutions and pools. */
import { attrInt, attrInts, attrString } from '../../onnx/attributes';
import { DataType, type Node } from '../../onnx/types';
import type { Shape } from '../types';
import { type Dim, isNumber, numericShape, numbers, type Operation, type Rule, type Rules } from './facts';

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly autoPad: string;
}

/** The window of a convolution or pool. @param kernel its sizes. */
export function windowOf(node: Node, kernel: readonly number[]): Window {
  const axes = kernel.length;
  const filled = (name: string, value: number): number[] =>
    attrInts(node, name) ?? Array<number>(axes).fill(value);
  const pads = attrInts(node, 'pads') ?? Array<number>(2 * axes).fill(0);
  return {
    kernel,
    strides: filled('strides', 1),
    dilations: filled('dilations', 1),
    begins: pads.slice(0, axes),
    ends: pads.slice(axes),
    autoPad: attrString(node, 'auto_pad', 'NOTSET'),
  };
}

/** Positions of the window along one axis (ONNX operator specification of Conv and the pools). */
export function positions(size: Dim | undefined, window: Window, axis: number, ceil: boolean): Dim {
  const stride = window.strides[axis] ?? 1;
  const span = ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) + 1;
  if (!isNumber(size) || stride < 1) return null;
  if (window.autoPad.startsWith('SAME')) return Math.ceil(size / stride);
  const explicit = window.autoPad === 'NOTSET' || window.autoPad === '';
  const begin = explicit ? (window.begins[axis] ?? 0) : 0;
  const steps = (size + begin + (explicit ? (window.ends[axis] ?? 0) : 0) - span) / stride;
  let count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // A last window that would start in the padding behind the data is dropped.
  if (ceil && (count - 1) * stride >= size + begin) count--;
  return count >= 0 ? count : null;
}

function kernelOf({ node }: Operation, weight: Shape | undefined): readonly number[] | undefined {
  return attrInts(node, 'kernel_shape') ?? numericShape(weight?.slice(2));
}

function convolution(data: number, weight: number, dtype: (operation: Operation) => number): Rule {
  return (operation) => {
    const { shape } = operation.input(data);
    const { shape: filter } = operation.input(weight);
    const kernel = kernelOf(operation, filter);
    const result = { dtype: dtype(operation) };
    if (!kernel || !shape || shape.length !== kernel.length + 2) return [result];
    const window = windowOf(operation.node, kernel);
    const spatial = kernel.map((_, axis) => positions(shape[axis + 2], window, axis, false));
    return [{ ...result, shape: [shape[0] ?? null, filter?.[0] ?? null, ...spatial] }];
  };
}

const transposedConvolution: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const { shape: filter } = operation.input(1);
  const { node } = operation;
  const kernel = kernelOf(operation, filter);
  if (!kernel || !shape || shape.length !== kernel.length + 2) return [{ dtype }];
  const window = windowOf(node, kernel);
  const given = attrInts(node, 'output_shape')?.slice(-kernel.length);
  const extra = attrInts(node, 'output_padding') ?? [];
  const spatial = kernel.map((size, axis): Dim => {
    if (given) return given[axis] ?? null;
    const input = shape[axis + 2];
    const stride = window.strides[axis] ?? 1;
    if (!isNumber(input)) return null;
    if (window.autoPad.startsWith('SAME')) return input * stride;
    const explicit = window.autoPad !== 'VALID';
    const padding = explicit ? (window.begins[axis] ?? 0) + (window.ends[axis] ?? 0) : 0;
    return (
      stride * (input - 1) + (extra[axis] ?? 0) + (size - 1) * (window.dilations[axis] ?? 1) + 1 - padding
    );
  });
  const perGroup = filter?.[1];
  const channels = isNumber(perGroup) ? perGroup * attrInt(node, 'group', 1) : null;
  return [{ dtype, shape: [shape[0] ?? null, channels, ...spatial] }];
};

const pool: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const { node } = operation;
  const kernel = attrInts(node, 'kernel_shape');
  if (!kernel || !shape || shape.length !== kernel.length + 2) return [{ dtype }];
  const ceil = attrInt(node, 'ceil_mode', 0) === 1;
  const last = attrInt(node, 'channels_last', 0) === 1;
  const first = last ? 1 : 2;
  const window = windowOf(node, kernel);
  const spatial = kernel.map((_, axis) => positions(shape[axis + first], window, axis, ceil));
  const pooled = last
    ? [shape[0] ?? null, ...spatial, shape.at(-1) ?? null]
    : [shape[0] ?? null, shape[1] ?? null, ...spatial];
  return [
    { dtype, shape: pooled },
    { dtype: DataType.INT64, shape: pooled },
  ];
};

const globalPool: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const last = attrInt(operation.node, 'channels_last', 0) === 1;
  const kept = (axis: number, rank: number): boolean => axis === 0 || axis === (last ? rank - 1 : 1);
  return [{ dtype, shape: shape?.map((dim, axis) => (kept(axis, shape.length) ? dim : 1)) }];
};

const regions: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const size = attrInts(operation.node, 'pooled_shape') ?? [
    attrInt(operation.node, 'output_height', 1),
    attrInt(operation.node, 'output_width', 1),
  ];
  return [{ dtype, shape: [operation.input(1).shape?.[0] ?? null, shape?.[1] ?? null, ...size] }];
};

/** Resize and Upsample: sizes when given, else scales. */
const resize: Rule = (operation) => {
  const { node, opset } = operation;
  const { dtype, shape } = operation.input(0);
  const isUpsample = node.opType === 'Upsample';
  const scaleInput = isUpsample || opset < 11 ? 1 : 2;
  const factors =
    node.attribute.find(({ name }) => name === 'scales')?.floats ?? numbers(operation.input(scaleInput));
  const sizes: readonly Dim[] | undefined = isUpsample ? undefined : operation.input(3).values;
  if (!shape) return [{ dtype }];
  const axes = attrInts(node, 'axes') ?? shape.map((_, axis) => axis);
  const resized: Dim[] = [...shape];
  const known = sizes?.length ? sizes : factors?.length ? factors : undefined;
  // A policy other than stretch changes the sizes to keep the aspect ratio.
  const stretches = attrString(node, 'keep_aspect_ratio_policy', 'stretch') === 'stretch';
  for (const [position, axis] of axes.entries()) {
    const at = axis < 0 ? axis + shape.length : axis;
    const dim = shape[at];
    if (sizes?.length) resized[at] = stretches ? (sizes[position] ?? null) : null;
    else if (factors?.length) {
      const factor = factors[position] ?? 1;
      // The factor is single precision in the file: 7 × 1.1428571 must give 8.
      resized[at] = isNumber(dim)
        ? Math.floor(Math.fround(dim * factor))
        : factor === 1
          ? (dim ?? null)
          : null;
    } else if (!known) resized[at] = null;
  }
  return [{ dtype, shape: resized }];
};

const gridSample: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const { shape: grid } = operation.input(1);
  if (!shape || !grid) return [{ dtype }];
  return [{ dtype, shape: [shape[0] ?? null, shape[1] ?? null, ...grid.slice(1, -1)] }];
};

const sameType = (operation: Operation): number => operation.input(0).dtype;
const typeOfInput =
  (position: number) =>
  (operation: Operation): number =>
    operation.input(position).dtype;

export const windowRules: Rules = {
  Conv: convolution(0, 1, sameType),
  DeformConv: convolution(0, 1, sameType),
  ConvInteger: convolution(0, 1, () => DataType.INT32),
  QLinearConv: convolution(0, 3, typeOfInput(7)),
  'com.microsoft:FusedConv': convolution(0, 1, sameType),
  ConvTranspose: transposedConvolution,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  'com.microsoft:QLinearAveragePool': pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  'com.microsoft:QLinearGlobalAveragePool': globalPool,
  MaxRoiPool: regions,
  RoiAlign: regions,
  Resize: resize,
  Upsample: resize,
  GridSample: gridSample,
};

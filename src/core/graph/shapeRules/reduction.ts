/** Reduce*, ArgMax, ArgMin. */
import { attrInt } from '../../onnx/attributes';
import { DataType } from '../../onnx/types';
import { axisOf, type Dim, isNumber, type Operation, type Rule, type Rules } from './facts';
import { axesOf } from './layout';

type Fold = (values: readonly number[]) => number;

function reduce(fold?: Fold): Rule {
  return (operation) => {
    const { dtype, shape, values } = operation.input(0);
    const { node } = operation;
    const axes = axesOf(operation);
    const keeps = attrInt(node, 'keepdims', 1) !== 0;
    if (!shape) return [{ dtype }];
    if (axes === null) return [{ dtype, shape: keeps ? shape.map(() => null) : undefined }];
    if (!axes?.length && attrInt(node, 'noop_with_empty_axes', 0) !== 0) return [{ dtype, shape, values }];
    const reduced = new Set(axes?.length ? axes.map((axis) => axisOf(axis, shape.length)) : shape.keys());
    const remaining = shape.flatMap((dim, axis): Dim[] => (!reduced.has(axis) ? [dim] : keeps ? [1] : []));
    const folded =
      fold && shape.length === 1 && reduced.has(0) && values?.every(isNumber) ? [fold(values)] : undefined;
    return [{ dtype, shape: remaining, values: folded }];
  };
}

const argument: Rule = (operation: Operation) => {
  const { shape } = operation.input(0);
  const axis = shape && axisOf(attrInt(operation.node, 'axis', 0), shape.length);
  const keeps = attrInt(operation.node, 'keepdims', 1) !== 0;
  const remaining = shape?.flatMap((dim, at): Dim[] => (at !== axis ? [dim] : keeps ? [1] : []));
  return [{ dtype: DataType.INT64, shape: remaining }];
};

export const reductionRules: Rules = {
  ReduceL1: reduce(),
  ReduceL2: reduce(),
  ReduceLogSum: reduce(),
  ReduceLogSumExp: reduce(),
  ReduceMean: reduce(),
  ReduceSumSquare: reduce(),
  ReduceMax: reduce((values) => Math.max(...values)),
  ReduceMin: reduce((values) => Math.min(...values)),
  ReduceProd: reduce((values) => values.reduce((product, value) => product * value, 1)),
  ReduceSum: reduce((values) => values.reduce((sum, value) => sum + value, 0)),
  ArgMax: argument,
  ArgMin: argument,
};

import type { GraphIndex } from '../graph/graphIndex';
import type { Scope } from '../graph/types';
import { inlineFloats, inlineInts } from '../onnx/tensor';
import { DataType } from '../onnx/types';

/** The value of a small float32 constant with one element; undefined when the value is not such a constant. */
export function scalarConstant(index: GraphIndex, scope: Scope, value: string): number | undefined {
  const constant = index.constant(scope, value);
  if (constant?.tensor.dataType !== DataType.FLOAT || constant.overridable) return undefined;
  const elements = inlineFloats(constant.tensor);
  return elements?.length === 1 ? elements[0] : undefined;
}

/** The elements of a small integer or boolean constant; undefined when the value is not such a constant. */
export function intsConstant(index: GraphIndex, scope: Scope, value: string): number[] | undefined {
  const constant = index.constant(scope, value);
  return !constant || constant.overridable ? undefined : inlineInts(constant.tensor);
}

import { dataTypeFacts } from '../../onnx/dtype';
import { inlineFloats, inlineInts } from '../../onnx/tensor';
import type { Tensor } from '../../onnx/types';
import { maximumValues } from './facts';

/**
 * The elements of a small tensor that the reader kept in memory, as numbers: sizes, axes, scales. int64 beyond 2^53 is
 * rounded, which serves its use here (`ends` of a Slice is often 2^63 − 1). Undefined for large tensors and others.
 */
export function smallValues(tensor: Tensor): readonly number[] | undefined {
  const count = tensor.dims.reduce((product, size) => product * size, 1);
  if (count > maximumValues) return undefined;
  if (!dataTypeFacts(tensor.dataType)?.isFloat) return inlineInts(tensor);
  const values = inlineFloats(tensor);
  return values && Array.from(values);
}

import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import { readFloat32 } from '../onnx/tensor';
import { DataType, type Tensor } from '../onnx/types';
import type { ReadValues } from './rewriteContext';

/** The third input of a Conv, ConvTranspose or Gemm. */
export type Bias =
  | { readonly kind: 'none' }
  /** One constant value for each output channel, or one for all. */
  | { readonly kind: 'constant'; readonly value: string; readonly tensor: Tensor }
  /** Computed by the model, or with a value per row: it cannot be an integer bias. */
  | { readonly kind: 'other'; readonly value: string };

/** @param channels number of output channels, where it is known. */
export function biasOf(index: GraphIndex, { node, scope }: NodeRef, channels: number | undefined): Bias {
  const value = ['Conv', 'ConvTranspose', 'Gemm'].includes(node.opType) ? node.input[2] : undefined;
  if (!value) return { kind: 'none' };
  const constant = index.constant(scope, value);
  const dims = constant?.tensor.dims ?? [];
  const count = dims.reduce((total, size) => total * size, 1);
  const isPerChannel = count === 1 || (count === (channels ?? count) && dims[dims.length - 1] === count);
  if (
    !constant ||
    constant.overridable ||
    constant.tensor.dataType !== (DataType.FLOAT as number) ||
    !isPerChannel
  ) {
    return { kind: 'other', value };
  }
  return { kind: 'constant', value, tensor: constant.tensor };
}

/** A bias as one value for each of `channels`. */
export async function biasPerChannel(
  tensor: Tensor,
  channels: number,
  readValues: ReadValues = readFloat32,
): Promise<Float32Array> {
  const values = await readValues(tensor);
  return values.length === channels ? values : new Float32Array(channels).fill(values[0] ?? 0);
}

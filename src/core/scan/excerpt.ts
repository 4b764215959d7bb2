import { floatTensor } from '../onnx/build';
import { elementCount } from '../onnx/tensor';
import type { Tensor } from '../onnx/types';
import { axisLayout } from '../quant/affine';
import { floatsOf } from '../rewrite/weights/floatValues';

/**
 * Some channels of a weight, evenly spread: enough to guess at its rounding error.
 * @param axis of the channels; undefined: there are none, and the whole weight is returned.
 * @param elements about as many are kept, at least one channel.
 */
export async function channelsOf(
  tensor: Tensor,
  axis: number | undefined,
  elements: number,
): Promise<Tensor> {
  const total = elementCount(tensor);
  if (axis === undefined || total <= elements) return tensor;
  const { channels, inner } = axisLayout(tensor.dims, axis);
  const kept = Math.max(1, Math.floor((elements * channels) / total));
  const outer = total / (channels * inner);
  const values = await floatsOf(tensor);
  const part = new Float32Array(outer * kept * inner);
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < kept; k++) {
      const from = (o * channels + Math.floor((k * channels) / kept)) * inner;
      part.set(values.subarray(from, from + inner), (o * kept + k) * inner);
    }
  }
  const dims = tensor.dims.map((size, at) => (at === axis ? kept : size));
  return floatTensor(tensor.name, part, dims);
}

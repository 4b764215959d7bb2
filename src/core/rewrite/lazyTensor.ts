import { bytesOf, makeTensor } from '../onnx/build';
import { ComputedPayload } from '../onnx/payload';
import { DataType, type Tensor } from '../onnx/types';

/**
 * A float32 tensor that is computed when it is read, and again if it was collected meanwhile: a model with many of
 * them needs memory for those in use only.
 */
export function lazyFloatTensor(
  name: string,
  dims: readonly number[],
  compute: () => Promise<Float32Array>,
): Tensor {
  const byteLength = 4 * dims.reduce((count, size) => count * size, 1);
  const bytes = collectable(async () => bytesOf(await compute()));
  return makeTensor(name, DataType.FLOAT, dims, new ComputedPayload(byteLength, bytes));
}

/** `compute`, remembered as long as the garbage collector leaves the result. */
export function collectable<T extends object>(compute: () => Promise<T>): () => Promise<T> {
  let held: WeakRef<T> | undefined;
  return async () => {
    const known = held?.deref();
    if (known) return known;
    const value = await compute();
    held = new WeakRef(value);
    return value;
  };
}

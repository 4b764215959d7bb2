import { lendFloat32 } from '../../onnx/lendFloat32';
import { readFloat32 } from '../../onnx/tensor';
import type { Tensor } from '../../onnx/types';

const read = new WeakMap<Tensor, WeakRef<Float32Array>>();

/**
 * The elements of a tensor as float32, remembered as long as the garbage collector leaves them, so that many formats of one
 * weight read it once. Must not be modified.
 */
export async function floatsOf(tensor: Tensor): Promise<Float32Array> {
  const known = read.get(tensor)?.deref();
  if (known) return known;
  const values = await readFloat32(tensor);
  read.set(tensor, new WeakRef(values));
  return values;
}

/** Gives `use` the elements for as long as it runs: nothing else is to hold them. */
export async function useFloats<T>(tensor: Tensor, use: (values: Float32Array) => T): Promise<T> {
  const known = read.get(tensor)?.deref();
  return known ? use(known) : lendFloat32(tensor, use);
}

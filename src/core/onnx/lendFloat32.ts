import { Scratch } from '../scratch';
import { ExternalPayload } from './externalPayload';
import { FilePayload } from './payload';
import { checkStored } from './rawBytes';
import { readFloat32 } from './tensor';
import { DataType, type Tensor } from './types';

const memory = new Scratch();

/**
 * Gives `use` the elements as float32, in memory that the next call takes over: the values must not outlive `use`, nor be
 * modified. Going through the weights of a large model so spares most of the garbage collections that `readFloat32` causes.
 * @throws OnnxFileError as `readFloat32`, and whatever `use` throws.
 */
export async function lendFloat32<T>(tensor: Tensor, use: (values: Float32Array) => T): Promise<T> {
  const { rawData } = tensor;
  const isInFile = rawData instanceof FilePayload || rawData instanceof ExternalPayload;
  if (!isInFile || tensor.dataType !== (DataType.FLOAT as number)) return use(await readFloat32(tensor));
  checkStored(tensor);
  const { byteLength } = rawData;
  const buffer = memory.take(byteLength);
  try {
    const bytes = new Uint8Array(buffer, 0, byteLength);
    await rawData.readInto(bytes);
    return use(new Float32Array(buffer, 0, byteLength / 4));
  } finally {
    memory.give(buffer);
  }
}

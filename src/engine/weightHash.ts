import { createHash } from 'node:crypto';
import { throwIfCancelled } from '../core/errors';
import { rawBytes } from '../core/onnx/tensor';
import type { Tensor } from '../core/onnx/types';
import type { CancelSignal } from '../core/ports';

const CHUNK_BYTES = 4 * 1024 * 1024;

/** Enough to tell the weights of one model apart. */
const HEX_DIGITS = 16;

/**
 * Identifies a weight by what it holds: element type, shape and elements as raw_data has them, whichever field or file
 * they are stored in. `sha256:` and 16 hex digits.
 * @throws OnnxFileError when the elements cannot be read, CancelledError
 */
export async function weightHash(tensor: Tensor, signal?: CancelSignal): Promise<string> {
  const hash = createHash('sha256');
  hash.update(`${tensor.dataType}:${tensor.dims.join(',')}:`);
  const { rawData } = tensor;
  if (rawData) {
    for (let offset = 0; offset < rawData.byteLength; offset += CHUNK_BYTES) {
      throwIfCancelled(signal);
      hash.update(await rawData.read(offset, Math.min(CHUNK_BYTES, rawData.byteLength - offset)));
    }
  } else hash.update(await rawBytes(tensor));
  return `sha256:${hash.digest('hex').slice(0, HEX_DIGITS)}`;
}

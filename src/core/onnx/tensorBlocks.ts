/** The elements of large tensors block by block, so that none need be in memory as a whole. */
import { throwIfCancelled } from '../errors';
import type { CancelSignal } from '../ports';
import { dataTypeFacts } from './dtype';
import { ExternalPayload } from './externalPayload';
import { FilePayload, MemoryPayload, type Payload } from './payload';
import { checkStored, elementCount } from './rawBytes';
import { readFloat32 } from './tensor';
import { DataType, type Tensor } from './types';

/** Elements of a block: 4 MiB as float32. A multiple of 8, so that blocks of sub-byte types begin at whole bytes. */
export const BLOCK_ELEMENTS = 2 ** 20;

export interface BlockOptions {
  /** First element; 0 when absent. */
  readonly from?: number;
  /** Behind the last element; all when absent. */
  readonly to?: number;
  readonly signal?: CancelSignal;
}

/**
 * Visits the elements from `from` to `to` in order, as float32. Blocks must not be kept, once what
 * `visit` returns has settled, nor modified.
 * Memory: one block; for what has to be decoded or computed as a whole (integers in typed fields, computed payloads) all of it.
 * @throws OnnxFileError as `readFloat32`, CancelledError
 */
export async function forEachBlock(
  tensor: Tensor,
  visit: (values: Float32Array, start: number) => void | Promise<void>,
  { from = 0, to = elementCount(tensor), signal }: BlockOptions = {},
): Promise<void> {
  const payload = blockPayload(tensor);
  if (!payload) {
    throwIfCancelled(signal);
    await visit((await readFloat32(tensor)).subarray(from, to), from);
    return;
  }
  checkStored(tensor);
  const bits = dataTypeFacts(tensor.dataType)?.bits ?? 8;
  for (let start = from; start < to;) {
    throwIfCancelled(signal);
    // What a byte holds before `start` is read too.
    const first = start - (start % 8);
    const end = Math.min(to, first + BLOCK_ELEMENTS);
    const offset = (first * bits) / 8;
    const bytes = await payload.read(offset, Math.ceil((end * bits) / 8) - offset);
    const part: Tensor = {
      ...tensor,
      dims: [end - first],
      rawData: new MemoryPayload(bytes),
      typedData: undefined,
    };
    await visit((await readFloat32(part)).subarray(start - first), start);
    start = end;
  }
}

/** The bytes of elements that stand in a file as raw_data holds them; undefined for others. */
function blockPayload({ rawData, typedData, dataType }: Tensor): Payload | undefined {
  const isFloat = typedData?.field === 'floatData' && dataType === (DataType.FLOAT as number);
  const payload = rawData ?? (isFloat ? typedData.payload : undefined);
  const isStored =
    payload instanceof FilePayload || payload instanceof ExternalPayload || payload instanceof MemoryPayload;
  return isStored ? payload : undefined;
}

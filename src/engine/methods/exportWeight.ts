import { resolve } from 'node:path';
import { bytesOf } from '../../core/onnx/build';
import { elementCount } from '../../core/onnx/tensor';
import { forEachBlock } from '../../core/onnx/tensorBlocks';
import { AtomicFile, writeTogether } from '../files/atomicFile';
import { openModelFile } from '../files/modelFile';
import { refuseOpened } from '../files/writeModelFile';
import type { EngineHandlers } from '../messages';
import { weightOf } from './weightOf';

/** Element type of the written file: the values that are computed with, whatever they are stored as. */
const DTYPE = '<f4';

/** Writes a layer's weight as `.npy` in float32, block by block; the file appears when it is complete. */
export const exportWeight: EngineHandlers['exportWeight'] = async (request, { signal, report }) => {
  const opened = await openModelFile(request.file, { signal });
  try {
    const { layer, weight } = weightOf(opened, request);
    const { tensor } = weight;
    const output = resolve(request.output);
    await refuseOpened(output, opened.model, [opened.path]);
    const header = npyHeader(tensor.dims);
    const elements = elementCount(tensor);
    const file = new AtomicFile(output);
    await writeTogether([file], async () => {
      await file.write(header);
      const write = async (values: Float32Array, start: number): Promise<void> => {
        await file.write(bytesOf(values));
        report({
          done: start + values.length,
          total: elements,
          message: `Writing the weight of ${layer.name}`,
        });
      };
      await forEachBlock(tensor, write, { signal });
    });
    return {
      output,
      layer: layer.name,
      weight: weight.name,
      shape: [...tensor.dims],
      dtype: DTYPE,
      bytes: header.byteLength + 4 * elements,
    };
  } finally {
    await opened.close();
  }
};

/** NumPy's format, version 1.0: magic, length and a header that is padded so that the data begins at a multiple of 64. */
function npyHeader(dims: readonly number[]): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const text = `{'descr': '${DTYPE}', 'fortran_order': False, 'shape': (${shape}), }`;
  const prefix = 10;
  const padded = `${text.padEnd(Math.ceil((prefix + text.length + 1) / 64) * 64 - prefix - 1)}\n`;
  const bytes = new Uint8Array(prefix + padded.length);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, padded.length & 0xff, padded.length >> 8]);
  bytes.set(new TextEncoder().encode(padded), prefix);
  return bytes;
}

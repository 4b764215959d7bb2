import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/core/errors';
import { bytesOf, makeTensor } from '../../../src/core/onnx/build';
import { rawByteLength } from '../../../src/core/onnx/dtype';
import { MemorySource } from '../../../src/core/onnx/memory';
import { ComputedPayload, FilePayload, MemoryPayload } from '../../../src/core/onnx/payload';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import { BLOCK_ELEMENTS, forEachBlock, type BlockOptions } from '../../../src/core/onnx/tensorBlocks';
import { DataType, type Tensor } from '../../../src/core/onnx/types';
import { normalNoise, uniform } from '../../support/random';

/** What all blocks hold together, with the elements before `from` left out. */
async function collected(tensor: Tensor, options: BlockOptions = {}): Promise<number[]> {
  const found: number[] = [];
  let next = options.from ?? 0;
  await forEachBlock(
    tensor,
    (values, start) => {
      expect(start).toBe(next);
      expect(values.length).toBeLessThanOrEqual(BLOCK_ELEMENTS);
      for (const value of values) found.push(value);
      next += values.length;
    },
    options,
  );
  return found;
}

describe('forEachBlock(tensor, visit)', () => {
  it('gives the elements of every numeric type, from anywhere to anywhere', async () => {
    const random = uniform(1);
    const types = [
      DataType.FLOAT,
      DataType.FLOAT16,
      DataType.BFLOAT16,
      DataType.DOUBLE,
      DataType.INT8,
      DataType.UINT4,
      DataType.INT4,
      DataType.INT2,
      DataType.FLOAT8E4M3FN,
    ];
    for (const type of types) {
      const count = 77;
      const bytes = Uint8Array.from({ length: rawByteLength(type, count) ?? 0 }, () => random() * 256);
      const file = new FilePayload(new MemorySource(bytes), 0, bytes.byteLength);
      const tensor = makeTensor('w', type, [7, 11], file);
      const all = [...(await readFloat32(tensor))];
      expect(await collected(tensor)).toEqual(all);
      expect(await collected(tensor, { from: 13, to: 50 })).toEqual(all.slice(13, 50));
    }
  });

  it('reads large tensors in parts, also unaligned ones', async () => {
    const values = normalNoise(BLOCK_ELEMENTS + 5000, 2);
    const bytes = new Uint8Array(values.byteLength + 3);
    bytes.set(bytesOf(values), 3);
    const tensor = makeTensor(
      'w',
      DataType.FLOAT,
      [values.length],
      new FilePayload(new MemorySource(bytes), 3, values.byteLength),
    );
    const found = new Float32Array(values.length);
    let blocks = 0;
    await forEachBlock(tensor, (block, start) => {
      found.set(block, start);
      blocks++;
    });
    expect(Buffer.compare(bytesOf(found), bytesOf(values))).toBe(0);
    expect(blocks).toBe(2);
  });

  it('reads typed fields and computes what is computed once', async () => {
    const values = normalNoise(10, 3);
    const typed: Tensor = {
      ...makeTensor('w', DataType.FLOAT, [10], new Uint8Array(0)),
      rawData: undefined,
      typedData: { field: 'floatData', payload: new MemoryPayload(bytesOf(values)) },
    };
    expect(await collected(typed, { from: 4 })).toEqual([...values.subarray(4)]);
    let computed = 0;
    const payload = new ComputedPayload(40, async () => {
      computed++;
      return bytesOf(values);
    });
    expect(await collected(makeTensor('w', DataType.FLOAT, [10], payload), { to: 3 })).toEqual([
      ...values.subarray(0, 3),
    ]);
    expect(computed).toBe(1);
  });

  it('refuses data that does not fit the shape, and stops when cancelled', async () => {
    const tensor = makeTensor('w', DataType.FLOAT, [7], bytesOf(normalNoise(6, 1)));
    await expect(forEachBlock(tensor, () => undefined)).rejects.toThrow('needs 28');
    const fitting = makeTensor('w', DataType.FLOAT, [6], bytesOf(normalNoise(6, 1)));
    await expect(forEachBlock(fitting, () => undefined, { signal: { aborted: true } })).rejects.toThrow(
      CancelledError,
    );
  });
});

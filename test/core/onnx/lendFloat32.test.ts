import { describe, expect, it } from 'vitest';
import { bytesOf, floatTensor, makeTensor } from '../../../src/core/onnx/build';
import { lendFloat32 } from '../../../src/core/onnx/lendFloat32';
import { MemorySource } from '../../../src/core/onnx/memory';
import { FilePayload } from '../../../src/core/onnx/payload';
import { DataType } from '../../../src/core/onnx/types';
import { normalNoise } from '../../support/random';

/** A tensor in a file, at an offset that no float32 array may have. */
function inFile(values: Float32Array, dims: readonly number[] = [values.length]) {
  const bytes = new Uint8Array(values.byteLength + 3);
  bytes.set(bytesOf(values), 3);
  return makeTensor(
    'w',
    DataType.FLOAT,
    dims,
    new FilePayload(new MemorySource(bytes), 3, values.byteLength),
  );
}

describe('lendFloat32', () => {
  it('gives all elements, more than are read at once, and after that fewer', async () => {
    for (const length of [700_000, 5, 0]) {
      const values = normalNoise(length, length + 1);
      expect(await lendFloat32(inFile(values), (lent) => lent.slice())).toEqual(values);
    }
  });

  it('keeps apart what is lent at the same time', async () => {
    const both = [normalNoise(300_000, 1), normalNoise(300_000, 2)];
    const copies = await Promise.all(
      both.map((values) => lendFloat32(inFile(values), (lent) => lent.slice())),
    );
    expect(copies).toEqual(both);
  });

  it('reads what is not in a file too', async () => {
    const values = normalNoise(10, 3);
    expect(await lendFloat32(floatTensor('w', values), (lent) => lent.slice())).toEqual(values);
  });

  it('refuses a shape that the bytes do not fit', async () => {
    await expect(lendFloat32(inFile(normalNoise(6, 1), [7]), (lent) => lent.length)).rejects.toThrow(
      '24 bytes of data, but its shape [7] needs 28',
    );
  });

  it('can lend again after an error', async () => {
    const values = normalNoise(5000, 4);
    const fail = () => {
      throw new Error('no');
    };
    await expect(lendFloat32(inFile(values), fail)).rejects.toThrow('no');
    expect(await lendFloat32(inFile(values), (lent) => lent.slice())).toEqual(values);
  });
});

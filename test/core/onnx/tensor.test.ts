import { describe, expect, it } from 'vitest';
import { encodeFloat16, fromFloat16 } from '../../../src/core/onnx/floats';
import { MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { makeTensor } from '../../../src/core/onnx/build';
import {
  elementCount,
  inlineFloats,
  inlineInts,
  rawBytes,
  readFloat32,
  readInt64,
  readStrings,
} from '../../../src/core/onnx/tensor';
import { DataType, type Tensor } from '../../../src/core/onnx/types';
import golden from '../../golden/tensors/tensors.json';
import {
  bytesField,
  concat,
  fixed32Field,
  ids,
  modelBytes,
  tensorBytes,
  varint,
  varintField,
} from '../../support/wire';

async function tensorOf(content: Uint8Array): Promise<Tensor> {
  const model = await readModel(new MemorySource(modelBytes(bytesField(ids.graph.initializer, content))));
  const [tensor] = model.graph?.initializer ?? [];
  if (!tensor) throw new Error('no tensor');
  return tensor;
}

const integers = /^(U?INT\d+|BOOL)$/;

describe.each(Object.entries(golden.types))('%s as the reference packages read it', (name, expected) => {
  it.each(['raw', 'typed'] as const)('in %s data', async (form) => {
    const tensor = await tensorOf(Buffer.from(expected[form], 'base64'));
    expect(tensor.dataType).toBe(DataType[name as keyof typeof DataType]);
    expect(elementCount(tensor)).toBe(expected.values.length);
    const floats = expected.values.map((text) => Math.fround(Number(text)));
    expect(Array.from(await readFloat32(tensor))).toEqual(floats);
    expect(Array.from(inlineFloats(tensor) ?? [])).toEqual(floats);
    if (integers.test(name)) {
      expect(await readInt64(tensor)).toEqual(expected.values.map(BigInt));
      expect(inlineInts(tensor)).toEqual(expected.values.map(Number));
    } else {
      await expect(readInt64(tensor)).rejects.toThrow('not integers');
      expect(inlineInts(tensor)).toBeUndefined();
    }
  });

  it('has the same raw bytes in both forms', async () => {
    const [raw, typed] = await Promise.all(
      (['raw', 'typed'] as const).map(async (form) =>
        rawBytes(await tensorOf(Buffer.from(expected[form], 'base64'))),
      ),
    );
    expect(Buffer.from(typed ?? [])).toEqual(Buffer.from(raw ?? []));
  });
});

describe('encodeFloat16', () => {
  const values = golden.rounding.values.map(Number);

  it('rounds as numpy does', () => {
    expect(values.map(encodeFloat16)).toEqual(golden.rounding.float16);
  });

  it('keeps NaN', () => {
    expect(fromFloat16(Uint16Array.of(encodeFloat16(NaN)))[0]).toBeNaN();
  });

  it('gives every float16 back', () => {
    const codes = Uint16Array.from({ length: 65536 }, (_, code) => code).filter(
      (code) => (code & 0x7fff) <= 0x7c00,
    );
    expect(Uint16Array.from(fromFloat16(codes), encodeFloat16)).toEqual(codes);
  });
});

describe('typed data', () => {
  it('may be unpacked, packed, or both in turn', async () => {
    const content = tensorBytes({
      dims: [5],
      dataType: DataType.FLOAT,
      more: [
        fixed32Field(ids.tensor.floatData, 1),
        fixed32Field(ids.tensor.floatData, 2),
        bytesField(ids.tensor.floatData, new Uint8Array(Float32Array.of(3, 4).buffer)),
        fixed32Field(ids.tensor.floatData, 5),
      ],
    });
    expect(Array.from(await readFloat32(await tensorOf(content)))).toEqual([1, 2, 3, 4, 5]);
  });

  it('may be large and in parts that stay in the file', async () => {
    const part = Array.from({ length: 2000 }, (_, index) => index - 1000);
    const packed = bytesField(ids.tensor.int64Data, ...part.map(varint));
    const tensor = await tensorOf(
      tensorBytes({
        dims: [4001],
        dataType: DataType.INT64,
        more: [packed, varintField(ids.tensor.int64Data, 2n ** 63n - 1n), packed],
      }),
    );
    expect(inlineInts(tensor)).toBeUndefined();
    expect(await readInt64(tensor)).toEqual([...part, 2n ** 63n - 1n, ...part].map(BigInt));
  });

  it('is found in an unexpected field when the expected one is absent', async () => {
    const content = tensorBytes({
      dims: [1],
      dataType: DataType.INT64,
      more: [bytesField(ids.tensor.int32Data, [7])],
    });
    expect(await readInt64(await tensorOf(content))).toEqual([7n]);
  });
});

describe('tensors without elements, scalars and strings', () => {
  it('reads a scalar and an empty tensor', async () => {
    const scalar = makeTensor('s', DataType.FLOAT, [], new Uint8Array(Float32Array.of(2.5).buffer));
    expect(Array.from(await readFloat32(scalar))).toEqual([2.5]);
    const empty = await tensorOf(tensorBytes({ dims: [3, 0], dataType: DataType.FLOAT }));
    expect(await readFloat32(empty)).toHaveLength(0);
    expect(inlineInts(await tensorOf(tensorBytes({ dims: [0], dataType: DataType.INT64 })))).toEqual([]);
  });

  it('reads bytes that are not aligned in their buffer', async () => {
    const bytes = concat([0], new Uint8Array(Float32Array.of(1, -2).buffer)).subarray(1);
    expect(Array.from(await readFloat32(makeTensor('u', DataType.FLOAT, [2], bytes)))).toEqual([1, -2]);
  });

  it('reads strings, and refuses them as numbers', async () => {
    const content = tensorBytes({
      dims: [2],
      dataType: DataType.STRING,
      more: [bytesField(6, 'é'), bytesField(6, '')],
    });
    const tensor = await tensorOf(content);
    expect(readStrings(tensor)).toEqual(['é', '']);
    await expect(readFloat32(tensor)).rejects.toThrow('Tensor "w" holds strings, not numbers.');
  });
});

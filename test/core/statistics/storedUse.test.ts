import { describe, expect, it } from 'vitest';
import type { StoredUse } from '../../../src/core/inspectorResults';
import { bytesOf, floatTensor, makeTensor, type NodeSpec } from '../../../src/core/onnx/build';
import { DataType, type Model, type Tensor } from '../../../src/core/onnx/types';
import { storedUse } from '../../../src/core/statistics/storedUse';
import { modelOf, study } from '../graph/support';

async function useOf(model: Model): Promise<StoredUse | undefined> {
  const { index, shapes, layers } = study(model);
  const [layer] = layers;
  if (!layer) throw new Error('no layer');
  return storedUse(index, shapes, layer, 0);
}

/** A product with a weight that stands behind nodes. */
function productOf(initializer: readonly Tensor[], behind: readonly NodeSpec[], weight: string): Model {
  return modelOf({
    inputs: { x: [1, 4] },
    initializer,
    nodes: [...behind, { opType: 'MatMul', name: 'layer', input: ['x', weight], output: ['y'] }],
    outputs: ['y'],
  });
}

const dequantize: NodeSpec = {
  opType: 'DequantizeLinear',
  name: 'dq',
  input: ['w', 's'],
  output: ['wd'],
};
const scale = floatTensor('s', [0.5], []);

describe('storedUse(index, shapes, layer, position)', () => {
  it('counts the integers of a file', async () => {
    const codes = makeTensor('w', DataType.INT8, [4, 2], bytesOf(Int8Array.of(-128, 127, 0, 0, 0, 3, 3, -1)));
    const use = await useOf(productOf([codes, scale], [dequantize], 'wd'));
    expect(use).toMatchObject({ badge: 'int8', elements: 8, codebook: null, notes: [] });
    expect(use?.codes).toMatchObject({ possible: 256, used: 5, first: -128 });
    const byCode = new Map(use?.codes?.counts.map((count, at) => [at - 128, count]));
    expect([-128, 127, 0, 3, -1].map((code) => byCode.get(code))).toEqual([1, 1, 3, 2, 1]);
  });

  it('counts packed integers of 4 bits', async () => {
    // Low half first: -8, 7, 1, 1.
    const codes = makeTensor('w', DataType.INT4, [4, 1], Uint8Array.of(0x78, 0x11));
    const use = await useOf(productOf([codes, scale], [dequantize], 'wd'));
    expect(use?.codes).toMatchObject({ possible: 16, used: 3, first: -8 });
    expect(use?.codes?.counts).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1]);
  });

  it.each<[number[], number[] | null]>([
    [
      [-1, -0.5, 0, 0.5, 1],
      [-1, 0],
    ],
    [[-0.9, -0.5, 0, 0.5, 1], null],
  ])('tells the table that indices point into: %j', async (table, exponents) => {
    const use = await useOf(
      productOf(
        [
          makeTensor('w', DataType.UINT8, [4, 2], Uint8Array.of(0, 1, 1, 2, 2, 2, 4, 4)),
          floatTensor('t', table),
          floatTensor('s', [0.25, 2], [1, 2]),
        ],
        [
          {
            opType: 'Cast',
            name: 'cast',
            input: ['w'],
            output: ['i'],
            attributes: { to: { int: DataType.INT32 } },
          },
          { opType: 'Gather', name: 'gather', input: ['t', 'i'], output: ['g'] },
          { opType: 'Mul', name: 'mul', input: ['g', 's'], output: ['wd'] },
        ],
        'wd',
      ),
    );
    expect(use).toMatchObject({ badge: 'lut5', elements: 8 });
    expect(use?.codes).toEqual({ possible: 5, used: 4, first: 0, counts: [1, 2, 3, 0, 2] });
    expect(use?.codebook).toMatchObject({ groups: 1, scales: { count: 2, min: 0.25, max: 2 }, exponents });
    expect(use?.codebook?.tables[0]?.map((value) => Number(value.toFixed(6)))).toEqual(table);
  });

  it('leaves out what fills the last block of a packed matrix', async () => {
    // Two outputs of five inputs, in blocks of four: eight codes a row, of which three are filling.
    const rows = Uint8Array.of(0x10, 0x32, 0xf4, 0xff, 0x55, 0x55, 0xf5, 0xff);
    const use = await useOf(
      modelOf({
        inputs: { x: [1, 5] },
        initializer: [makeTensor('w', DataType.UINT8, [2, 2, 2], rows), floatTensor('s', [1, 1, 1, 1])],
        nodes: [
          {
            opType: 'MatMulNBits',
            domain: 'com.microsoft',
            name: 'layer',
            input: ['x', 'w', 's'],
            output: ['y'],
            attributes: { K: { int: 5 }, N: { int: 2 }, bits: { int: 4 }, block_size: { int: 4 } },
          },
        ],
        outputs: ['y'],
      }),
    );
    expect(use?.elements).toBe(10);
    expect(use?.codes).toEqual({
      possible: 16,
      used: 6,
      first: 0,
      counts: [1, 1, 1, 1, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    });
  });

  it('has nothing to count in numbers of half precision, and nothing to say of float32', async () => {
    const half = makeTensor('w', DataType.FLOAT16, [4, 1], bytesOf(new Uint16Array(4)));
    const cast: NodeSpec = {
      opType: 'Cast',
      name: 'cast',
      input: ['w'],
      output: ['wd'],
      attributes: { to: { int: DataType.FLOAT } },
    };
    const use = await useOf(productOf([half], [cast], 'wd'));
    expect(use).toMatchObject({ badge: 'float16', codes: null, codebook: null });
    expect(use?.notes[0]).toContain('no codes to count');
    expect(await useOf(productOf([floatTensor('w', [1, 2, 3, 4], [4, 1])], [], 'w'))).toBeUndefined();
  });
});

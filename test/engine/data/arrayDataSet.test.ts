import { describe, expect, it } from 'vitest';
import type { RuntimeTensor, RuntimeType } from '../../../src/core/ports';
import { arrayDataSet } from '../../../src/engine/data/arrayDataSet';
import type { StoredArray } from '../../../src/engine/data/arrayFile';
import type { InputSpec } from '../../../src/engine/data/dataSet';

const image: InputSpec = { name: 'image', type: 'float32', shape: ['N', 1, 2, 2] };

function floats(...dims: number[]): RuntimeTensor {
  const length = dims.reduce((product, size) => product * size, 1);
  return { type: 'float32', dims, data: Float32Array.from({ length }, (_, index) => index) };
}

function labels(type: RuntimeType, ...dims: number[]): RuntimeTensor {
  const length = dims.reduce((product, size) => product * size, 1);
  return { type, dims, data: BigInt64Array.from({ length }, (_, index) => BigInt(index)) };
}

function arrayInMemory({ type, dims, data }: RuntimeTensor): StoredArray {
  const size = dims.slice(1).reduce((product, length) => product * length, 1);
  return {
    type,
    dims,
    slices: async (start, count) => data.slice(start * size, (start + count) * size),
  };
}

const open = (arrays: Record<string, RuntimeTensor>, ...specs: InputSpec[]) =>
  arrayDataSet(
    'd.npz',
    'npz',
    new Map(Object.entries(arrays).map(([name, array]) => [name, arrayInMemory(array)])),
    specs,
  );

describe('arrayDataSet(data, kind, arrays, specs)', () => {
  it('cuts the batch axis into samples of batch 1, with class labels', async () => {
    const data = await open({ image: floats(3, 1, 2, 2), labels: labels('int64', 3) }, image);
    expect(data).toMatchObject({ length: 3, labels: 'class' });
    expect(await data.sample(2)).toEqual({
      index: 2,
      label: 2,
      feeds: { image: { type: 'float32', dims: [1, 1, 2, 2], data: Float32Array.of(8, 9, 10, 11) } },
    });
  });

  it('reads labels per pixel', async () => {
    const data = await open({ image: floats(2, 1, 2, 2), labels: labels('int64', 2, 2, 2) }, image);
    expect(data.labels).toBe('pixel');
    expect((await data.sample(1)).label).toEqual(Int32Array.of(4, 5, 6, 7));
  });

  it('gives a single unnamed array to the only input', async () => {
    expect((await open({ arr_0: floats(3, 1, 2, 2) }, image)).length).toBe(3);
  });

  it.each([
    ['float32', Float32Array.of(1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65_519, NaN, -Infinity, 2 ** -24, -0)],
    ['float64', Float64Array.of(1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65_519, NaN, -Infinity, 2 ** -24, -0)],
  ] as const)('rounds %s numbers to the nearest for a float16 input', async (type, numbers) => {
    const array: RuntimeTensor = { type, dims: [2, 1, 2, 2], data: numbers };
    const data = await open({ image: array }, { ...image, type: 'float16' });
    expect((await data.sample(0)).feeds['image']).toEqual({
      type: 'float16',
      dims: [1, 1, 2, 2],
      data: Uint16Array.of(0x3c00, 0x3c00, 0x3c02, 0x7bff),
    });
    expect((await data.sample(1)).feeds['image']?.data).toEqual(Uint16Array.of(0x7e00, 0xfc00, 1, 0x8000));
  });

  it('takes float64 and float16 numbers for a float32 input', async () => {
    const doubles = Float64Array.of(0.1, -1, Infinity, 2);
    const wide = await open({ image: { type: 'float64', dims: [1, 1, 2, 2], data: doubles } }, image);
    const fed = { type: 'float32', dims: [1, 1, 2, 2], data: Float32Array.from(doubles) };
    expect((await wide.sample(0)).feeds['image']).toEqual(fed);
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x7c00, 0);
    const narrow = await open({ image: { type: 'float16', dims: [1, 1, 2, 2], data: halves } }, image);
    expect((await narrow.sample(0)).feeds['image']?.data).toEqual(Float32Array.of(1, -2, Infinity, 0));
  });

  it.each([
    ['float32', 'float16', 65_520, '65520.0 is beyond the range of float16, which ends at ±65504'],
    ['float64', 'float16', -1e300, '-1.00000e+300 is beyond the range of float16, which ends at ±65504'],
    ['float64', 'float32', 1e39, '1.00000e+39 is beyond the range of float32, which ends at ±3.4e38'],
  ] as const)('refuses %s numbers that would be infinite as %s', async (from, to, number, problem) => {
    const numbers = [0, 0, 0, 0, 1, number, 0, 0];
    const data = from === 'float64' ? Float64Array.from(numbers) : Float32Array.from(numbers);
    const set = await open({ image: { type: from, dims: [2, 1, 2, 2], data } }, { ...image, type: to });
    expect((await set.sample(0)).feeds['image']?.type).toBe(to);
    await expect(set.sample(1)).rejects.toThrow(
      `image in d.npz, row 1, cannot be fed to input image: ${problem}. ` +
        'Scale the numbers or clip them to that range, and save them again.',
    );
  });

  it('keeps a fixed batch together', async () => {
    const data = await open({ image: floats(5, 1, 2, 2) }, { ...image, shape: [2, 1, 2, 2] });
    expect(data.length).toBe(2);
    expect((await data.sample(1)).feeds['image']?.dims).toEqual([2, 1, 2, 2]);
  });

  it('takes inputs without a batch axis from a stack of them', async () => {
    const rate: InputSpec = { name: 'rate', type: 'float32', shape: [] };
    const data = await open({ image: floats(3, 1, 2, 2), rate: floats(3) }, image, rate);
    expect((await data.sample(1)).feeds['rate']).toEqual({
      type: 'float32',
      dims: [],
      data: Float32Array.of(1),
    });
  });

  it('takes an input called labels as an input', async () => {
    const data = await open({ labels: floats(3, 2) }, { name: 'labels', type: 'float32', shape: [null, 2] });
    expect(data.labels).toBeNull();
  });

  it.each([
    [
      'a missing input',
      { picture: floats(3, 1, 2, 2) },
      /Input image wants float32 \[N, 1, 2, 2\], but d\.npz has no array.*picture \(float32 \[3, 1, 2, 2\]\)/,
    ],
    [
      'an unknown array',
      { image: floats(3, 1, 2, 2), lables: floats(3) },
      /no inputs of the model: lables\. The inputs: image/,
    ],
    [
      'another type',
      { image: { ...floats(3, 1, 2, 2), type: 'int32' as const } },
      /Input image wants float32 \[N, 1, 2, 2\], but image in d\.npz has int32 \[1, 1, 2, 2\]\. Save it as float32/,
    ],
    [
      'another size',
      { image: floats(3, 1, 2, 3) },
      /wants float32 \[N, 1, 2, 2\], but image in d\.npz has float32 \[1, 1, 2, 3\]\. Dimension 3 differs/,
    ],
    [
      'another rank',
      { image: floats(3, 4) },
      /wants float32 \[N, 1, 2, 2\], but image in d\.npz has float32 \[3, 4\]/,
    ],
    ['no samples', { image: floats(0, 1, 2, 2) }, /d\.npz has no samples/],
    ['too few labels', { image: floats(3, 1, 2, 2), labels: labels('int64', 2) }, /3 samples, but 2 labels/],
    [
      'labels that are no classes',
      { image: floats(3, 1, 2, 2), labels: floats(3) },
      /labels in d\.npz are float32/,
    ],
    [
      'labels below 0',
      {
        image: floats(2, 1, 2, 2),
        labels: { type: 'int64' as const, dims: [2], data: BigInt64Array.of(3n, -1n) },
      },
      /labels in d\.npz hold -1 at row 1; they must be the class indices, from 0\.$/,
    ],
  ])('names the mismatch: %s', async (_, arrays, message) => {
    await expect(open(arrays, image)).rejects.toThrow(message);
  });

  it('names inputs with different numbers of samples', async () => {
    const mask: InputSpec = { name: 'mask', type: 'float32', shape: ['N', 2] };
    await expect(open({ image: floats(3, 1, 2, 2), mask: floats(4, 2) }, image, mask)).rejects.toThrow(
      'd.npz has 3 samples of image, but 4 of mask.',
    );
  });

  it('names a symbolic dimension that two inputs disagree on', async () => {
    const ids: InputSpec = { name: 'ids', type: 'float32', shape: ['N', 'L'] };
    const mask: InputSpec = { name: 'mask', type: 'float32', shape: ['N', 'L'] };
    await expect(open({ ids: floats(3, 8), mask: floats(3, 7) }, ids, mask)).rejects.toThrow(
      /mask .* L is 8 at another input and 7 here/,
    );
  });
});

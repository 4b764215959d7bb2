import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InputSpec } from '../../../src/engine/data/dataSet';
import { openDataSet } from '../../../src/engine/data/openDataSet';
import { npyBytes, npzBytes } from '../support/npyBytes';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'data-test-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, content: Uint8Array | string): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
  return full;
}

const source = join(import.meta.dirname, '../../golden/resample/source.png');
function image(path: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  copyFileSync(source, join(folder, path));
}

const row: InputSpec = { name: 'x', type: 'float32', shape: ['N', 2] };
const picture: InputSpec = { name: 'image', type: 'float32', shape: [1, 3, 4, 5] };
const preprocess = { layout: 'NCHW', channels: 'RGB', resize: [4, 5], interpolation: 'nearest', scale: 1 };
const array = { descr: '<f4', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };

describe('openDataSet: arrays', () => {
  it('reads .npz and .npy', async () => {
    const npz = await openDataSet(write('a/x.npz', npzBytes({ x: array })), [row], 1);
    expect(npz).toMatchObject({ kind: 'npz', length: 2 });
    const npy = await openDataSet(write('a/x.npy', npyBytes(array)), [row], 1);
    expect(npy).toMatchObject({ kind: 'npy', length: 2 });
    expect((await npy.sample(1)).feeds['x']?.data).toEqual(Float32Array.of(3, 4));
  });

  it('names what it cannot read', async () => {
    const text = write('a/x.txt', 'hello');
    await expect(openDataSet(text, [row], 1)).rejects.toThrow(/x\.txt is not data that Roundoff reads/);
    await expect(openDataSet(join(folder, 'none'), [row], 1)).rejects.toThrow(/none does not exist/);
    const zip = write('a/broken.npz', 'no zip');
    await expect(openDataSet(zip, [row], 1)).rejects.toThrow(/broken\.npz is not a readable \.npz archive/);
  });
});

describe('openDataSet: a folder of images', () => {
  it('takes classes from subfolders in sorted order, and preprocess.json from the folder above', async () => {
    write('sub/preprocess.json', JSON.stringify(preprocess));
    image('sub/test/zebra/1.png');
    image('sub/test/ant/2.png');
    image('sub/test/ant/1.png');
    const data = await openDataSet(join(folder, 'sub/test'), [picture], 1);
    expect(data).toMatchObject({ kind: 'images', length: 3, labels: 'class' });
    expect(
      (await Promise.all([0, 1, 2].map((index) => data.sample(index)))).map(({ label }) => label),
    ).toEqual([0, 0, 1]);
    expect((await data.sample(0)).feeds['image']?.dims).toEqual([1, 3, 4, 5]);
    expect([...(data.classNames?.names ?? [])]).toEqual([
      [0, 'ant'],
      [1, 'zebra'],
    ]);
  });

  it('takes classes from labels.csv', async () => {
    write('csv/preprocess.json', JSON.stringify(preprocess));
    write('csv/labels.csv', 'file,label,name\n"b.png",7,"a, b"\na.png,2,x\n');
    image('csv/a.png');
    image('csv/b.png');
    const data = await openDataSet(join(folder, 'csv'), [picture], 1);
    expect(data.length).toBe(2);
    expect((await data.sample(0)).label).toBe(7);
    expect((await data.sample(1)).label).toBe(2);
    expect(data.classNames?.names).toEqual(
      new Map([
        [7, 'a, b'],
        [2, 'x'],
      ]),
    );
    expect(data.imageOf?.(1)).toBe(join(folder, 'csv/a.png'));
  });

  it('goes without labels when labels.csv has one that is no class index, and names the row', async () => {
    write('csv/preprocess.json', JSON.stringify(preprocess));
    write('csv/labels.csv', 'file,label\na.png,2\nb.png,cat\n');
    image('csv/a.png');
    image('csv/b.png');
    const data = await openDataSet(join(folder, 'csv'), [picture], 1);
    expect(data).toMatchObject({ length: 2, labels: null });
    expect((await data.sample(0)).label).toBeUndefined();
    const path = join(folder, 'csv/labels.csv');
    expect(data.notes?.()).toEqual([`${path}, row 3: "cat" is no class index. The labels are left out.`]);
    write('csv/labels.csv', 'file,label\na.png,2\n,cat\n');
    await expect(openDataSet(join(folder, 'csv'), [picture], 1)).rejects.toThrow(/labels\.csv, row 3/);
  });

  it('applies channel order, layout, scale, mean and std, in that order', async () => {
    image('norm/a.png');
    const how = { scale: 0.5, mean: [1, 2, 3], std: [2, 4, 8] };
    write('norm/preprocess.json', JSON.stringify({ layout: 'NHWC', channels: 'BGR', ...how }));
    const nhwc: InputSpec = { name: 'image', type: 'float32', shape: ['N', null, null, 3] };
    const { feeds } = await (await openDataSet(join(folder, 'norm'), [nhwc], 1)).sample(0);
    const tensor = feeds['image'];
    expect(tensor?.dims).toEqual([1, 29, 37, 3]);
    // The first pixel is R 255, G 0, B 0.
    expect([...(tensor?.data.slice(0, 3) ?? [])]).toEqual([(0 - 1) / 2, (0 - 2) / 4, (127.5 - 3) / 8]);
  });

  it('says what to do for a model with a fixed batch of more than one image', async () => {
    const batch: InputSpec = { ...picture, shape: [8, 3, 4, 5] };
    await expect(openDataSet(join(folder, 'sub/test'), [batch], 1)).rejects.toThrow(
      'Input image wants float32 [8, 3, 4, 5], a batch of 8, and images are fed one at a time: give the data as .npz, ' +
        'or export the model with a free first dimension.',
    );
  });

  it('says of a folder without data, and of an image that is none, what to do', async () => {
    mkdirSync(join(folder, 'nothing'), { recursive: true });
    await expect(openDataSet(join(folder, 'nothing'), [picture], 1)).rejects.toThrow(
      /nothing has neither images \(.*\) nor ONNX test data \(.*\): choose another folder\.$/,
    );
    write('torn/preprocess.json', JSON.stringify(preprocess));
    write('torn/a.png', 'no image');
    await expect(openDataSet(join(folder, 'torn'), [picture], 1)).rejects.toThrow(
      /a\.png cannot be decoded \([^\n]*[^.]\)\. Replace the image or take it out of the data\.$/,
    );
  });

  it('leaves images without classes unlabelled', async () => {
    write('flat/preprocess.json', JSON.stringify(preprocess));
    image('flat/a.png');
    expect((await openDataSet(join(folder, 'flat'), [picture], 1)).labels).toBeNull();
  });

  it.each([
    ['no preprocess.json', undefined, picture, /has no preprocess\.json.*"layout"/],
    [
      'another size',
      preprocess,
      { ...picture, shape: [1, 3, 8, 8] },
      /Input image wants float32 \[1, 3, 8, 8\], but .*a\.png after preprocess\.json has float32 \[1, 3, 4, 5\]/,
    ],
    ['no image input', preprocess, row, /not a batch of images/],
    ['an unknown key', { ...preprocess, resizing: 3 }, picture, /unknown key "resizing"/],
    [
      'a wrong value',
      { ...preprocess, channels: 'RBG' },
      picture,
      /"channels" must be one of RGB, BGR, GRAY/,
    ],
    [
      'a crop that does not fit',
      { ...preprocess, center_crop: [9, 9] },
      picture,
      /too small for center_crop 9×9/,
    ],
    ['the wrong number of means', { ...preprocess, mean: [1, 2] }, picture, /"mean" must be 3 numbers/],
  ])('names the mismatch: %s', async (title, json, spec, message) => {
    const name = `bad/${title}`;
    image(`${name}/a.png`);
    if (json) write(`${name}/preprocess.json`, JSON.stringify(json));
    await expect(openDataSet(join(folder, name), [spec], 1)).rejects.toThrow(message);
  });
});

describe('openDataSet: ONNX test data', () => {
  /** A TensorProto with raw_data, float32 unless `dataType` says otherwise. */
  function tensorProto(
    name: string,
    dims: readonly number[],
    values: readonly number[] | Uint16Array | Float64Array,
    dataType = 1,
  ): Uint8Array {
    const stored = ArrayBuffer.isView(values) ? values : Float32Array.from(values);
    const raw = new Uint8Array(stored.buffer);
    return Buffer.from([
      ...dims.flatMap((dim) => [0x08, dim]),
      ...[0x10, dataType],
      ...[0x42, name.length, ...Buffer.from(name)],
      ...[0x4a, raw.length, ...raw],
    ]);
  }

  it('reads each folder as a sample, by tensor name or by number', async () => {
    for (const [index, names] of [
      ['y', 'x'],
      ['', ''],
    ].entries()) {
      const wide = names[0] === 'y';
      write(
        `t/test_data_set_${index}/input_0.pb`,
        tensorProto(names[0] ?? '', wide ? [1, 3] : [1, 2], wide ? [7, 8, 9] : [1, 2]),
      );
      write(
        `t/test_data_set_${index}/input_1.pb`,
        tensorProto(names[1] ?? '', wide ? [1, 2] : [1, 3], wide ? [1, 2] : [7, 8, 9]),
      );
    }
    const specs: InputSpec[] = [row, { name: 'y', type: 'float32', shape: ['N', 3] }];
    const data = await openDataSet(join(folder, 't'), specs, 1);
    expect(data).toMatchObject({ kind: 'onnx-test-data', length: 2, labels: null });
    for (const index of [0, 1]) {
      const { feeds } = await data.sample(index);
      expect(feeds['x']?.data).toEqual(Float32Array.of(1, 2));
      expect(feeds['y']?.data).toEqual(Float32Array.of(7, 8, 9));
    }
  });

  it('takes one test_data_set folder itself, and names a mismatch', async () => {
    const path = join(folder, 't/test_data_set_0');
    await expect(openDataSet(path, [{ ...row, name: 'z', shape: ['N', 4] }], 1)).rejects.toThrow(
      /Input z wants float32 \[N, 4\], but .*test_data_set_0\/input_0\.pb has float32 \[1, 3\]/,
    );
  });

  it.each([
    ['float16', 10, Uint16Array.of(0x3c00, 0xc000)],
    ['float32', 1, [1, -2]],
    ['float64', 11, Float64Array.of(1, -2)],
  ] as const)('feeds %s numbers to float16 and float32 inputs', async (name, dataType, values) => {
    write(`${name}/test_data_set_0/input_0.pb`, tensorProto('x', [1, 2], values, dataType));
    const open = (type: 'float16' | 'float32') => openDataSet(join(folder, name), [{ ...row, type }], 1);
    const half = await (await open('float16')).sample(0);
    expect(half.feeds['x']).toEqual({ type: 'float16', dims: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) });
    expect((await (await open('float32')).sample(0)).feeds['x']?.data).toEqual(Float32Array.of(1, -2));
  });

  it('names the file of numbers that do not fit, and of what is no tensor', async () => {
    const path = write('far/test_data_set_0/input_0.pb', tensorProto('x', [1, 2], [1, 1e6]));
    const opened = () => openDataSet(join(folder, 'far'), [{ ...row, type: 'float16' }], 1);
    await expect(opened()).rejects.toThrow(
      `${path} cannot be fed to input x: 1.00000e+6 is beyond the range of float16, which ends at ±65504.`,
    );
    const whole = tensorProto('x', [1, 2], [1, 2]);
    for (const [bytes, problem] of [
      ['', 'is empty: write it again'],
      ['hello', 'is damaged, or is no TensorProto: write it again'],
      [whole.subarray(0, whole.length - 3), 'is damaged, or is no TensorProto: write it again'],
      [
        tensorProto('x', [1, 3], [1, 2]),
        'is damaged: Tensor "x" has 8 bytes of data, but its shape [1, 3] needs 12.',
      ],
      [tensorProto('x', [1, 2], [1, 2], 14), 'holds a tensor of type complex64, which cannot be fed.'],
    ] as const) {
      write('far/test_data_set_0/input_0.pb', bytes);
      await expect(opened()).rejects.toThrow(`${path} ${problem}`);
    }
  });
});

describe('openDataSet: random', () => {
  it('makes the same samples for the same seed, in any order', async () => {
    const ids: InputSpec = { name: 'ids', type: 'int64', shape: ['N', 4] };
    const first = await openDataSet('random', [row, ids], 5);
    const second = await openDataSet('random', [row, ids], 5);
    const later = await first.sample(3);
    await second.sample(1);
    expect(await second.sample(3)).toEqual(later);
    expect(later.feeds['x']?.dims).toEqual([1, 2]);
    expect(await (await openDataSet('random', [row, ids], 6)).sample(3)).not.toEqual(later);
    expect(first).toMatchObject({ data: 'random', kind: 'random', labels: null });
  });

  it('asks for the sizes that it cannot guess', async () => {
    await expect(openDataSet('random', [{ ...row, shape: ['N', 'length'] }], 1)).rejects.toThrow(
      /--dim length=N/,
    );
    await expect(openDataSet('random', [{ ...row, shape: ['N', null] }], 1)).rejects.toThrow(/--dim x\.1=N/);
    await expect(openDataSet('random', [{ ...row, shape: null }], 1)).rejects.toThrow(
      /shape of input x is unknown/,
    );
  });
});

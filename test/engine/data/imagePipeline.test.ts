import { describe, expect, it } from 'vitest';
import type { InputSpec } from '../../../src/engine/data/dataSet';
import { openDataSet } from '../../../src/engine/data/openDataSet';
import { readNpz } from '../../support/npz';
import { sharedModel } from '../../support/sharedModels';

const inputs = sharedModel('cifar10_resnet18/calibration.npz');
const images = sharedModel('cifar10/calibration');

describe('the whole way from JPEG to tensor', () => {
  it('gives the tensors that the model was made with, but for rounding to 8 bits after resizing', async () => {
    if (!inputs || !images) return;
    const made = readNpz(inputs)['input'];
    const size = 3 * 64 * 64;
    const spec: InputSpec = { name: 'input', type: 'float32', shape: ['batch', 3, 64, 64] };
    const data = await openDataSet(images, [spec], 1);
    expect(data).toMatchObject({ length: 500, labels: 'class' });
    // They come from the first 13 of the 50 images of each class, resized in float: one gray level at most between
    // them, which is 1 / 255 / std.
    const level = 1.001 / 255 / 0.2435;
    let largest = 0;
    for (let row = 0; row < 128; row++) {
      const tensor = (await data.sample(Math.floor(row / 13) * 50 + (row % 13))).feeds['input']
        ?.data as Float32Array;
      expect(tensor.length).toBe(size);
      tensor.forEach((value, at) => {
        largest = Math.max(largest, Math.abs(value - Number(made?.data[row * size + at])));
      });
    }
    expect(largest).toBeLessThan(level);
    expect(largest).toBeGreaterThan(0);
  });
});

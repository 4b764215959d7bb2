import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import { forEachRun } from '../../../src/core/quant/layouts';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import { encodeWeight } from '../../../src/core/rewrite/weights/encodeWeight';
import type { WeightSite } from '../../../src/core/rewrite/weights/weightSite';
import { normalNoise } from '../../support/random';

const dims = [8, 6, 3, 3];
const site: WeightSite = {
  channelAxis: 0,
  blocks: { axis: 1, flattened: true, length: 54 },
  windowAxis: 2,
  opset: 21,
};
/** Long tails, so that every format but the widest clips some. */
const tensor = floatTensor(
  'w',
  normalNoise(8 * 54, 4).map((value) => value ** 3),
  dims,
);

describe('EncodedWeight.limits()', () => {
  it.each([
    'w8,tensor,percentile:99',
    'w8,percentile:90',
    'w4,mse',
    'w4,kernel',
    'w4,block:32,signed-extreme',
    'w4,unsigned,gain',
    'u3',
    'lut4',
    'lut4,tensor',
    'lut8,group:2',
    'pow2-3',
    'pow2-3,channel,gain',
    'fp16',
  ])('bound what %s holds, and are reached by what is beyond them', async (text) => {
    const format = parseFormat(text);
    if ('mistake' in format) throw new Error(format.mistake);
    const encoded = encodeWeight(tensor, site, format);
    const [values, { layout, min, max }] = [await encoded.values(), await encoded.limits()];
    const original = normalNoise(8 * 54, 4).map((value) => value ** 3);
    let beyond = 0;
    forEachRun(layout, (start, end, slice, step) => {
      for (let i = start, at = slice; i < end; i++, at += step) {
        const [low, high] = [min[at] ?? NaN, max[at] ?? NaN];
        const value = values[i] ?? NaN;
        expect(value).toBeGreaterThanOrEqual(low);
        expect(value).toBeLessThanOrEqual(high);
        if (text.includes('gain')) continue;
        if ((original[i] ?? NaN) > high) expect([i, value]).toEqual([i, high]);
        if ((original[i] ?? NaN) < low) expect([i, value]).toEqual([i, low]);
        if (value === low || value === high) beyond++;
      }
    });
    if (text !== 'fp16' && !text.includes('gain')) expect(beyond).toBeGreaterThan(0);
  });
});

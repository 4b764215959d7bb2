import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/engine/data/decodeImage';
import { centerCrop, resample, type Image8, type Interpolation } from '../../../src/engine/data/resample';

interface Golden {
  width: number;
  height: number;
  rgb: string;
  gray: string;
  cases: { interpolation: Interpolation; width: number; height: number; data: string }[];
}

const folder = join(import.meta.dirname, '../../golden/resample');
const golden = JSON.parse(readFileSync(join(folder, 'resample.json'), 'utf8')) as Golden;
const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const source: Image8 = { width: golden.width, height: golden.height, channels: 3, data: bytes(golden.rgb) };

describe('resample(image, width, height, interpolation)', () => {
  for (const { interpolation, width, height, data } of golden.cases) {
    it(`gives Pillow's pixels: ${interpolation} to ${width}×${height}`, () => {
      const result = resample(source, width, height, interpolation);
      expect(result).toMatchObject({ width, height, channels: 3 });
      expect(result.data).toEqual(bytes(data));
    });
  }

  it('treats each channel alone: a gray image gives what its copy in three channels gives', () => {
    const gray: Image8 = { ...source, channels: 1, data: bytes(golden.gray) };
    const triple: Image8 = {
      ...source,
      data: Uint8Array.from(source.data, (_, i) => gray.data[(i / 3) | 0] ?? 0),
    };
    const one = resample(gray, 12, 17, 'bicubic').data;
    const three = resample(triple, 12, 17, 'bicubic').data;
    expect([...three].filter((_, index) => index % 3 === 1)).toEqual([...one]);
  });
});

describe('decodeImage(path, channels)', () => {
  it('decodes to the stored pixels', async () => {
    expect(await decodeImage(join(folder, 'source.png'), 3)).toEqual(source);
  });

  it("converts to gray with Pillow's luma", async () => {
    expect((await decodeImage(join(folder, 'source.png'), 1)).data).toEqual(bytes(golden.gray));
  });

  it('names a file that is no image', async () => {
    await expect(decodeImage(join(folder, 'resample.json'), 3)).rejects.toThrow(
      /resample\.json cannot be decoded/,
    );
  });
});

describe('centerCrop(image, width, height)', () => {
  it('takes the middle, rounding the left and top margins down', () => {
    const image: Image8 = {
      width: 5,
      height: 4,
      channels: 1,
      data: Uint8Array.from({ length: 20 }, (_, i) => i),
    };
    expect([...centerCrop(image, 2, 1).data]).toEqual([6, 7]);
  });
});

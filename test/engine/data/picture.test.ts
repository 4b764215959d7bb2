import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { RuntimeTensor } from '../../../src/core/ports';
import { pictureOfFeeds, pictureOfFile } from '../../../src/engine/data/picture';

/** The pixels of a picture. */
async function pixels(url: string | undefined): Promise<{ data: Buffer; channels: number }> {
  const base64 = /^data:image\/png;base64,(.+)$/.exec(url ?? '')?.[1] ?? '';
  const { data, info } = await sharp(Buffer.from(base64, 'base64'))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, channels: info.channels };
}

const tensor = (dims: number[], at: (index: number) => number): RuntimeTensor => ({
  type: 'float32',
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, index) => at(index)),
});

describe('pictures of samples', () => {
  it('stretches an image-like input from its least to its greatest value', async () => {
    const planar = await pictureOfFeeds({
      mask: tensor([1, 7], () => 0),
      x: tensor([1, 3, 4, 5], (i) => i - 30),
    });
    expect(planar).toMatchObject({ width: 5, height: 4, of: 'input' });
    const { data, channels } = await pixels(planar?.url);
    expect(channels).toBe(3);
    // Of 60 values, the first pixel has numbers 0, 20 and 40.
    expect([...data.subarray(0, 3)]).toEqual([0, 20, 40].map((i) => Math.round((i * 255) / 59)));
    const interleaved = await pictureOfFeeds({ x: tensor([1, 4, 5, 3], (i) => i) });
    expect([...(await pixels(interleaved?.url)).data.subarray(0, 6)]).toEqual(
      [0, 1, 2, 3, 4, 5].map((i) => Math.round((i * 255) / 59)),
    );
  });

  it('draws one value as black, and nothing of what is no image', async () => {
    const flat = await pictureOfFeeds({ x: tensor([1, 1, 4, 4], () => 3) });
    expect((await pixels(flat?.url)).data.every((value) => value === 0)).toBe(true);
    for (const dims of [
      [1, 10],
      [2, 3, 8, 8],
      [1, 4, 8, 8],
      [1, 1, 1, 49],
      [1, 3, 8],
    ]) {
      expect(await pictureOfFeeds({ x: tensor(dims, () => 0) })).toBeNull();
    }
  });

  it('makes files small', async () => {
    const source = join(import.meta.dirname, '../../golden/resample/source.png');
    expect(await pictureOfFile(source)).toMatchObject({ width: 37, height: 29, of: 'file' });
    const large = await pictureOfFeeds({ x: tensor([1, 3, 600, 1200], (i) => Math.sin(i * i)) });
    expect(large).toMatchObject({ width: 288, height: 144 });
    expect(large?.url.length).toBeLessThan(400_000);
  });
});

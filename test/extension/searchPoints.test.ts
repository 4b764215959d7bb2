import { describe, expect, it } from 'vitest';
import type { SearchPoint } from '../../src/core/searchResults';
import { SearchPoints } from '../../src/extension/editor/searchPoints';

function point(bytes: number, formats: readonly string[], isRun = false): SearchPoint {
  return {
    bytes,
    bops: null,
    latencyMs: null,
    floatLayers: 0,
    predicted: 0,
    verified: isRun
      ? {
          slice: 'verify',
          samples: 1,
          error: 0,
          standardError: null,
          sqnrDb: null,
          agreement: null,
          accuracy: null,
        }
      : null,
    layers: Object.fromEntries(formats.map((format, at) => [`layer${at}`, format])),
  };
}

const bytesOf = (points: SearchPoints): number[] => points.views().map(({ bytes }) => bytes);

describe('SearchPoints', () => {
  it('replaces a front by the next one, and adds plans that were run', () => {
    const points = new SearchPoints();
    points.take([point(3, ['w8']), point(2, ['w4'])]);
    points.take([point(1, ['lut4'], true)]);
    points.take([point(4, ['w4'], true)]);
    expect(bytesOf(points)).toEqual([1, 3, 4]);
    points.take([point(5, ['w8']), point(6, ['w8a8'], true)]);
    expect(bytesOf(points)).toEqual([5, 6]);
  });

  it('counts formats, the most frequent first', () => {
    const points = new SearchPoints();
    points.take([point(1, ['w4', 'w8a8', 'w8a8', 'float'])]);
    expect(points.views()[0]?.formats).toEqual([
      ['w8a8', 2],
      ['w4', 1],
      ['float', 1],
    ]);
  });

  it.each([
    [['w4', 'float', 'w8a8'], ['layer1']],
    [
      ['w4,block:32', 'w8a8', 'lut16', 'w8a16'],
      ['layer1', 'layer3'],
    ],
    [['lut16', 'lut8'], ['layer0']],
    [['fp16', 'w8'], ['layer0']],
    // All have as many bits, so none is spared.
    [['w4', 'lut16'], []],
    [
      ['float', 'float'],
      ['layer0', 'layer1'],
    ],
  ])('tells of %j what is spared', (formats, kept) => {
    const points = new SearchPoints();
    points.take([point(1, formats)]);
    expect(points.views()[0]?.keeps).toEqual(kept);
  });

  it('lists ten of the layers that stay float', () => {
    const points = new SearchPoints();
    points.take([
      point(
        1,
        Array.from({ length: 50 }, () => 'float'),
      ),
    ]);
    expect(points.views()[0]?.keeps).toHaveLength(10);
  });
});

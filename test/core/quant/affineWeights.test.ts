import { describe, expect, it } from 'vitest';
import { axisLayout } from '../../../src/core/quant/affine';
import { uniqueCount, weightError, weightFormat } from '../../../src/core/quant/weights';
import { normalNoise } from '../../support/random';

describe('uniqueCount', () => {
  it('counts like a set, with one zero', () => {
    const values = normalNoise(20_000, 3).map((value, i) =>
      i % 3 === 0 ? Math.round(value * 50) / 50 : value,
    );
    values.set([0, -0, 0]);
    expect(uniqueCount(values)).toBe(new Set(values).size);
    expect(uniqueCount(new Float32Array(0))).toBe(0);
    expect(uniqueCount(Float32Array.of(-0, 0))).toBe(1);
  });

  it('looks at its own part of a buffer', () => {
    expect(uniqueCount(Float32Array.of(1, 2, 3, 3).subarray(2))).toBe(1);
  });
});

describe('weights', () => {
  it('have the error of uniform noise in steps of their channel', () => {
    const values = normalNoise(64 * 500, 5);
    const format = weightFormat(values, axisLayout([64, 500], 0), 'int8', true);
    const { sse, sqnrDb } = weightError(values, format);
    const expected = format.params.reduce((sum, { scale }) => sum + (500 * scale ** 2) / 12, 0);
    expect(sse / expected).toBeGreaterThan(0.95);
    expect(sse / expected).toBeLessThan(1.05);
    expect(sqnrDb).toBeGreaterThan(40);
  });

  it('tell channels of zeros from others', () => {
    const format = weightFormat(Float32Array.of(0, 0, 1e-39, 0, 5, -1), axisLayout([3, 2], 0), 'int8', true);
    expect([...format.zeroSlices]).toEqual([0, 1]);
    expect(
      weightError(new Float32Array(4), weightFormat(new Float32Array(4), axisLayout([4], 0), 'int8', true)),
    ).toEqual({
      sse: 0,
      sqnrDb: null,
      uniqueBefore: 1,
      uniqueAfter: 1,
    });
  });
});

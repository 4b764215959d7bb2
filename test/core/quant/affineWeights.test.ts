import { describe, expect, it } from 'vitest';
import { axisLayout } from '../../../src/core/quant/affine';
import { weightError, weightFormat } from '../../../src/core/quant/weights';
import { normalNoise } from '../../support/random';

describe('weights', () => {
  it('have the error of uniform noise in steps of their channel', () => {
    const values = normalNoise(64 * 500, 5);
    const format = weightFormat(values, axisLayout([64, 500], 0), 'int8', { symmetric: true });
    const { sse, sqnrDb } = weightError(values, format);
    const expected = format.params.reduce((sum, { scale }) => sum + (500 * scale ** 2) / 12, 0);
    expect(sse / expected).toBeGreaterThan(0.95);
    expect(sse / expected).toBeLessThan(1.05);
    expect(sqnrDb).toBeGreaterThan(40);
  });

  it('tell channels of zeros from others', () => {
    const format = weightFormat(Float32Array.of(0, 0, 1e-39, 0, 5, -1), axisLayout([3, 2], 0), 'int8', {
      symmetric: true,
    });
    expect([...format.zeroSlices]).toEqual([0, 1]);
    expect(
      weightError(
        new Float32Array(4),
        weightFormat(new Float32Array(4), axisLayout([4], 0), 'int8', { symmetric: true }),
      ),
    ).toEqual({
      sse: 0,
      sqnrDb: null,
      uniqueBefore: 1,
      uniqueAfter: 1,
    });
  });
});

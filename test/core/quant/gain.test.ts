import { describe, expect, it } from 'vitest';
import { axisLayout } from '../../../src/core/quant/affine';
import { sliceGains } from '../../../src/core/quant/gain';
import { integerCodes, integerParams, integerValues } from '../../../src/core/quant/integerWeight';
import { blockLayout } from '../../../src/core/quant/layouts';
import { normalNoise } from '../../support/random';

describe('sliceGains', () => {
  it('is ⟨w,w⟩ / ⟨w,Q(w)⟩ of each slice, in its order', () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const back = Float32Array.of(1, 1, 2, 4);
    expect(Array.from(sliceGains(values, back, axisLayout([2, 2], 0)))).toEqual([
      Math.fround(5 / 3),
      Math.fround(25 / 22),
    ]);
    expect(Array.from(sliceGains(values, back, axisLayout([2, 2], 1)))).toEqual([
      Math.fround(10 / 7),
      Math.fround(20 / 18),
    ]);
  });

  it('is 1 where there is nothing to restore', () => {
    expect(Array.from(sliceGains(new Float32Array(2), new Float32Array(2), axisLayout([2], 0)))).toEqual([
      1, 1,
    ]);
    expect(Array.from(sliceGains(Float32Array.of(1), Float32Array.of(0), axisLayout([1], 0)))).toEqual([1]);
    expect(Array.from(sliceGains(Float32Array.of(1), Float32Array.of(-1), axisLayout([1], 0)))).toEqual([1]);
  });

  it('restores what clipping takes from each block', () => {
    const values = normalNoise(64 * 8, 9);
    const layout = blockLayout([64, 8], 0, 32);
    const params = integerParams(values, layout, 'int4', { symmetric: true, rule: 'percentile:80' });
    const codes = integerCodes(values, layout, params, 'int4');
    const gains = sliceGains(values, integerValues(codes, layout, params), layout);
    expect(gains.every((gain) => gain > 1)).toBe(true);
    const restored = { ...params, scales: params.scales.map((scale, slice) => scale * (gains[slice] ?? 1)) };
    const after = sliceGains(values, integerValues(codes, layout, restored), layout);
    after.forEach((gain) => expect(gain).toBeCloseTo(1, 5));
  });
});

import { describe, expect, it } from 'vitest';
import {
  axisLayout,
  computeQuantParams,
  roundHalfEven,
  roundToFloat16,
} from '../../../src/core/quant/affine';

const f32 = Math.fround;
const asymmetric = { symmetric: false };
const symmetric = { symmetric: true };
const reduced = { symmetric: true, reduceRange: true };

describe('computeQuantParams', () => {
  // Golden values of ONNX Runtime's tool for the range (-1, 3).
  it.each([
    ['int8', asymmetric, 0.015686275, -64],
    ['int8', symmetric, 0.023622047, 0],
    ['int8', reduced, 0.046875, 0],
    ['uint8', asymmetric, 0.015686275, 64],
    ['uint8', symmetric, 0.023529412, 128],
    ['uint8', { symmetric: false, reduceRange: true }, 0.031496063, 32],
    ['int16', asymmetric, 6.1036088e-5, -16384],
    ['int16', symmetric, 9.1555528e-5, 0],
    ['uint16', symmetric, f32(6 / 65535), 32768],
    ['uint4', asymmetric, 0.26666668, 4],
    ['uint4', symmetric, f32(6 / 15), 8],
    ['int4', symmetric, 0.4, 0],
  ] as const)('%s %o', (type, options, scale, zeroPoint) => {
    expect(computeQuantParams({ min: -1, max: 3 }, type, options)).toEqual({ scale: f32(scale), zeroPoint });
  });

  it('widens the range to contain zero', () => {
    const range = { min: 0.5, max: 3 };
    expect(computeQuantParams(range, 'int8', asymmetric)).toEqual({
      scale: f32(0.011764706),
      zeroPoint: -128,
    });
    expect(computeQuantParams(range, 'uint8', asymmetric)).toEqual({ scale: f32(0.011764706), zeroPoint: 0 });
  });

  it('keeps a minimum width by moving the upper end', () => {
    const params = computeQuantParams({ min: -1e-6, max: 0 }, 'uint8', {
      symmetric: false,
      minimumRealRange: 1e-4,
    });
    expect(params).toEqual({ scale: f32(3.9215686e-7), zeroPoint: 3 });
  });

  it('takes a range of zero for scale 1', () => {
    expect(computeQuantParams({ min: 0, max: 0 }, 'uint8', symmetric)).toEqual({ scale: 1, zeroPoint: 0 });
    expect(computeQuantParams({ min: -1e-38, max: 0 }, 'int8', symmetric)).toEqual({
      scale: 1,
      zeroPoint: 0,
    });
  });

  it('keeps small float16 ranges', () => {
    const params = computeQuantParams({ min: -1e-3, max: 1e-3 }, 'int8', {
      symmetric: true,
      scaleType: 'float16',
    });
    expect(params.scale).toBeCloseTo(2e-3 / 254, 7);
    expect(params.scale).toBe(roundToFloat16(params.scale));
    expect(() =>
      computeQuantParams({ min: 0, max: 1e-7 }, 'int8', { symmetric: true, scaleType: 'float16' }),
    ).toThrow(/outside float16/);
  });

  it('refuses ranges that are not finite', () => {
    expect(() => computeQuantParams({ min: NaN, max: 1 }, 'int8', symmetric)).toThrow(/NaN or infinity/);
    expect(() => computeQuantParams({ min: 0, max: Infinity }, 'int8', symmetric)).toThrow(/NaN or infinity/);
  });

  it('survives a range wider than float32', () => {
    const { scale } = computeQuantParams({ min: -3e38, max: 3e38 }, 'int8', symmetric);
    expect(scale).toBeCloseTo(6e38 / 254, -33);
  });
});

describe('rounding', () => {
  it('rounds half to even and never gives -0', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997].map(roundHalfEven)).toEqual([0, 2, 2, 0, -2, -2, 0]);
    expect(Object.is(roundHalfEven(-0.5), 0)).toBe(true);
  });

  it('rounds to float16', () => {
    expect([1, 0.1, 65504, 65519, 65520, 2 ** -24, 2 ** -25, -0.3].map(roundToFloat16)).toEqual([
      1,
      0.0999755859375,
      65504,
      65504,
      Infinity,
      2 ** -24,
      0,
      -0.300048828125,
    ]);
  });
});

describe('axisLayout', () => {
  it('counts a negative axis from the end', () => {
    expect(axisLayout([2, 3, 4], -2)).toEqual({ outer: 2, channels: 3, inner: 4 });
    expect(() => axisLayout([2], 1)).toThrow(RangeError);
  });
});

import { describe, expect, it } from 'vitest';
import { cosine, ErrorAccumulator, nmse, sqnrDb } from '../../../src/core/quant/metrics';
import { normalNoise } from '../../support/random';

describe('sqnrDb(reference, actual)', () => {
  it('is 20·log10(‖x‖ / ‖x − y‖)', () => {
    // ‖x‖ = 5, ‖x − y‖ = 0.5 → ratio 10 → 20 dB.
    expect(sqnrDb([3, 4], [3, 4.5])).toBeCloseTo(20, 12);
    expect(sqnrDb([3, 4], [0, 0])).toBeCloseTo(0, 12);
    expect(sqnrDb([1], [3])).toBeCloseTo(-6.0206, 4);
  });

  it('is null when identical, finite when the reference is zero', () => {
    expect(sqnrDb([1, 2], [1, 2])).toBeNull();
    expect(sqnrDb([], [])).toBeNull();
    expect(sqnrDb([0, 0], [0, 0])).toBeNull();
    expect(sqnrDb([0, 0], [1, 0])).toBeCloseTo(20 * Math.log10(2.2e-16), 6);
  });

  it('is a ratio, however small the numbers are', () => {
    for (const scale of [1e-20, 1.4e-45, 1e-150]) {
      expect(sqnrDb([3 * scale, 4 * scale], [3 * scale, 4.5 * scale])).toBeCloseTo(20, 9);
      expect(sqnrDb([scale, scale], [0, 0])).toBe(0);
      expect(nmse([scale, scale], [0, 0])).toBe(1);
    }
  });

  it('is never above 0 dB where the reference is zero', () => {
    expect(sqnrDb([0, 0], [1e-20, 0])).toBe(0);
    expect(nmse([0, 0], [1e-20, 0])).toBe(1);
  });
});

describe('nmse(reference, actual)', () => {
  it('is Σ(x − y)² / Σx²', () => {
    expect(nmse([3, 4], [3, 4.5])).toBeCloseTo(0.01, 12);
    expect(nmse([3, 4], [3, 4])).toBe(0);
    expect(nmse([0], [0])).toBe(0);
  });
});

describe('cosine(reference, actual)', () => {
  it('is the normalized dot product', () => {
    expect(cosine([1, 0], [1, 1])).toBeCloseTo(Math.SQRT1_2, 12);
    expect(cosine([1, 2], [-1, -2])).toBeCloseTo(-1, 12);
    expect(cosine([1, 2], [1, 2])).toBe(1);
    expect(cosine([0, 0], [1, 1])).toBeNull();
  });
});

describe('ErrorAccumulator', () => {
  it('gives over parts what it gives over the whole', () => {
    const x = normalNoise(1_000, 1);
    const y = x.map((v, i) => v + (i % 7) * 0.01);
    const parts = new ErrorAccumulator();
    for (let i = 0; i < 1_000; i += 250) parts.add(x.subarray(i, i + 250), y.subarray(i, i + 250));
    expect(parts.sqnrDb).toBeCloseTo(sqnrDb(x, y) ?? NaN, 10);
    expect(parts.nmse).toBeCloseTo(nmse(x, y), 12);
    expect(parts.cosine).toBeCloseTo(cosine(x, y) ?? NaN, 12);
    expect(parts.maxAbs).toBeCloseTo(0.06, 6);
    expect(parts.elements).toBe(1_000);
  });

  it('leaves out what is not finite on both sides and refuses it on one', () => {
    const errors = new ErrorAccumulator('scores');
    errors.add([1, -Infinity, NaN], [1, -Infinity, NaN]);
    expect(errors.sqnrDb).toBeNull();
    expect(() => errors.add([1, 2], [1, NaN])).toThrow(/"scores" is NaN at element 1/);
    expect(() => errors.add([Infinity], [-Infinity])).toThrow(/"scores" is -Infinity/);
  });

  it('refuses different lengths', () => {
    expect(() => new ErrorAccumulator('scores').add([1], [1, 2])).toThrow(/"scores" has 2 elements/);
  });
});

import { describe, expect, it } from 'vitest';
import { axisLayout } from '../../../src/core/quant/affine';
import {
  codebookIndices,
  fitCodebook,
  lookUp,
  packNibbles,
  type CodebookOptions,
  type WeightCodebook,
} from '../../../src/core/quant/codebook';
import { kmeans } from '../../../src/core/quant/kmeans';
import { exponentsOf, largestExponent, powersOfTwoCodebook } from '../../../src/core/quant/powersOfTwo';
import { codebookKind, type CodebookKind, parseScheme } from '../../../src/core/quant/scheme';
import { differenceFrom, type WeightError } from '../../../src/core/quant/weights';
import { normalNoise } from '../../support/random';

const whole = (values: Float32Array) => ({ outer: 1, channels: 1, inner: values.length });

function kindOf(scheme: string): CodebookKind {
  const kind = codebookKind(scheme);
  if (!kind) throw new Error(`no codebook: ${scheme}`);
  return kind;
}

function quantized(values: readonly number[], scheme: string): number[] {
  const weight = Float32Array.from(values);
  const fitted = fitCodebook(weight, whole(weight), kindOf(scheme));
  return Array.from(lookUp(codebookIndices(weight, fitted), fitted));
}

function codebookError(values: Float32Array, fitted: WeightCodebook): WeightError {
  return differenceFrom(values, lookUp(codebookIndices(values, fitted), fitted));
}

describe('parseScheme(text)', () => {
  it.each(['w8a8', 'w8', 'float', 'u1', 'u8', 'lut2', 'lut16', 'lut256', 'pow2-2', 'pow2-5', 'pow2-15'])(
    'knows %s',
    (text) => {
      expect(parseScheme(text)).toBe(text);
    },
  );

  it.each(['auto', 'u0', 'u9', 'u04', 'u', 'lut1', 'lut257', 'lut1e2', 'pow2-1', 'pow2-6', 'LUT16', ' u4'])(
    'refuses %s',
    (text) => {
      expect(parseScheme(text)).toBeUndefined();
    },
  );
});

describe('uniform codebooks', () => {
  it('run from the least to the greatest value in equal steps', () => {
    expect(quantized([-1, 0.4, 2, 0.6], 'u2')).toEqual([-1, 0, 2, 1]);
    expect(quantized([-1, 0.4, 2, 0.6], 'u1')).toEqual([-1, -1, 2, 2]);
  });

  it('keep a tensor of one value', () => {
    expect(quantized([3, 3, 3], 'u4')).toEqual([3, 3, 3]);
  });

  it('refuse a value that is not finite', () => {
    expect(() => quantized([1, NaN], 'u4')).toThrow(/NaN cannot be quantized/);
  });
});

describe('powers of two', () => {
  it.each([
    // s = 1: 4/3, so 2^0; s = 1.5 is nearer to 2; just below is not.
    [1, 0],
    [1.5, 1],
    [1.4999999, 0],
    [0.75, 0],
    [0.7499999, -1],
    [6e-39, -127],
  ])('the greatest exponent for %f is %i', (largest, exponent) => {
    expect(largestExponent(largest)).toBe(exponent);
  });

  it.each([
    ['pow2-2', [-1, 0, 1]],
    ['pow2-3', [-1, -0.5, 0, 0.5, 1]],
    ['pow2-4', [-1, -0.5, -0.25, -0.125, 0, 0.125, 0.25, 0.5, 1]],
    [
      'pow2-5',
      [
        ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => -(2 ** -n)),
        0,
        ...[7, 6, 5, 4, 3, 2, 1, 0].map((n) => 2 ** -n),
      ],
    ],
    [
      'pow2-15',
      [...[0, 1, 2, 3, 4, 5, 6].map((n) => -(2 ** -n)), 0, ...[6, 5, 4, 3, 2, 1, 0].map((n) => 2 ** -n)],
    ],
  ])('%s holds the powers up to that of the greatest weight', (scheme, expected) => {
    const weight = Float32Array.of(-1.2, 0.3);
    const fitted = fitCodebook(weight, whole(weight), kindOf(scheme));
    expect(Array.from(fitted.codebooks[0]?.values ?? [])).toEqual(expected);
  });

  it('go away from zero halfway between two magnitudes, on both sides', () => {
    // pow2-3 of s = 1: 0.5 and 1, so 0.25 and 0.75 are halfway.
    expect(quantized([1, 0.25, 0.249, 0.75, 0.749], 'pow2-3')).toEqual([1, 0.5, 0, 1, 0.5]);
    expect(quantized([-1, -0.25, -0.249, -0.75, -0.749], 'pow2-3')).toEqual([-1, -0.5, 0, -1, -0.5]);
  });

  it('keep zeros, and stop where float32 does', () => {
    expect(quantized([0, 0], 'pow2-5')).toEqual([0, 0]);
    const { values } = powersOfTwoCodebook(2 ** -148, 8);
    expect(Array.from(values)).toEqual([-(2 ** -148), -(2 ** -149), 0, 2 ** -149, 2 ** -148]);
  });
});

describe('fitCodebook(values, layout, kind)', () => {
  // reference/quantization-methods: plain weight SQNR of a normal distribution.
  it.each([
    ['lut8', 14.6],
    ['lut16', 20.2],
    ['lut32', 26],
    ['pow2-15', 14.2],
    ['pow2-5', 14.2],
  ])('%s of normal weights has %f dB', (scheme, expected) => {
    const weight = normalNoise(100_000, 3);
    const { sqnrDb } = codebookError(weight, fitCodebook(weight, whole(weight), kindOf(scheme)));
    expect(Math.abs((sqnrDb ?? 0) - expected)).toBeLessThan(0.2);
  });

  it('scales channels of different size, and only those', () => {
    const weight = normalNoise(8 * 500, 6);
    const layout = axisLayout([8, 500], 0);
    const even = fitCodebook(weight, layout, kindOf('lut16'));
    const spread = weight.map((value, i) => value * 2 ** Math.floor(i / 500));
    const fitted = fitCodebook(spread, layout, kindOf('lut16'));
    expect(fitted.scales).toHaveLength(8);
    expect(Math.max(...(fitted.codebooks[0]?.values ?? []))).toBeLessThanOrEqual(1);
    const error = (values: Float32Array, own = layout) =>
      codebookError(values, fitCodebook(values, own, kindOf('lut16'))).sqnrDb ?? 0;
    expect(error(spread)).toBeGreaterThan(error(spread, whole(spread)) + 1);
    expect(even.scales === undefined || error(weight) > error(weight, whole(weight))).toBe(true);
  });

  it('scales along an inner axis', () => {
    const weight = Float32Array.of(1, 100, -0.5, 50, 0.25, -25);
    const fitted = fitCodebook(weight, axisLayout([3, 2], 1), kindOf('lut5'));
    expect(Array.from(fitted.scales ?? [])).toEqual([1, 100]);
    expect(codebookError(weight, fitted)).toMatchObject({ sse: 0, sqnrDb: null });
  });

  it('takes a channel of zeros', () => {
    const weight = Float32Array.of(0, 0, 0, 3, 2, 1);
    const fitted = fitCodebook(weight, axisLayout([2, 3], 0), kindOf('lut2'));
    expect(codebookError(weight, fitted).sse).toBeLessThan(10);
    expect(lookUp(codebookIndices(weight, fitted), fitted).every(Number.isFinite)).toBe(true);
  });
});

describe('scales of k-means', () => {
  it('are never worse than greatest magnitudes, and far better where single weights stand out', () => {
    const layout = axisLayout([8, 500], 0);
    for (const outlier of [0, 12]) {
      const weight = normalNoise(8 * 500, 11).map((value, i) =>
        i % 1000 === 7 && outlier ? outlier : value * 2 ** Math.floor(i / 1000),
      );
      const largest = Float32Array.from({ length: 8 }, (_, channel) =>
        weight
          .subarray(channel * 500, (channel + 1) * 500)
          .reduce((most, w) => Math.max(most, Math.abs(w)), 0),
      );
      const divided = weight.map((value, i) => value / (largest[Math.floor(i / 500)] ?? 1));
      const counted = weight.map((_, i) => (largest[Math.floor(i / 500)] ?? 1) ** 2);
      const table = kmeans(divided, 8, counted);
      const before = weight.reduce((sum, value, i) => {
        const scale = largest[Math.floor(i / 500)] ?? 1;
        const errors = Array.from(table, (entry) => (value - entry * scale) ** 2);
        return sum + Math.min(...errors);
      }, 0);
      const { sse } = codebookError(weight, fitCodebook(weight, layout, kindOf('lut8'), { scaled: true }));
      expect(sse).toBeLessThanOrEqual(before * (1 + 1e-6));
      if (outlier) expect(sse).toBeLessThan(before * 0.97);
    }
  });
});

describe('fitCodebook with options', () => {
  const weight = normalNoise(12 * 100, 7).map((value, i) => value * 2 ** (Math.floor(i / 100) / 2));
  const layout = axisLayout([12, 100], 0);
  const sqnr = (values: Float32Array, own: typeof layout, scheme: string, options?: CodebookOptions) =>
    codebookError(values, fitCodebook(values, own, kindOf(scheme), options)).sqnrDb ?? Infinity;

  it('groups: each is what its channels alone give', () => {
    const fitted = fitCodebook(weight, layout, kindOf('lut8'), { group: 5, scaled: false });
    expect(fitted.codebooks).toHaveLength(3);
    const back = lookUp(codebookIndices(weight, fitted), fitted);
    for (const [first, end] of [
      [0, 5],
      [5, 10],
      [10, 12],
    ] as const) {
      const own = weight.slice(first * 100, end * 100);
      const alone = fitCodebook(own, whole(own), kindOf('lut8'));
      expect(back.slice(first * 100, end * 100)).toEqual(lookUp(codebookIndices(own, alone), alone));
    }
  });

  it('groups along an inner axis hold the same values', () => {
    const turned = Float32Array.from(weight, (_, i) => weight[(i % 12) * 100 + Math.floor(i / 12)] ?? 0);
    const straight = fitCodebook(weight, layout, kindOf('lut8'), { group: 4 });
    const inner = fitCodebook(turned, axisLayout([100, 12], 1), kindOf('lut8'), { group: 4 });
    expect(inner.codebooks).toEqual(straight.codebooks);
    expect(sqnr(turned, axisLayout([100, 12], 1), 'lut8', { group: 4 })).toBeCloseTo(
      sqnr(weight, layout, 'lut8', { group: 4 }),
      9,
    );
  });

  it('smaller groups are nearer to the weight, and scales help groups of different channels', () => {
    const errors = [1, 2, 6, 12].map((group) => sqnr(weight, layout, 'lut8', { group, scaled: false }));
    expect(errors).toEqual(errors.toSorted((a, b) => b - a));
    expect(new Set(errors).size).toBe(4);
    const scaled = sqnr(weight, layout, 'lut8', { group: 6, scaled: true });
    expect(scaled).toBeGreaterThan(sqnr(weight, layout, 'lut8', { group: 6, scaled: false }));
  });

  it('importance lowers the error that it weighs', () => {
    const importance = Float32Array.from(weight, (_, i) => (i % 100 < 20 ? 1 : 0.001));
    const weighted = (options: CodebookOptions) => {
      const fitted = fitCodebook(weight, layout, kindOf('lut8'), options);
      const back = lookUp(codebookIndices(weight, fitted), fitted);
      return weight.reduce((sum, w, i) => sum + (importance[i] ?? 0) * (w - (back[i] ?? 0)) ** 2, 0);
    };
    for (const options of [{ scaled: false }, { scaled: true }, { group: 4 }]) {
      expect(weighted({ ...options, importance })).toBeLessThan(weighted(options) * 0.99);
    }
  });

  it('scales powers of two per channel', () => {
    const plain = sqnr(weight, layout, 'pow2-15');
    // Reference: 14.6 dB with a scale per channel, 13.6 with one grid.
    expect(sqnr(weight, layout, 'pow2-15', { scaled: true })).toBeGreaterThan(plain + 0.2);
    const fitted = fitCodebook(weight, layout, kindOf('pow2-5'), { scaled: true });
    const [table] = fitted.codebooks;
    expect(table && exponentsOf(table)).toEqual([-7, -6, -5, -4, -3, -2, -1, 0]);
    fitted.scales?.forEach((scale, channel) => {
      const own = weight.slice(channel * 100, (channel + 1) * 100).map(Math.abs);
      const magnitude = own.reduce((most, w) => Math.max(most, w), 0);
      expect(scale / magnitude).toBeGreaterThan(0.66);
      expect(scale / magnitude).toBeLessThan(1.34);
    });
  });

  it.each(['lut8', 'pow2-5', 'pow2-15'])(
    '%s: gain restores the channels, and keeps the indices',
    (scheme) => {
      const plain = fitCodebook(weight, layout, kindOf(scheme));
      const fitted = fitCodebook(weight, layout, kindOf(scheme), { gain: true });
      expect(codebookIndices(weight, fitted)).toEqual(codebookIndices(weight, plain));
      const back = lookUp(codebookIndices(weight, fitted), fitted);
      for (let channel = 0; channel < 12; channel++) {
        let own = 0;
        let common = 0;
        for (let i = channel * 100; i < (channel + 1) * 100; i++) {
          own += (weight[i] ?? 0) ** 2;
          common += (weight[i] ?? 0) * (back[i] ?? 0);
        }
        expect(common / own).toBeCloseTo(1, 5);
      }
    },
  );
});

describe('exponentsOf(codebook)', () => {
  it('lists n2 to n1, and nothing for zero alone', () => {
    expect(exponentsOf(powersOfTwoCodebook(1.2, 4))).toEqual([-3, -2, -1, 0]);
    expect(exponentsOf(powersOfTwoCodebook(2 ** -148, 8))).toEqual([-149, -148]);
    expect(exponentsOf(powersOfTwoCodebook(0, 4))).toEqual([]);
  });
});

describe('packNibbles(indices)', () => {
  it('puts the first of two in the low half', () => {
    expect(Array.from(packNibbles(Uint8Array.of(1, 2, 15)))).toEqual([0x21, 0x0f]);
  });
});

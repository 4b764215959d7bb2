import { describe, expect, it } from 'vitest';
import type { WeightStatistics } from '../../src/core/inspectorResults';
import {
  codebookFacts,
  formatFacts,
  storedUseFacts,
  schemeBits,
  weightFacts,
} from '../../webview/inspector/weightText';

const statistics: WeightStatistics = {
  layer: 'conv1',
  weight: 'w',
  shape: [2, 3],
  dtype: 'float',
  values: 'stored',
  elements: 6,
  method: 'exact',
  stride: 1,
  nonFinite: 0,
  min: -1,
  max: 2,
  mean: 0.25,
  standardDeviation: 0.5,
  sparsity: 0.5,
  kurtosis: 2.5,
  histogram: { edges: [-1, 2], counts: [6] },
  channels: null,
  steps: null,
};

const lines = (facts: readonly { name: string; value: string; note?: string }[]): string[] =>
  facts.map(({ name, value, note }) => `${name}: ${value}${note === undefined ? '' : ` (${note})`}`);

describe('what is said of a weight', () => {
  it('are its figures, labelled exact', () => {
    expect(lines(weightFacts(statistics))).toEqual([
      'Shape: 2×3 float',
      'Values: 6 (exact)',
      'Minimum: -1',
      'Maximum: 2',
      'Mean: 0.25',
      'Std. deviation: 0.5',
      'Sparsity: 50.0 % (exact zeros)',
      'Kurtosis: 2.5 (normal distribution: 3)',
    ]);
  });

  it('says what is sampled, dequantized or missing', () => {
    const odd = weightFacts({
      ...statistics,
      values: 'dequantized',
      dtype: 'int8',
      method: 'sampled',
      stride: 17,
      nonFinite: 6,
      min: null,
      kurtosis: null,
    });
    expect(lines(odd)).toEqual(
      expect.arrayContaining([
        'Shape: 2×3 int8 (figures are of what the codes stand for)',
        'Values: 6 (histogram and percentiles sampled: 1 in 17; all else exact)',
        'Minimum: none',
        'Kurtosis: none (normal distribution: 3)',
        'Not finite: 6 (NaN or infinite, left out)',
      ]),
    );
  });

  it('says what a format makes of it', () => {
    const use = {
      scheme: 'lut16',
      bits: 4,
      method: 'excerpt' as const,
      elements: 4096,
      sqnrDb: 22.4,
      uniqueBefore: 2304,
      uniqueAfter: 251,
      codes: null,
      codebook: null,
      channelErrors: null,
      differences: { histogram: { edges: [0, 1], counts: [1] }, beyond: 0, greatest: 0 },
      notes: [],
    };
    expect(lines(formatFacts({ ...use, method: 'exact' }, true))[0]).toBe(
      'Scheme: lut16 (exact; normalization folded in)',
    );
    expect(lines(formatFacts(use, false))).toEqual([
      'Scheme: lut16 (sampled: whole channels, 4,096 values)',
      'Unique values: 2,304 → 251',
      'Weight SQNR: 22.4 dB (without data)',
    ]);
  });

  it('says what a quantized file holds', () => {
    const codes = { possible: 16, used: 9, first: 0, counts: [] };
    expect(
      lines(storedUseFacts({ badge: 'lut16', elements: 2304, codes, codebook: null, notes: [] })),
    ).toEqual(['Stored as: lut16', 'Values: 2,304 (all counted)']);
  });

  it('says what its codebook is made of', () => {
    const scales = { count: 16, min: 0.1, max: 0.2 };
    expect(lines(codebookFacts({ tables: [[-1, 0, 1]], groups: 1, scales, exponents: [-2, -1, 0] }))).toEqual(
      [
        'Values: 3',
        'Scales: 0.1 … 0.2 (16; drawn with the greatest)',
        'Exponents: -2 … 0 (zero and ± powers of two)',
      ],
    );
    expect(lines(codebookFacts({ tables: [[0, 1]], groups: 20, scales: null, exponents: null }))).toEqual([
      'Values: 2 (in each of 20 groups of channels; the first 1 are shown)',
    ]);
  });

  it('takes step sizes at the bits of the scheme', () => {
    const bits = ['float', 'fp16', 'w8a8', 'w4,block:32', 'lut16', 'lut17', 'pow2-15', 'u1', 'u6', '?'];
    expect(bits.map(schemeBits)).toEqual([8, 8, 8, 4, 4, 5, 4, 2, 6, 8]);
  });
});

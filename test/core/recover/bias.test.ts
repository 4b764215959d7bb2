import { describe, expect, it } from 'vitest';
import { packedView } from '../../../src/core/calibrate/weightMatrix';
import { analyticBiasDelta, biasDelta, rectifiedNormalMean } from '../../../src/core/recover/bias';
import { normalNoise } from '../../support/random';

describe('biasDelta', () => {
  it('gives the output the mean of the float output', () => {
    const view = packedView(2, 1, 2);
    const weights = Float32Array.of(1, 2, 3, 4);
    const rounded = Float32Array.of(1, 1, 3, 5);
    const means = { floatMean: Float64Array.of(1, 1, 2, 2), mean: Float64Array.of(1, 2, 2, 2) };
    const map = { channels: 2, columnsPerChannel: 1, share: 1 };
    expect([...biasDelta(weights, rounded, view, means, map)]).toEqual([0, -2]);
  });

  it('adds up the taps of a transposed filter that land on a pixel', () => {
    // [I = 1, O = 2, k = 2]: as MatrixView has it, 4 columns of depth 1; stride 1: both taps land on every pixel.
    const view = { groups: 1, columns: 4, depth: 1, groupStep: 4, columnStep: 1, depthStep: 4 };
    const means = { floatMean: Float64Array.of(2), mean: Float64Array.of(2) };
    const delta = (share: number) => [
      ...biasDelta(Float32Array.of(1, 2, 3, 4), new Float32Array(4), view, means, {
        channels: 2,
        columnsPerChannel: 2,
        share,
      }),
    ];
    expect(delta(1)).toEqual([6, 14]);
    expect(delta(1 / 2)).toEqual([3, 7]);
  });
});

describe('rectifiedNormalMean', () => {
  it('is the mean of rectified normal numbers', () => {
    const noise = normalNoise(200_000, 3);
    for (const [mean, deviation] of [
      [0, 1],
      [-1.5, 0.7],
      [0.4, -2],
      [5, 0.5],
    ] as const) {
      const measured =
        noise.reduce((sum, x) => sum + Math.max(0, mean + Math.abs(deviation) * x), 0) / noise.length;
      expect(rectifiedNormalMean(mean, deviation)).toBeCloseTo(measured, 2);
    }
    expect(rectifiedNormalMean(0, 1)).toBeCloseTo(1 / Math.sqrt(2 * Math.PI), 14);
    expect(rectifiedNormalMean(-1, 1)).toBeCloseTo(0.08331547058768626, 14);
    expect(rectifiedNormalMean(-100, 1)).toBe(0);
    expect(rectifiedNormalMean(-1, 0)).toBe(0);
    expect(rectifiedNormalMean(2, 0)).toBe(2);
  });
});

describe('analyticBiasDelta', () => {
  it('gives all taps of a channel its mean', () => {
    const view = packedView(2, 1, 4);
    const weights = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const map = { channels: 2, columnsPerChannel: 1, share: 1 };
    // Two channels a group, two taps a channel.
    const delta = analyticBiasDelta(weights, new Float32Array(8), view, [1, 10, 100, 1000], map);
    expect([...delta]).toEqual([73, 16_100]);
  });
});

import { describe, expect, it } from 'vitest';
import { classLayout } from '../../../src/core/quant/classes';
import { klOfLogits, klOfProbabilities } from '../../../src/core/quant/divergence';
import { normalNoise } from '../../support/random';

const two = classLayout([1, 2], 1);

describe('klOfLogits(reference, actual, layout)', () => {
  it('is Σ p·ln(p/q) of the softmaxes', () => {
    // softmax(ln 3, 0) = (3/4, 1/4); softmax(0, 0) = (1/2, 1/2).
    const expected = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(klOfLogits([Math.log(3), 0], [0, 0], two)).toBeCloseTo(expected, 12);
  });

  it('is 0 for equal scores, also shifted by a constant, and stable for huge ones', () => {
    expect(klOfLogits([1, 2], [1, 2], two)).toBe(0);
    expect(klOfLogits([1, 2], [101, 102], two)).toBeCloseTo(0, 12);
    expect(klOfLogits([1e4, 0], [0, 1e4], two)).toBeCloseTo(1e4, 6);
  });

  it('is the mean over positions, along the class axis of a map', () => {
    const map = classLayout([1, 2, 1, 2], 1);
    const expected = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(klOfLogits([Math.log(3), 5, 0, 5], [0, 5, 0, 5], map)).toBeCloseTo(expected / 2, 12);
  });

  it('takes -Infinity for a masked class', () => {
    expect(klOfLogits([1, -Infinity], [1, -Infinity], two)).toBeCloseTo(0, 12);
    expect(klOfLogits([0, 0], [0, -Infinity], two)).toBeGreaterThan(10);
  });
});

describe('klOfProbabilities(reference, actual, layout)', () => {
  it('takes the scores as they are, without another softmax', () => {
    const expected = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(klOfProbabilities([0.75, 0.25], [0.5, 0.5], two)).toBeCloseTo(expected, 9);
  });

  it('stays finite and not negative for zeros and for sums that rounding moved', () => {
    expect(klOfProbabilities([1, 0], [0, 1], two)).toBeCloseTo(Math.log(1e12), 3);
    expect(klOfProbabilities([0.5, 0.5], [0.502, 0.502], two)).toBeGreaterThanOrEqual(0);
    expect(klOfProbabilities([0.5, 0.5], [0.5, 0.5], two)).toBe(0);
  });

  it('compares independent probabilities one by one', () => {
    const expected = 0.9 * Math.log(0.9 / 0.6) + 0.1 * Math.log(0.1 / 0.4);
    expect(klOfProbabilities([0.9, 0.9], [0.6, 0.9], two)).toBeCloseTo(expected, 9);
    expect(klOfProbabilities([0.9], [0.6], classLayout([1, 1], 1))).toBeCloseTo(expected, 9);
  });

  it('agrees with the logits of the same distribution', () => {
    const layout = classLayout([4, 10], 1);
    const a = normalNoise(40, 1);
    const b = a.map((x, i) => x + 0.1 * Math.sin(i));
    const softmax = (x: Float32Array): Float64Array => {
      const e = Float64Array.from(x, Math.exp);
      return e.map((v, i) => v / e.subarray(i - (i % 10), i - (i % 10) + 10).reduce((s, w) => s + w, 0));
    };
    expect(klOfProbabilities(softmax(a), softmax(b), layout)).toBeCloseTo(klOfLogits(a, b, layout), 9);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StreamingHistogram } from '../../../src/core/quant/histogram';
import { rangeFromHistogram, type LocalRangeRule } from '../../../src/core/quant/ranges';

type Pair = [low: number, high: number];

interface Golden {
  ranges: Record<
    string,
    {
      percentile: [symmetric: boolean, percent: number, ...Pair][];
      entropy: Pair;
      samples: Record<'x' | 'y', { max: Pair; average: Pair }>;
    }
  >;
}

const golden = JSON.parse(readFileSync(new URL('ranges.json', import.meta.url), 'utf8')) as Golden;

const COUNT = 10_000;
const asymmetric = { type: 'uint8', symmetric: false } as const;

/** The formulas of make_ranges.py: element i, and the quantile u that it stands for. */
const inputs: Readonly<Record<string, (i: number, u: number) => number>> = {
  'growing-sine': (i) => (Math.sin(i) * i) / 100,
  laplace: (_, u) => (u < 0.5 ? Math.log(2 * u) : -Math.log(2 * (1 - u))),
  'long-tailed': (_, u) => (2 * u - 1) / Math.sqrt(2 * u * (1 - u)),
  rectified: (_, u) => Math.max(0, -Math.log(1 - u) - Math.log(2)) ** 1.5,
  'mostly-positive': (_, u) => (u < 0.2 ? -0.1 * u : (-Math.log(1 - u)) ** 3),
};

function inputOf(name: string): Float32Array {
  const formula = inputs[name];
  if (!formula) throw new Error(`no formula for ${name}`);
  return Float32Array.from({ length: COUNT }, (_, i) => formula(i, (((i * 3571) % COUNT) + 0.5) / COUNT));
}

function histogramOf(...samples: Float32Array[]): StreamingHistogram {
  const histogram = new StreamingHistogram('x');
  for (const sample of samples) histogram.add(sample);
  return histogram;
}

/** Mean distance between values and what 8 asymmetric bits make of them in [low, high]. */
function meanError(values: Float32Array, { min, max }: { min: number; max: number }): number {
  const low = Math.min(0, min);
  const scale = (Math.max(0, max) - low) / 255;
  const zero = Math.round(-low / scale);
  const quantized = (x: number) => (Math.min(255, Math.max(0, Math.round(x / scale) + zero)) - zero) * scale;
  return values.reduce((sum, x) => sum + Math.abs(x - quantized(x)), 0) / values.length;
}

describe.each(Object.entries(golden.ranges))('ranges of %s beside the tool', (name, expected) => {
  const values = inputOf(name);
  const histogram = histogramOf(values);

  it('max is equal, and average too, over samples of different size', () => {
    const parts = [values.slice(0, COUNT / 2), values.slice(COUNT / 2, 0.75 * COUNT), values.slice(0.75 * COUNT)];
    for (const [value, samples] of [
      ['x', parts],
      ['y', parts.map((part) => part.map((x) => Math.max(0, x)))],
    ] as const) {
      const seen = histogramOf(...samples);
      const { max, average } = expected.samples[value];
      expect(Object.values(rangeFromHistogram(seen, 'max', asymmetric))).toEqual(max);
      const ours = rangeFromHistogram(seen, 'average', asymmetric);
      expect(Math.abs(ours.min - average[0])).toBeLessThanOrEqual(1e-6 * Math.abs(average[0]));
      expect(Math.abs(ours.max - average[1])).toBeLessThanOrEqual(1e-6 * Math.abs(average[1]));
    }
  });

  it('percentiles are within one of its 2,048 bins', () => {
    const reach = Math.max(-histogram.min, histogram.max);
    for (const [symmetric, percent, low, high] of expected.percentile) {
      const rule: LocalRangeRule = `percentile:${percent}`;
      const ours = rangeFromHistogram(histogram, rule, { type: symmetric ? 'int8' : 'uint8', symmetric });
      const bin = (symmetric ? reach : 2 * reach) / 2048 + histogram.binWidth;
      expect(Math.abs(ours.min - low), rule).toBeLessThanOrEqual(bin);
      expect(Math.abs(ours.max - high), rule).toBeLessThanOrEqual(bin);
    }
  });

  it('entropy is near its Entropy with 2,048 bins', () => {
    const [low, high] = expected.entropy;
    const ours = rangeFromHistogram(histogram, 'entropy', asymmetric);
    if (name === 'rectified') {
      // The tool counts the zeros, and clips so far that it makes four times the error.
      expect(ours.max).toBeGreaterThan(1.5 * high);
      expect(meanError(values, ours)).toBeLessThan(0.5 * meanError(values, { min: low, max: high }));
      return;
    }
    const near = name === 'growing-sine' ? 1.005 : 1.5;
    expect(ours.max / high).toBeGreaterThan(1 / near);
    expect(ours.max / high).toBeLessThan(near);
    if (name === 'mostly-positive') expect(ours.min).toBe(histogram.min);
    else expect(Math.abs(ours.min)).toBeCloseTo(ours.max, 0);
  });
});

it.each(['entropy', 'aciq', 'percentile:99.9'] as const)(
  '%s makes less error than the extremes on a long tail',
  (rule) => {
    const values = inputOf('long-tailed');
    const histogram = histogramOf(values);
    const ours = meanError(values, rangeFromHistogram(histogram, rule, asymmetric));
    expect(ours).toBeLessThan(0.5 * meanError(values, histogram));
  },
);

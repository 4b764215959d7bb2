import { describe, expect, it } from 'vitest';
import type { Feeds } from '../../../src/core/ports';
import { compareSample, type SampleFigures } from '../../../src/core/scan/sampleFigures';
import { metricOf, summarize } from '../../../src/core/scan/summary';
import { uniform } from '../../support/random';
import { floats } from '../../support/slices';

const outputs = [
  { name: 'p', kind: 'probabilities', classAxis: 1 },
  { name: 'v', kind: 'values' },
] as const;
const reference = { p: floats([0.75, 0.25], [1, 2]), v: floats([3, 4], [2]) };
const moved = { p: floats([0.5, 0.5], [1, 2]), v: floats([3, 4.5], [2]) };

const figures = (trial: typeof reference, label?: number): SampleFigures => ({
  ...compareSample(outputs, reference, trial, label),
  local: null,
});

describe('summarize(samples, metric)', () => {
  it('adds KL over class outputs (mean over samples) and NMSE over the others', () => {
    expect(metricOf(outputs)).toBe('kl');
    const kl = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    const summary = summarize([figures(moved), figures(reference)], 'kl');
    expect(summary.sensitivity).toBeCloseTo(kl / 2 + 0.25 / 50, 6);
    expect(summary).toMatchObject({ trials: 2, accuracy: null, localSqnrDb: null });
  });

  it('has no standard error for one sample, and none of equal samples', () => {
    expect(summarize([figures(moved)], 'kl').standardError).toBeNull();
    expect(summarize([figures(moved), figures(moved)], 'kl').standardError).toBeCloseTo(0, 12);
  });

  it('counts top classes against the float model and labels', () => {
    const flipped = { ...reference, p: floats([0.4, 0.6], [1, 2]) };
    const samples = [figures(flipped, 0), figures(flipped, 1), figures(reference, 0), figures(reference, 0)];
    expect(summarize(samples, 'kl')).toMatchObject({ agreement: 0.5, accuracy: 0.75 });
    // Float has 3 of 4 right as well: one lost, one won.
    expect(summarize(samples, 'accuracy').sensitivity).toBeCloseTo(0, 12);
    expect(() => summarize([figures(moved)], 'accuracy')).toThrow(/labels/);
  });

  it('holds noise against the signal, however small that is', () => {
    const values = [{ name: 'v', kind: 'values' }] as const;
    const [float, lost] = [1e-20, 0].map((value) => ({ v: floats([value, value], [2]) }));
    if (!float || !lost) throw new Error('no tensors');
    const sample = { ...compareSample(values, float, lost), local: null };
    expect(summarize([sample], 'nmse').sensitivity).toBeCloseTo(1, 12);
  });

  describe.each(['kl', 'nmse', 'sqnr'] as const)('with an output that is always 0, as %s', (metric) => {
    const dead = [
      { name: 'v', kind: 'values' },
      { name: 'z', kind: 'values' },
    ] as const;
    const float = { v: floats([3, 4], [2]), z: floats([0, 0], [2]) };
    const summaryOf = (...trials: (typeof float)[]) =>
      summarize(
        trials.map((trial) => {
          const compared = compareSample(dead, float, trial);
          return { ...compared, local: compared.errors[1] ?? null };
        }),
        metric,
      );

    it('is finite where the output gets noise, and greater for more', () => {
      const [little, more] = [1e-3, 1e-2].map((noise) =>
        summaryOf({ ...float, z: floats([0, noise], [2]) }, float, float),
      );
      const { standardError, sqnrDb, localSqnrDb } = little ?? {};
      for (const figure of [little?.sensitivity, standardError, sqnrDb, localSqnrDb]) {
        expect(Number.isFinite(figure)).toBe(true);
      }
      expect(more?.sensitivity).toBeGreaterThan(little?.sensitivity ?? Infinity);
    });

    it('says of other outputs what it says without it', () => {
      const { sensitivity, standardError } = summaryOf({ ...float, v: floats([3, 4.5], [2]) }, float);
      const nmse = 0.25 / 50;
      expect(sensitivity).toBeCloseTo(metric === 'sqnr' ? 10 * Math.log10(nmse / 2) : nmse, 9);
      expect(standardError).toBeCloseTo(metric === 'sqnr' ? 10 / Math.LN10 : nmse, 9);
    });

    it('is no change where nothing changes', () => {
      const none = {
        sensitivity: metric === 'sqnr' ? -200 : 0,
        standardError: 0,
        sqnrDb: null,
        localSqnrDb: null,
      };
      expect(summaryOf(float, float)).toMatchObject(none);
    });
  });

  it.each(['kl', 'nmse', 'sqnr'] as const)('says how far %s of other samples would be off', (metric) => {
    // Standard deviation over many draws, against the mean of what each draw says of itself.
    const random = uniform(3);
    const draws = Array.from({ length: 400 }, () =>
      summarize(
        Array.from({ length: 24 }, () => {
          const scale = 1 + random() * 4;
          const sample = {
            p: floats([0.75, 0.25], [1, 2]),
            v: floats([scale * (random() - 0.5), scale], [2]),
          };
          const p = 0.6 + 0.2 * random();
          const v = [...(sample.v.data as Float32Array)].map(
            (value) => value + scale * 0.1 * (random() - 0.5),
          );
          const trial = { p: floats([p, 1 - p], [1, 2]), v: floats(v, [2]) };
          return { ...compareSample(outputs, sample, trial), local: null };
        }),
        metric,
      ),
    );
    const mean = (all: readonly number[]) => all.reduce((sum, each) => sum + each, 0) / all.length;
    const middle = mean(draws.map(({ sensitivity }) => sensitivity));
    const spread = Math.sqrt(mean(draws.map(({ sensitivity }) => (sensitivity - middle) ** 2)));
    const said = mean(draws.map(({ standardError }) => standardError ?? NaN));
    expect(said / spread).toBeGreaterThan(0.85);
    expect(said / spread).toBeLessThan(1.15);
  });
});

describe('compareSample(outputs, reference, trial)', () => {
  it('refuses an output that is not finite or missing', () => {
    const broken = { ...reference, v: floats([NaN, 2], [2]) };
    expect(() => compareSample(outputs, reference, broken)).toThrow(/"v" is NaN/);
    expect(() => compareSample(outputs, reference, {})).toThrow(/no output "p"/);
    const huge = { v: { type: 'float64', dims: [1], data: Float64Array.of(1e200) } } as const;
    const [, values] = outputs;
    expect(() => compareSample([values], huge, huge)).toThrow(/"v" is so large/);
  });

  it('refuses to call a model the same that gives nothing but texts', () => {
    const texts: Feeds = { v: { type: 'string', dims: [1], data: ['cat'] } };
    expect(() => compareSample(outputs.slice(1), texts, texts)).toThrow(/No output of the model/);
  });

  it('takes whole numbers as numbers, but only where there are no others', () => {
    const whole = (...values: bigint[]) =>
      ({ type: 'int64', dims: [values.length], data: BigInt64Array.from(values) }) as const;
    const index = { name: 'i', kind: 'values' } as const;
    const [float, trial] = [{ i: whole(3n, 4n) }, { i: whole(3n, 5n) }];
    expect(compareSample([index], float, trial)).toMatchObject({ errors: [[1, 25]], values: [0] });
    const both = compareSample([index, ...outputs], { ...reference, ...float }, { ...reference, ...trial });
    expect(both.errors).toHaveLength(2);
    expect(both.errors.map(([noise]) => noise)).toEqual([0, 0]);
  });
});

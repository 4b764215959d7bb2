import { describe, expect, it } from 'vitest';
import type { Calibration } from '../../../src/core/calibrate/calibrate';
import {
  AUTO_RULES,
  chooseRanges,
  rangesByRule,
  type TargetOf,
} from '../../../src/core/calibrate/chooseRanges';
import { CancelledError, RoundoffError } from '../../../src/core/errors';
import { makeGraph, makeModel } from '../../../src/core/onnx/build';
import type { Model } from '../../../src/core/onnx/types';
import type { Runtime } from '../../../src/core/ports';
import { StreamingHistogram } from '../../../src/core/quant/histogram';
import type { Range } from '../../../src/core/quant/scheme';
import { normalNoise } from '../../support/random';
import { floats } from '../../support/slices';

const uint8: TargetOf = () => ({
  narrow: { type: 'uint8', symmetric: false },
  wide: { type: 'uint16', symmetric: false },
});

function histogramOf(values: Float32Array): ReadonlyMap<string, StreamingHistogram> {
  const histogram = new StreamingHistogram('t');
  histogram.add(values);
  return new Map([['t', histogram]]);
}

const fitValues = normalNoise(50_000, 1);
const allValues = new Float32Array([...fitValues, ...normalNoise(20_000, 2), 9]);
const calibration: Calibration = {
  samples: 4,
  fit: histogramOf(fitValues),
  all: histogramOf(allValues),
  heldOut: [{ feeds: {}, outputs: { y: floats([1, 1], [2]) } }],
};

/** Trials whose model's output is off by what `noise` says for the rule that the ranges come from. */
function judgedBy(noise: Readonly<Record<string, number>>): {
  runtime: Runtime;
  makeTrial: (ranges: ReadonlyMap<string, Range>) => Promise<Model>;
  seen: string[];
} {
  const seen: string[] = [];
  return {
    seen,
    async makeTrial(ranges) {
      const rule = AUTO_RULES.find(
        (each) => rangesByRule(calibration.fit, each, uint8).get('t')?.max === ranges.get('t')?.max,
      );
      seen.push(rule ?? 'unknown');
      return makeModel(makeGraph({ name: rule }));
    },
    runtime: {
      version: 'fake',
      openModel: async (model, { optimization }) => ({
        inputNames: [],
        outputNames: ['y'],
        async run() {
          expect(optimization).toBe('simulate');
          const error = noise[model.graph?.name ?? ''] ?? NaN;
          return { y: floats([1 + error, 1], [2]) };
        },
        release: async () => undefined,
      }),
    },
  };
}

describe('chooseRanges(runtime, rule, calibration, target, makeTrial)', () => {
  it('takes a named rule over all samples without running anything', async () => {
    const { runtime, makeTrial, seen } = judgedBy({});
    const chosen = await chooseRanges(runtime, 'max', calibration, uint8, makeTrial);
    expect(chosen.ranges.get('t')).toEqual({ min: Math.min(...allValues), max: 9 });
    expect([chosen.rule, chosen.tried.length, seen.length]).toEqual(['max', 0, 0]);
  });

  it('takes the rule of the tensor, symmetry, and a range of its own for 16 bits', async () => {
    const { runtime, makeTrial } = judgedBy({});
    const target = { type: 'uint8', symmetric: true } as const;
    const own: TargetOf = () => ({ ...uint8('t'), rule: 'percentile:90' });
    const symmetric: TargetOf = () => ({ narrow: target, wide: { ...target, type: 'uint16' } });
    const rangeBy = async (rule: 'max' | 'mse', targetOf: TargetOf) =>
      (await chooseRanges(runtime, rule, calibration, targetOf, makeTrial)).ranges.get('t');
    const clipped = await rangeBy('max', own);
    expect(clipped?.max).toBeLessThan(2.2);
    expect(clipped?.wide).toBeUndefined();
    const even = await rangeBy('mse', symmetric);
    expect(even?.min).toBe(-(even?.max ?? 0));
    // Finer codes clip less.
    expect(even?.wide?.max).toBeGreaterThan(1.2 * (even?.max ?? Infinity));
  });

  it('auto takes the extremes for 16 bits, whatever it chooses for 8', async () => {
    const { runtime, makeTrial } = judgedBy({ 'percentile:99.999': 0.1, mse: 0.01, max: 0.2 });
    const chosen = await chooseRanges(runtime, 'auto', calibration, uint8, makeTrial);
    expect(chosen.rule).toBe('mse');
    expect(chosen.ranges.get('t')?.max).toBeLessThan(8.5);
    expect(chosen.ranges.get('t')?.wide?.max).toBe(9);
  });

  it('auto tries every rule on the held-out samples and keeps the best, over all samples', async () => {
    const { runtime, makeTrial, seen } = judgedBy({ 'percentile:99.999': 0.05, mse: 0.1, max: 0.02 });
    const chosen = await chooseRanges(runtime, 'auto', calibration, uint8, makeTrial);
    expect(seen).toEqual([...AUTO_RULES]);
    expect(chosen.rule).toBe('max');
    expect(chosen.ranges.get('t')?.max).toBe(9);
    expect(chosen.tried.map(({ sqnrDb }) => Math.round(sqnrDb ?? NaN))).toEqual([29, 23, 37]);
    expect(chosen.notes.join()).toMatch(
      /max, of percentile:99.999 29.0 dB, mse 23.0 dB, max 37.0 dB .* on 1 held-out of 4 calibration samples/,
    );
  });

  it('auto keeps percentile:99.999 unless another is clearly better', async () => {
    const { runtime, makeTrial } = judgedBy({ 'percentile:99.999': 0.1, mse: 0.092, max: 0.2 });
    expect((await chooseRanges(runtime, 'auto', calibration, uint8, makeTrial)).rule).toBe(
      'percentile:99.999',
    );
  });

  it('auto passes over a rule that breaks the model', async () => {
    const { runtime, makeTrial } = judgedBy({ 'percentile:99.999': NaN, mse: 0.2, max: 0.1 });
    const chosen = await chooseRanges(runtime, 'auto', calibration, uint8, makeTrial);
    expect(chosen.rule).toBe('max');
    expect(chosen.notes.join()).toContain('percentile:99.999 failed');
  });

  it('auto fails with a reason when every rule does, and lets cancel through', async () => {
    const { runtime, makeTrial } = judgedBy({});
    await expect(chooseRanges(runtime, 'auto', calibration, uint8, makeTrial)).rejects.toThrow(
      /No range rule gives a model that works.*"y" is NaN/,
    );
    await expect(chooseRanges(runtime, 'auto', calibration, uint8, makeTrial)).rejects.toThrow(RoundoffError);
    await expect(
      chooseRanges(runtime, 'auto', calibration, uint8, makeTrial, { signal: { aborted: true } }),
    ).rejects.toThrow(CancelledError);
  });
});

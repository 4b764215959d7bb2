import { describe, expect, it } from 'vitest';
import { columnEnergy, importanceOf } from '../../../src/core/calibrate/columnEnergy';
import {
  candidatesFor,
  chooseWeight,
  leavesOpen,
  type WeightCandidate,
} from '../../../src/core/calibrate/chooseWeight';
import { LayerJudge } from '../../../src/core/calibrate/layerJudge';
import { LayerErrors } from '../../../src/core/calibrate/layerError';
import { collectLayerRows, type LayerRows } from '../../../src/core/calibrate/layerRows';
import { CancelledError } from '../../../src/core/errors';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Model } from '../../../src/core/onnx/types';
import type { Sample } from '../../../src/core/ports';
import { axisLayout } from '../../../src/core/quant/affine';
import { integerCodes, integerParams, integerValues } from '../../../src/core/quant/integerWeight';
import { parseFormat, type LayerFormat } from '../../../src/core/quant/layerFormat';
import { normalNoise, uniform } from '../../support/random';
import { run } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { floats, sliceOf } from '../../support/slices';
import { model, node } from '../rewrite/models';

const dims = [6, 4, 3, 3];
const input = [1, 4, 6, 6];

function subjectWith(weight: Float32Array): Model {
  return model([node('Conv', 'layer', ['x', 'w'], ['y'])], [floatTensor('w', weight, dims)], input);
}

/** Channels of the input differ in size, so that columns do in energy. */
function samplesOf(count: number): Sample[] {
  return Array.from({ length: count }, (_, index) => {
    const data = normalNoise(144, 100 + index).map((value, i) => value * 3 ** Math.floor(i / 36) + 0.2);
    return { index, feeds: { x: floats(data, input) } };
  });
}

async function rowsOf(subject: Model, samples: readonly Sample[]): Promise<LayerRows> {
  const index = indexGraph(subject);
  const layers = findLayers(index, inferShapes(index));
  const rows = (await collectLayerRows(runtime, subject, layers, sliceOf('calibrate', samples))).get('layer');
  if (!rows) throw new Error('no rows');
  return rows;
}

function format(text: string): LayerFormat {
  const parsed = parseFormat(text);
  if ('mistake' in parsed) throw new Error(parsed.mistake);
  return parsed;
}

/** int4 per channel, by the functions of core/quant. */
function int4(weight: Float32Array, { rule, gain }: WeightCandidate): Float32Array {
  const layout = axisLayout(dims, 0);
  const params = integerParams(weight, layout, 'int4', { symmetric: true, rule });
  const values = integerValues(integerCodes(weight, layout, params, 'int4'), layout, params);
  if (!gain) return values;
  const size = weight.length / layout.channels;
  return values.map((value, i) => {
    const start = Math.floor(i / size) * size;
    let [own, cross] = [0, 0];
    for (let at = start; at < start + size; at++) {
      own += (weight[at] ?? 0) ** 2;
      cross += (weight[at] ?? 0) * (values[at] ?? 0);
    }
    return cross > 0 ? (value * own) / cross : value;
  });
}

describe('candidatesFor(format)', () => {
  const words = (text: string) =>
    candidatesFor(format(text)).map(({ rule, gain }) => `${rule}${gain ? '+gain' : ''}`);

  it.each([
    ['w4', ['max', 'max+gain', 'narrow', 'narrow+gain', 'signed', 'signed+gain', 'mse', 'mse+gain']],
    ['w4,auto,no-gain', ['max', 'narrow', 'signed', 'mse']],
    ['w4,asymmetric', ['max', 'max+gain', 'mse', 'mse+gain']],
    ['w4,mse', ['mse', 'mse+gain']],
    ['w4,mse,gain', ['mse+gain']],
    ['pow2-15', ['max', 'max+gain']],
    ['lut16', ['max+gain', 'max']],
    ['w8', ['max']],
    ['w8,mse', ['mse']],
    ['u4', ['max']],
    ['fp16', ['max']],
  ])('%s', (text, expected) => {
    expect(words(text)).toEqual(expected);
  });

  it('tells what data decides', () => {
    const open = ['w4', 'w4,mse', 'lut16', 'lut16,gain', 'pow2-15'];
    const closed = ['w4,max,no-gain', 'w8', 'w8a8', 'fp16', 'float', 'u4', 'pow2-5,gain'];
    expect(open.filter((text) => !leavesOpen(format(text)))).toEqual([]);
    expect(closed.filter((text) => leavesOpen(format(text)))).toEqual([]);
  });
});

describe('chooseWeight', () => {
  it.each(['w4', 'w4,no-gain', 'w4,narrow', 'w4,gain'])(
    'takes what running the layer with every candidate finds best (%s)',
    async (text) => {
      const samples = samplesOf(6);
      const winners = new Set<string>();
      for (let seed = 1; seed <= 6; seed++) {
        // Heavy tails, and in some a single outlier, so that not one rule wins always.
        const random = uniform(seed);
        const weight = normalNoise(216, seed).map(
          (value) => value * (seed % 2 ? Math.abs(value) : 1) * (0.5 + random()),
        );
        const subject = subjectWith(weight);
        const rows = await rowsOf(subject, samples);
        const errors = await LayerErrors.open(runtime);
        const judge = await LayerJudge.of(errors, rows, weight);
        const chosen = await chooseWeight(judge, format(text), (candidate) =>
          Promise.resolve(int4(weight, candidate)),
        );
        await errors.release();

        let best: WeightCandidate | undefined;
        let least = Infinity;
        for (const candidate of candidatesFor(format(text))) {
          const noise = await noiseOf(subject, subjectWith(int4(weight, candidate)), samples);
          if (noise < least) [best, least] = [candidate, noise];
        }
        expect({ rule: chosen.choice.rule, gain: chosen.choice.gain }).toEqual(best);
        expect(chosen.error.noise / least).toBeCloseTo(1, 4);
        winners.add(JSON.stringify(best));
      }
      if (text === 'w4') expect(winners.size).toBeGreaterThan(1);
    },
  );

  it('keeps what holds without data where the error is not a number', async () => {
    const weight = normalNoise(216, 1);
    const rows = await rowsOf(subjectWith(weight), samplesOf(2));
    rows.judge.values.fill(NaN);
    const errors = await LayerErrors.open(runtime);
    const judge = await LayerJudge.of(errors, rows, weight);
    const { choice } = await chooseWeight(judge, format('w4'), (candidate) =>
      Promise.resolve(int4(weight, candidate)),
    );
    await errors.release();
    expect(choice).toEqual({ rule: 'max', gain: false, sqnrDb: null });
  });

  it('judges a static layer with its input rounded too', async () => {
    const weight = normalNoise(216, 1);
    const subject = subjectWith(weight);
    const samples = samplesOf(2);
    const rows = await rowsOf(subject, samples);
    const errors = await LayerErrors.open(runtime);
    const judge = await LayerJudge.of(errors, rows, weight);
    const values = weight.map((value) => Math.round(value * 64) / 64);
    const error = await judge.staticError(values, 'uint8');
    const weightOnly = await judge.error(values);
    await errors.release();

    // Every element of the input is in some row, so that these are the extremes of the rows too.
    const inputs = samples.map(({ feeds }) => feeds['x']?.data as Float32Array);
    const all = inputs.flatMap((data) => [...data]);
    const [min, max] = [Math.min(...all), Math.max(...all)];
    const scale = (max - min) / 255;
    const zero = Math.round(-min / scale);
    const rounded = (inputs[1] ?? new Float32Array()).map((value) => {
      const code = Math.min(255, Math.max(0, Math.round(value / scale) + zero));
      return (code - zero) * scale;
    });
    const before = (await run(subject, samples[1]?.feeds ?? {}, 'none'))['y'] ?? [];
    const after = (await run(subjectWith(values), { x: floats(rounded, input) }, 'none'))['y'] ?? [];
    let noise = 0;
    Array.from(before).forEach((value, i) => (noise += (value - (after[i] ?? 0)) ** 2));
    expect(error.noise / noise).toBeCloseTo(1, 3);
    expect(error.noise).toBeGreaterThan(weightOnly.noise);
    expect(error.signal).toBe(weightOnly.signal);
  });

  it('stops between candidates when cancelled', async () => {
    const weight = normalNoise(216, 1);
    const rows = await rowsOf(subjectWith(weight), samplesOf(2));
    const errors = await LayerErrors.open(runtime);
    const judge = await LayerJudge.of(errors, rows, weight);
    for (const moment of [1, 3, 8]) {
      const signal = { aborted: false };
      let tried = 0;
      const job = chooseWeight(
        judge,
        format('w4'),
        (candidate) => {
          signal.aborted = ++tried === moment;
          return Promise.resolve(int4(weight, candidate));
        },
        signal,
      );
      await expect(job).rejects.toThrow(CancelledError);
      expect(tried).toBe(moment);
    }
    await errors.release();
  });
});

/** Σ (y − y')² over the odd samples: those that choices are judged on. */
async function noiseOf(before: Model, after: Model, samples: readonly Sample[]): Promise<number> {
  let noise = 0;
  for (const { index, feeds } of samples) {
    if (index % 2 === 0) continue;
    const [y, z] = [(await run(before, feeds, 'none'))['y'], (await run(after, feeds, 'none'))['y']];
    y?.forEach((value, i) => (noise += (value - (z?.[i] ?? 0)) ** 2));
  }
  return noise;
}

describe('column energies', () => {
  it('are mean squares per input element, of the even samples alone', async () => {
    const samples = samplesOf(4);
    const { fit, view } = await rowsOf(subjectWith(normalNoise(216, 1)), samples);
    const energies = columnEnergy(fit, view);
    // Channel 2, tap (1, 2), by hand: sixteen positions in either of two samples.
    let sum = 0;
    for (const sample of [samples[0], samples[2]]) {
      const data = sample?.feeds['x']?.data as Float32Array;
      for (let y = 0; y < 4; y++)
        for (let x = 0; x < 4; x++) sum += (data[72 + (y + 1) * 6 + x + 2] ?? 0) ** 2;
    }
    expect(energies[2 * 9 + 5]).toBeCloseTo(sum / 32, 3);
  });

  it('weigh each element of the tensor by what it is multiplied with, in groups too', () => {
    // Two groups of one column and two inputs each, stored [input, column] per group.
    const view = { groups: 2, columns: 2, depth: 2, groupStep: 4, columnStep: 1, depthStep: 2 };
    const fit = { rows: 2, values: Float32Array.of(1, 2, 1, 2, 3, 0, 5, 0) };
    const importance = importanceOf({ fit, judge: fit, view })?.();
    const most = (9 + 25) / 2;
    expect([...(importance ?? [])]).toEqual(
      [1 / most, 1 / most, 4 / most, 4 / most, 1, 1, 1e-6, 1e-6].map(Math.fround),
    );
  });

  it('say nothing where the input is zero or not finite', () => {
    const view = { groups: 1, columns: 1, depth: 1, groupStep: 1, columnStep: 1, depthStep: 1 };
    for (const value of [0, NaN, Infinity]) {
      const fit = { rows: 1, values: Float32Array.of(value) };
      expect(importanceOf({ fit, judge: fit, view })).toBeUndefined();
    }
  });
});

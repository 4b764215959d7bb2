import { describe, expect, it } from 'vitest';
import { LayerJudge } from '../../../src/core/calibrate/layerJudge';
import { LayerErrors } from '../../../src/core/calibrate/layerError';
import { collectLayerRows, MOST_ROWS, MOST_SAMPLES } from '../../../src/core/calibrate/layerRows';
import { asMatrices } from '../../../src/core/calibrate/weightMatrix';
import { CancelledError } from '../../../src/core/errors';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import type { Layer } from '../../../src/core/graph/types';
import { floatTensor, makeModel, makeGraph, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Model } from '../../../src/core/onnx/types';
import type { Sample } from '../../../src/core/ports';
import { normalNoise } from '../../support/random';
import { run } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { floats, sliceOf } from '../../support/slices';
import { type LayerCase, layerCases } from './layerCases';
import { conv, type Dims, model, node } from '../rewrite/models';

const size = (dims: Dims) => dims.reduce((product, each) => product * each, 1);

function layersOf(subject: Model): Layer[] {
  const index = indexGraph(subject);
  return findLayers(index, inferShapes(index));
}

function samplesOf(dims: Dims, count: number): Sample[] {
  return Array.from({ length: count }, (_, index) => ({
    index,
    feeds: { x: floats(normalNoise(size(dims), 11 + index), dims) },
  }));
}

function layerModel({ op, input, weight, attributes, left }: LayerCase): Model {
  const values = normalNoise(size(weight), 3);
  const operands = left ? ['w', 'x'] : ['x', 'w'];
  return model([node(op, 'layer', operands, ['y'], attributes)], [floatTensor('w', values, weight)], input);
}

/** Σ y² per column, from the layer run on every sample. */
async function outputEnergies(
  each: LayerCase,
  subject: Model,
  samples: readonly Sample[],
): Promise<number[]> {
  const energies: number[] = [];
  const session = await runtime.openModel(subject, { optimization: 'none' });
  for (const { feeds } of samples) {
    const { y } = await session.run(feeds);
    if (!y) throw new Error('no output');
    (y.data as Float32Array).forEach((value, flat) => {
      const at = [...y.dims];
      for (let axis = at.length - 1, rest = flat; axis >= 0; axis--) {
        const length = y.dims[axis] ?? 1;
        at[axis] = rest % length;
        rest = Math.floor(rest / length);
      }
      const column = each.columnOf(at, y.dims);
      energies[column] = (energies[column] ?? 0) + value ** 2;
    });
  }
  await session.release();
  return energies;
}

describe('rows of a layer’s input and errors at its output', () => {
  it.each(layerCases)('give what the layer itself computes: $what', async (each) => {
    const subject = layerModel(each);
    const samples = samplesOf(each.input, 4);
    const [layer] = layersOf(subject);
    if (!layer?.weight) throw new Error('no layer');
    const rows = (await collectLayerRows(runtime, subject, [layer], sliceOf('calibrate', samples))).get(
      'layer',
    );
    if (!rows) throw new Error('no rows');
    const weight = normalNoise(size(each.weight), 3);
    const errors = await LayerErrors.open(runtime);
    const halves = [
      [rows.fit, [0, 2]],
      [rows.judge, [1, 3]],
    ] as const;
    for (const [block, members] of halves) {
      // Few enough positions that every row is there.
      const energies = await errors.columnEnergies(block, rows.view, weight);
      const expected = await outputEnergies(
        each,
        subject,
        members.flatMap((index) => samples[index] ?? []),
      );
      expect(energies.length).toBe(expected.length);
      energies.forEach((energy, column) => {
        expect(energy / (expected[column] ?? 0)).toBeCloseTo(1, 4);
      });
    }
    await errors.release();
  });

  it('tells the error of a replacement as the layer run with the difference does', async () => {
    const each = layerCases[5] as LayerCase;
    const subject = layerModel(each);
    const samples = samplesOf(each.input, 2);
    const [layer] = layersOf(subject);
    if (!layer?.weight) throw new Error('no layer');
    const rows = (await collectLayerRows(runtime, subject, [layer], sliceOf('calibrate', samples))).get(
      'layer',
    );
    if (!rows) throw new Error('no rows');
    const weight = normalNoise(size(each.weight), 3);
    const replacement = weight.map((value) => Math.round(value * 4) / 4);
    const errors = await LayerErrors.open(runtime);
    const error = await (await LayerJudge.of(errors, rows, weight)).error(replacement);
    await errors.release();
    const replaced = model(
      [node(each.op, 'layer', ['x', 'w'], ['y'], each.attributes)],
      [floatTensor('w', replacement, each.weight)],
      each.input,
    );
    const feeds = samples[1]?.feeds ?? {};
    const [before, after] = [await run(subject, feeds), await run(replaced, feeds)];
    const [y, z] = [before['y'] ?? [], after['y'] ?? []];
    let [signal, noise] = [0, 0];
    Array.from(y).forEach((value, i) => {
      signal += value ** 2;
      noise += (value - (z[i] ?? 0)) ** 2;
    });
    expect(error.noise / noise).toBeCloseTo(1, 4);
    expect(error.signal / signal).toBeCloseTo(1, 4);
    expect(error.sqnrDb).toBeCloseTo(10 * Math.log10(signal / noise), 3);
  });

  it('computes wide layers in parts', async () => {
    const [columns, depth, rows] = [70_000, 2, 512];
    const errors = await LayerErrors.open(runtime);
    const weight = normalNoise(columns * depth, 5);
    const view = { groups: 1, columns, depth, groupStep: columns * depth, columnStep: 1, depthStep: columns };
    const x = new Float32Array(rows * depth).fill(1);
    const energies = await errors.columnEnergies({ rows, values: x }, view, weight);
    await errors.release();
    const matrices = asMatrices(weight, view);
    for (const column of [0, 32_767, 32_768, 69_999]) {
      const sum = (matrices[2 * column] ?? 0) + (matrices[2 * column + 1] ?? 0);
      expect(energies[column]).toBeCloseTo(rows * sum ** 2, 1);
    }
  });
});

describe('collectLayerRows', () => {
  it('takes evenly many rows of each sample, spread over its positions', async () => {
    const subject = model(
      [conv('c', ['x', 'w'], 'y', 1)],
      [floatTensor('w', [1, 1], [2, 1, 1, 1])],
      [1, 1, 64, 64],
    );
    const samples: Sample[] = Array.from({ length: 40 }, (_, index) => ({
      index,
      feeds: {
        x: floats(
          Float32Array.from({ length: 4096 }, (_value, i) => index * 4096 + i),
          [1, 1, 64, 64],
        ),
      },
    }));
    const rows = (
      await collectLayerRows(runtime, subject, layersOf(subject), sliceOf('calibrate', samples))
    ).get('c');
    const taken = [...(rows?.fit.values ?? []), ...(rows?.judge.values ?? [])];
    expect(taken.length).toBe(MOST_ROWS);
    expect(new Set(taken).size).toBe(MOST_ROWS);
    const perSample = Array.from(
      { length: 40 },
      (_, s) => taken.filter((v) => Math.floor(v / 4096) === s).length,
    );
    expect(Math.min(...perSample)).toBe(25);
    expect(Math.max(...perSample)).toBe(26);
    // Even samples on one side, odd ones on the other.
    expect((rows?.fit.values ?? []).every((v) => Math.floor(v / 4096) % 2 === 0)).toBe(true);
    // No column of the image is left out or crowded: 16 of each are expected, and chance would give 8 to 24.
    const perColumn = Array.from({ length: 64 }, (_, c) => taken.filter((v) => v % 64 === c).length);
    expect(Math.min(...perColumn)).toBeGreaterThan(4);
    expect(Math.max(...perColumn)).toBeLessThan(32);
  });

  it('reads no more samples than it needs', async () => {
    const subject = model(
      [node('MatMul', 'm', ['x', 'w'], ['y'])],
      [floatTensor('w', [1, 2], [1, 2])],
      [1, 1],
    );
    let read = 0;
    const slice = {
      name: 'calibrate' as const,
      length: 1000,
      async *samples() {
        for (let index = 0; index < 1000; index++) {
          read++;
          yield { index, feeds: { x: floats([index], [1, 1]) } };
        }
      },
    };
    const rows = (await collectLayerRows(runtime, subject, layersOf(subject), slice)).get('m');
    expect(read).toBe(MOST_SAMPLES);
    expect((rows?.fit.rows ?? 0) + (rows?.judge.rows ?? 0)).toBe(MOST_SAMPLES);
  });

  it('splits the rows of a single sample', async () => {
    const subject = model(
      [node('MatMul', 'm', ['x', 'w'], ['y'])],
      [floatTensor('w', [1, 2], [1, 2])],
      [5, 1],
    );
    const slice = sliceOf('calibrate', [{ index: 0, feeds: { x: floats([0, 1, 2, 3, 4], [5, 1]) } }]);
    const rows = (await collectLayerRows(runtime, subject, layersOf(subject), slice)).get('m');
    expect([...(rows?.fit.values ?? [])]).toEqual([0, 2, 4]);
    expect([...(rows?.judge.values ?? [])]).toEqual([1, 3]);
  });

  it('shares rows between layers that read an input alike, whatever their output channels', async () => {
    const subject = model(
      [
        conv('a', ['x', 'w'], 'p'),
        conv('b', ['x', 'v'], 'q'),
        node('Conv', 'c', ['x', 'w'], ['r'], { strides: { ints: [2, 2] } }),
      ],
      [
        floatTensor('w', normalNoise(36, 1), [2, 2, 3, 3]),
        floatTensor('v', normalNoise(54, 2), [3, 2, 3, 3]),
      ],
      [1, 2, 6, 6],
      ['p', 'q', 'r'],
    );
    const rows = await collectLayerRows(
      runtime,
      subject,
      layersOf(subject),
      sliceOf('calibrate', samplesOf([1, 2, 6, 6], 2)),
    );
    expect(rows.get('a')?.fit.values).toBe(rows.get('b')?.fit.values);
    expect(rows.get('b')?.view.columns).toBe(3);
    expect(rows.get('c')?.fit.rows).toBe(4);
  });

  it('leaves out layers without float input, and reads a constant one', async () => {
    const subject = makeModel(
      makeGraph({
        input: [makeValueInfo('x', DataType.FLOAT, [2, 3])],
        output: ['y', 'z', 'e'].map((name) => makeValueInfo(name, DataType.FLOAT)),
        initializer: [
          floatTensor('w', [1, 2, 3, 4, 5, 6], [3, 2]),
          floatTensor('k', [1, 2, 3, 4, 5, 6], [2, 3]),
          floatTensor('table', [1, 2, 3, 4], [2, 2]),
        ],
        node: [
          node('MatMul', 'plain', ['x', 'w'], ['y']),
          node('MatMul', 'constant', ['k', 'w'], ['z']),
          node('Cast', 'cast', ['x'], ['i'], { to: { int: DataType.INT64 } }),
          node('Gather', 'embedding', ['table', 'i'], ['e']),
        ],
      }),
    );
    const slice = sliceOf('calibrate', [{ index: 0, feeds: { x: floats([0, 1, 0, 1, 0, 1], [2, 3]) } }]);
    const rows = await collectLayerRows(runtime, subject, layersOf(subject), slice);
    expect([...rows.keys()]).toEqual(['plain', 'constant']);
    expect([...(rows.get('constant')?.fit.values ?? [])]).toEqual([1, 2, 3]);
  });

  it('stops wherever it is cancelled', async () => {
    const subject = layerModel(layerCases[0] as LayerCase);
    const samples = samplesOf([2, 3, 6, 5], 6);
    for (const moment of [0, 1, 3, 5]) {
      const signal = { aborted: false };
      let runs = 0;
      const job = collectLayerRows(runtime, subject, layersOf(subject), sliceOf('calibrate', samples), {
        signal,
        onProgress: (done) => ((signal.aborted = done === moment), (runs = done)),
      });
      if (moment === 0) signal.aborted = true;
      await expect(job).rejects.toThrow(CancelledError);
      expect(runs).toBe(moment);
    }
  });
});

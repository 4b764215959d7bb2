import { describe, expect, it } from 'vitest';
import { calibrate, HELD_OUT_SAMPLES } from '../../../src/core/calibrate/calibrate';
import { FETCH_BYTES } from '../../../src/core/calibrate/groupedFetch';
import { withOutputs } from '../../../src/core/calibrate/instrument';
import { CancelledError } from '../../../src/core/errors';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Model } from '../../../src/core/onnx/types';
import type { Runtime, Sample } from '../../../src/core/ports';
import { normalNoise } from '../../support/random';
import { runtime } from '../../support/runtime';
import { floats, sliceOf } from '../../support/slices';

/** x [N] → neg = −x → rectified = Relu(neg) → y = Exp(rectified); `size` is int64. */
function chain(): Model {
  return makeModel(
    makeGraph({
      node: [
        makeNode({ opType: 'Neg', input: ['x'], output: ['neg'] }),
        makeNode({ opType: 'Relu', input: ['neg'], output: ['rectified'] }),
        makeNode({ opType: 'Exp', input: ['rectified'], output: ['y'] }),
        makeNode({ opType: 'Shape', input: ['x'], output: ['size'] }),
      ],
      input: [makeValueInfo('x', DataType.FLOAT, ['N'])],
      output: [makeValueInfo('y', DataType.FLOAT, ['N'])],
    }),
  );
}

function samplesOf(count: number): Sample[] {
  return Array.from({ length: count }, (_, index) => {
    const data = normalNoise(100 + index, index);
    return { index, feeds: { x: floats(data, [data.length]) } };
  });
}

function numbersOf(sample: Sample): Float32Array {
  return sample.feeds['x']?.data as Float32Array;
}

describe('withOutputs(model, values)', () => {
  it('adds outputs behind the original ones, each once', () => {
    const model = withOutputs(chain(), ['neg', 'y', 'neg']);
    expect(model.graph?.output.map((output) => output.name)).toEqual(['y', 'neg']);
  });

  it('is the same model when nothing is missing', () => {
    const model = chain();
    expect(withOutputs(model, ['y'])).toBe(model);
  });
});

describe('calibrate(runtime, model, values, slice)', () => {
  it('sees every value of every sample, of whatever shape', async () => {
    const samples = samplesOf(6);
    const values = ['x', 'neg', 'rectified', 'y'];
    const { all, samples: count } = await calibrate(runtime, chain(), values, sliceOf('calibrate', samples));
    const everything = samples.flatMap((sample) => [...numbersOf(sample)]);
    const rectified = everything.map((x) => Math.max(0, -x));
    expect(count).toBe(6);
    expect(all.get('x')).toMatchObject({
      count: everything.length,
      min: Math.min(...everything),
      max: Math.max(...everything),
    });
    expect(all.get('neg')).toMatchObject({ min: -Math.max(...everything), max: -Math.min(...everything) });
    expect(all.get('rectified')).toMatchObject({
      zeros: rectified.filter((x) => x === 0).length,
      min: 0,
      max: Math.max(...rectified),
    });
    expect(all.get('y')?.max).toBeCloseTo(Math.exp(Math.max(...rectified)), 4);
    expect(all.get('y')?.min).toBe(1);
  });

  it('holds every fourth sample out of `fit`, with its float outputs', async () => {
    const samples = samplesOf(9);
    const { fit, all, heldOut } = await calibrate(runtime, chain(), ['x'], sliceOf('calibrate', samples));
    expect(heldOut.map(({ feeds }) => feeds)).toEqual([samples[3]?.feeds, samples[7]?.feeds]);
    const elements = (indexes: number[]): number => indexes.reduce((sum, i) => sum + 100 + i, 0);
    expect(fit.get('x')?.count).toBe(elements([0, 1, 2, 4, 5, 6, 8]));
    expect(all.get('x')?.count).toBe(elements([0, 1, 2, 3, 4, 5, 6, 7, 8]));
    const [first] = heldOut;
    expect(first?.outputs['y']?.data[0]).toBeCloseTo(
      Math.exp(Math.max(0, -(first?.feeds['x']?.data[0] as number))),
      5,
    );
    expect(Object.keys(first?.outputs ?? {})).toEqual(['y']);
  });

  it('judges on the samples themselves when there are fewer than four, and keeps a bounded number', async () => {
    const few = await calibrate(runtime, chain(), ['x'], sliceOf('calibrate', samplesOf(2)));
    expect(few.heldOut).toHaveLength(2);
    expect(few.fit.get('x')?.count).toBe(few.all.get('x')?.count);
    const many = await calibrate(runtime, chain(), ['x'], sliceOf('calibrate', samplesOf(160)));
    expect(many.heldOut).toHaveLength(HELD_OUT_SAMPLES);
  });

  it('names the value that is not finite, not float, or not there', async () => {
    const bad = [{ index: 0, feeds: { x: floats([1, -1e30], [2]) } }];
    await expect(calibrate(runtime, chain(), ['y'], sliceOf('calibrate', bad))).rejects.toThrow(
      /"y" holds Infinity/,
    );
    await expect(calibrate(runtime, chain(), ['size'], sliceOf('calibrate', samplesOf(1)))).rejects.toThrow(
      /"size" is int64, not float/,
    );
    await expect(calibrate(runtime, chain(), ['x'], sliceOf('calibrate', []))).rejects.toThrow(
      /no calibration samples/,
    );
  });

  it('stops when cancelled, and releases its session', async () => {
    const signal = { aborted: false };
    let released = 0;
    const counting: Runtime = {
      version: 'counting',
      async openModel(...args) {
        const session = await runtime.openModel(...args);
        return {
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          run: (...run) => session.run(...run),
          async release() {
            released++;
            await session.release();
          },
        };
      },
    };
    const work = { signal, onProgress: (done: number) => (signal.aborted = done === 2) };
    const slice = sliceOf('calibrate', samplesOf(5));
    await expect(calibrate(counting, chain(), ['x'], slice, work)).rejects.toThrow(CancelledError);
    expect(released).toBe(1);
  });

  it('fetches values in groups when together they pass the limit', async () => {
    const fetched: string[][] = [];
    const huge = new Float32Array(FETCH_BYTES / 4 / 2 + 1);
    const fake: Runtime = {
      version: 'fake',
      openModel: async () => ({
        inputNames: ['x'],
        outputNames: ['y'],
        async run(_, fetches = []) {
          if (fetches[0] !== 'y') fetched.push([...fetches]);
          const small = new Float32Array(1);
          return Object.fromEntries(
            fetches.map((name) => [
              name,
              { type: 'float32' as const, dims: [], data: name === 'a' || name === 'b' ? huge : small },
            ]),
          );
        },
        release: async () => undefined,
      }),
    };
    await calibrate(fake, chain(), ['a', 'b', 'c'], sliceOf('calibrate', samplesOf(2)));
    expect(fetched).toEqual([['a', 'b', 'c'], ['a'], ['b', 'c']]);
  });
});

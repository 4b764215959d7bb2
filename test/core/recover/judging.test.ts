import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Model } from '../../../src/core/onnx/types';
import { withRecover } from '../../../src/core/plan/recover';
import type { Plan, RecoverStep } from '../../../src/core/plan/types';
import type { Feeds } from '../../../src/core/ports';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { recover } from '../../../src/core/recover/recover';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { normalNoise, uniform } from '../../support/random';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { conv, image, model, node, residualBlock, samples, weights } from '../rewrite/models';
import { inputs, outputSqnr, planFor, quality, slice } from './smoothImages';

describe('recover, where each layer is on its own', () => {
  it('chooses the same codes for a layer whatever the others are', async () => {
    const formats: Plan['layers'][] = [
      {},
      { stem: { scheme: 'u2' }, left: { scheme: 'float' } },
      { stem: { scheme: 'lut4', bias: 'lut8' }, left: { scheme: 'w8' } },
    ];
    const codesOf = async (sequential: boolean): Promise<unknown[]> => {
      const found: unknown[] = [];
      for (const layers of formats) {
        const plan = withRecover({ ...planFor('u3'), layers }, ['gptq', 'refit', 'bias'], { sequential });
        const { model } = await prepareFloat(residualBlock(), plan);
        const { choices, result } = await recover(model, plan, { runtime, slice });
        const { tried } = result.layers.find(({ name }) => name === 'right') ?? {};
        found.push([choices.get('right')?.codes, tried]);
      }
      return found;
    };
    const [alone, ...others] = await codesOf(false);
    for (const other of others) expect(other).toEqual(alone);
    const [first, ...after] = await codesOf(true);
    for (const other of after) expect(other).not.toEqual(first);
  });

  it('measures the same to the last bit where a table keeps another layer from being folded', async () => {
    const subject = model(
      [
        conv('first', ['x', 'w0'], 's'),
        node('BatchNormalization', 'norm', ['s', 'gain', 'shift', 'mean', 'variance'], ['h']),
        node('Relu', 'relu', ['h'], ['a']),
        conv('second', ['a', 'w1'], 'y'),
      ],
      [
        weights('w0', [4, 3, 3, 3], 1),
        weights('w1', [4, 4, 3, 3], 2),
        floatTensor('gain', [0.9, 1.3, 0.7, 1.1]),
        floatTensor('shift', [0.1, 1, 0.2, -0.1]),
        floatTensor('mean', [0.1, 0.2, 0, 0]),
        floatTensor('variance', [1.3, 0.7, 1, 1.9]),
      ],
      image,
    );
    const secondOf = async (layers: Plan['layers']): Promise<unknown[]> => {
      const plan = withRecover({ ...planFor('u3'), layers }, ['gptq', 'bias'], { sequential: false });
      const { model: prepared } = await prepareFloat(subject, plan);
      const { choices, result } = await recover(prepared, plan, { runtime, slice });
      return [choices.get('second')?.codes, result.layers.find(({ name }) => name === 'second')];
    };
    expect(await secondOf({ first: { scheme: 'u3', bias: 'lut8' } })).toEqual(await secondOf({}));
  });
});

describe('recover, with biases in tables', () => {
  it.each([
    ['w4', 'u1'],
    ['w8', 'u3'],
  ] as const)('judges %s with the bias that the file has, as %s', async (scheme, bias) => {
    const formats = { defaultOptions: { bias } };
    const plain = await quality({ ...planFor(scheme), ...formats });
    for (const steps of [['bias'], ['gptq']] as const) {
      expect(await quality({ ...planFor(scheme, ...steps), ...formats })).toBeGreaterThan(plain + 1);
    }
  });
});

describe('recover, of a ConvTranspose with strides', () => {
  it('counts what one bias cannot take away of the mean error of several output pixels', async () => {
    const shape = [1, 8, 6, 6];
    const subject = model(
      [
        node('ConvTranspose', 'up', ['x', 'w'], ['y'], {
          kernel_shape: { ints: [2, 2] },
          strides: { ints: [2, 2] },
        }),
      ],
      [weights('w', [8, 4, 2, 2], 5)],
      shape,
    );
    const alike = normalNoise(40 * 36, 8);
    const own = normalNoise(40 * 8 * 36, 9);
    const far = Array.from({ length: 40 }, (_, index) => {
      const data = Float32Array.from({ length: 8 * 36 }, (_value, at) => {
        const common = alike[index * 36 + (at % 36)] ?? 0;
        return 3 + 0.5 * common + 0.5 * (own[index * 8 * 36 + at] ?? 0);
      });
      return { index, feeds: { x: { type: 'float32' as const, dims: shape, data } } };
    });
    const source = { runtime, slice: sliceOf('calibrate', far.slice(0, 24)) };
    const errorBy = async (...steps: RecoverStep[]): Promise<number> => {
      const { model: written } = await quantizeModel(subject, planFor('w4', ...steps), source);
      return outputSqnr(subject, written, far.slice(24));
    };
    expect(await errorBy('gptq', 'bias')).toBeGreaterThan((await errorBy('gptq')) - 0.1);
  });
});

describe('what recover says', () => {
  it('says when there is nothing to choose, or nothing to judge by', async () => {
    const notesOf = async (layers: Plan['layers'], samples: number): Promise<string> => {
      const plan: Plan = { ...planFor('w4', 'gptq', 'bias'), layers };
      const data = sliceOf('calibrate', inputs.slice(0, samples));
      return (await quantizeModel(residualBlock(), plan, { runtime, slice: data })).notes.join('\n');
    };
    const float = { scheme: 'fp16' } as const;
    expect(await notesOf({ stem: float, left: float, right: float }, 8)).toContain(
      'Nothing to recover by gptq, bias: no layer has codes that could be chosen.',
    );
    expect(await notesOf({}, 3)).toContain('on 3 samples, too few to hold any out)');
    expect(await notesOf({}, 8)).toContain('on 1 sample that fitted nothing; 7 fitted)');
  });

  it('says which layers read what cannot be summed up', async () => {
    const scaled = (feeds: Feeds): Feeds =>
      Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [
          name,
          { ...tensor, data: (tensor.data as Float32Array).map((value) => 1e25 * value) },
        ]),
      );
    const huge = inputs.slice(0, 8).map(({ index, feeds }) => ({ index, feeds: scaled(feeds) }));
    const data = sliceOf('calibrate', huge);
    const { recovered, notes } = await quantizeModel(residualBlock(), planFor('w4', 'gptq'), {
      runtime,
      slice: data,
    });
    expect(recovered?.layers.map(({ rule }) => rule)).toEqual(['nearest', 'nearest', 'nearest']);
    expect(notes).toContain(
      'stem, left, right: rounded to the nearest, as it reads no values, values whose squares are not finite, or such as its weight does not fit.',
    );
  });

  it('does not say that equalization was left out with what made the output worse', async () => {
    const { notes, result, isEvened } = await evenedThenWorse();
    expect(isEvened).toBe(true);
    expect(result.afterDb ?? 0).toBeGreaterThan((result.beforeDb ?? Infinity) + 10);
    expect(notes.join('\n')).toMatch(/Recovered by equalize: output .* dB → /);
    expect(notes.join('\n')).toMatch(/^gptq left out: with all layers quantized the output got worse/m);
  });
});

/** Two layers of uneven channels, which equalization helps, before two that nothing makes up for. */
async function evenedThenWorse() {
  const spread = [1, 20, 0.1, 4];
  const uneven = (
    name: string,
    [outputs, read]: readonly [number, number],
    factorAt: (at: number) => number,
  ) => {
    const next = uniform(read);
    const values = Float32Array.from(
      { length: outputs * read * 9 },
      (_, at) => (next() - 0.5) * factorAt(at),
    );
    return floatTensor(name, values, [outputs, read, 3, 3]);
  };
  const subject: Model = model(
    [
      conv('e1', ['x', 'u0'], 'eh'),
      node('Relu', 'er', ['eh'], ['ea']),
      conv('e2', ['ea', 'u1'], 'p'),
      conv('first', ['p', 'v'], 'h'),
      node('Mul', 'up', ['h', 'large'], ['a']),
      conv('second', ['a', 'w'], 'b'),
      node('Mul', 'down', ['b', 'small'], ['y']),
    ],
    [
      uneven('u0', [4, 3], (at) => spread[Math.floor(at / 27)] ?? 1),
      uneven('u1', [3, 4], (at) => 1 / (spread[Math.floor(at / 9) % 4] ?? 1)),
      weights('v', [4, 3, 3, 3], 21),
      weights('w', [2, 4, 3, 3], 71),
      floatTensor('large', Float32Array.of(1e25), []),
      floatTensor('small', Float32Array.of(1e-25), []),
    ],
    image,
  );
  const uniformly = { scheme: 'w4', granularity: 'tensor', range: 'max', gain: false } as const;
  const plan: Plan = { ...planFor('pow2-5', 'equalize', 'gptq'), layers: { e1: uniformly, e2: uniformly } };
  const noise = samples(image, 8).map((feeds, index) => ({ index, feeds }));
  const { model: prepared } = await prepareFloat(subject, plan);
  const recovered = await recover(prepared, plan, { runtime, slice: sliceOf('calibrate', noise) });
  return { ...recovered, isEvened: recovered.model !== prepared };
}

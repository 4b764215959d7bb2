import { describe, expect, it } from 'vitest';
import { compareOutputs } from '../../../src/core/compare/compare';
import { OutputErrors } from '../../../src/core/calibrate/outputErrors';
import { verify } from '../../../src/core/compare/verify';
import { CancelledError } from '../../../src/core/errors';
import type { RuntimeTensor, Sample, Session } from '../../../src/core/ports';
import { floats, sliceOf } from '../../support/slices';

/** A session that answers sample i (its feed `i`) with the i-th of `answers`. */
function answering(answers: readonly Record<string, RuntimeTensor>[]): Session {
  return {
    inputNames: ['i'],
    outputNames: Object.keys(answers[0] ?? {}),
    run: async (feeds) => answers[feeds['i']?.data[0] as number] ?? {},
    release: async () => undefined,
  };
}

function samplesWith(labels: readonly (number | Int32Array | undefined)[]): Sample[] {
  return labels.map((label, index) => ({ index, feeds: { i: floats([index], [1]) }, label }));
}

function scores(...rows: number[][]): Record<string, RuntimeTensor>[] {
  return rows.map((row) => ({ y: floats(row, [1, row.length]) }));
}

const logits = [{ name: 'y', kind: 'logits', classAxis: 1 }] as const;

describe('compareOutputs(a, b, slice, options)', () => {
  const a = answering(scores([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [1, 9, 0, 0, 0, 0]));
  const b = answering(scores([0, 1, 2, 3, 5, 4], [5, 4, 3, 2, 1, 0], [1, 0, 0, 0, 0, 9]));

  it('refuses outputs without a finite number, and tells of NaN among others', async () => {
    const odd = answering(scores([NaN, 1, 2], [-Infinity, 1, 2], [NaN, Infinity, -Infinity]));
    const options = { outputs: [{ name: 'y', kind: 'values' }] } as const;
    const compared = (...samples: number[]) =>
      compareOutputs(
        odd,
        odd,
        sliceOf(
          'verify',
          samplesWith([0, 0, 0]).filter(({ index }) => samples.includes(index)),
        ),
        options,
      );
    expect((await compared(1)).notes).toEqual([]);
    expect((await compared(0, 1)).notes).toEqual([
      expect.stringMatching(/^Output y: 1 of 6 numbers are NaN or infinite in both models/),
    ]);
    await expect(compared(2)).rejects.toThrow(
      /^Output y has nothing but NaN and infinite numbers in both models/,
    );
    expect((await verify(odd, odd, sliceOf('verify', samplesWith([0])))).notes).toHaveLength(1);
  });

  it('gives errors over all samples together', async () => {
    const { samples, outputs } = await compareOutputs(a, b, sliceOf('verify', samplesWith([0, 0, 0])), {
      outputs: [{ name: 'y', kind: 'values' }],
    });
    // Σx² = 55 + 55 + 82; Σ(x − y)² = 2 + 0 + 162.
    expect(samples).toBe(3);
    expect(outputs[0]?.sqnrDb).toBeCloseTo(10 * Math.log10(192 / 164), 6);
    expect(outputs[0]?.maxAbs).toBe(9);
    expect(outputs[0]?.cosine).toBeCloseTo((54 + 55 + 1) / 192, 6);
    expect(outputs[0]).not.toHaveProperty('top1');
  });

  it('gives agreement and, with labels, accuracy of both', async () => {
    const slice = sliceOf('verify', samplesWith([5, 0, 5]));
    const { outputs } = await compareOutputs(a, b, slice, { outputs: logits });
    // Best classes of a: 5, 0, 1; of b: 4, 0, 5.
    expect(outputs[0]?.top1).toEqual({ agreement: 1 / 3, a: 2 / 3, b: 2 / 3 });
    // Five best of a: {5,4,3,2,1}, {0,1,2,3,4}, {1,0,2,3,4}; of b: the first two the same, then {5,0,1,2,3}.
    expect(outputs[0]?.top5?.agreement).toBeCloseTo((1 + 1 + 0.8) / 3, 12);
    expect([outputs[0]?.top5?.a, outputs[0]?.top5?.b]).toEqual([2 / 3, 1]);
  });

  it('gives agreement without labels, and no top5 for few classes', async () => {
    const few = answering(scores([1, 2], [2, 1]));
    const slice = sliceOf('verify', samplesWith([undefined, undefined]));
    const { outputs } = await compareOutputs(few, few, slice, { outputs: logits });
    expect(outputs[0]).toMatchObject({ sqnrDb: null, cosine: 1, maxAbs: 0 });
    expect(outputs[0]?.top1).toEqual({ agreement: 1, a: null, b: null });
    expect(outputs[0]).not.toHaveProperty('top5');
  });

  it('gives pixel accuracy and dice per class for maps', async () => {
    const map = (...data: number[]): Record<string, RuntimeTensor> => ({ y: floats(data, [1, 2, 2, 2]) });
    // Class 1 wins where the second plane is higher. a: 0 1 1 0, b: 0 1 0 0, labels: 0 1 1 1.
    const one = answering([map(1, 0, 0, 1, 0, 1, 1, 0)]);
    const other = answering([map(1, 0, 1, 1, 0, 1, 0, 0)]);
    const slice = sliceOf('verify', samplesWith([Int32Array.of(0, 1, 1, 1)]));
    const { outputs } = await compareOutputs(one, other, slice, { outputs: logits });
    expect(outputs[0]?.pixelAccuracy).toEqual({ agreement: 0.75, a: 0.75, b: 0.5 });
    expect(outputs[0]?.dice).toEqual({ a: [2 / 3, 4 / 5], b: [2 / 4, 2 / 4] });
    expect(outputs[0]).not.toHaveProperty('top1');
  });

  it('takes class axis 1 with trailing ones', async () => {
    const answer = [{ y: floats([0, 3, 1], [1, 3, 1, 1]) }];
    const slice = sliceOf('verify', samplesWith([1]));
    const { outputs } = await compareOutputs(answering(answer), answering(answer), slice, {
      outputs: logits,
    });
    expect(outputs[0]?.top1).toEqual({ agreement: 1, a: 1, b: 1 });
  });

  it('tells the best classes of one sample', async () => {
    const [sample] = samplesWith([5]);
    const slice = sliceOf('verify', samplesWith([5]));
    const { outputs } = await compareOutputs(a, b, slice, { outputs: logits, sample, top: 2 });
    // Softmax of 0 … 5.
    const sum = [0, 1, 2, 3, 4, 5].reduce((total, score) => total + Math.exp(score), 0);
    const best = (index: number, score: number) => ({
      class: index,
      score,
      probability: expect.closeTo(Math.exp(score) / sum, 9) as number,
    });
    expect(outputs[0]?.sample).toEqual({
      index: 0,
      a: [best(5, 5), best(4, 4)],
      b: [best(4, 5), best(5, 4)],
    });
  });

  it('refuses models with different outputs, naming both', async () => {
    const other = answering([{ z: floats([1], [1]) }]);
    const slice = sliceOf('verify', samplesWith([0]));
    await expect(compareOutputs(a, other, slice, { outputs: logits })).rejects.toThrow(
      /different outputs: y against z/,
    );
  });
});

describe('verify(float, quantized, slice)', () => {
  const slice = sliceOf('verify', samplesWith([0, 0]));

  it('gives the SQNR of every output over all samples', async () => {
    const float = answering(scores([3, 4], [3, 4]));
    const quantized = answering(scores([3, 4.5], [3, 3.5]));
    expect(await verify(float, quantized, slice)).toEqual({
      notes: [],
      samples: 2,
      outputs: [{ name: 'y', sqnrDb: expect.closeTo(20, 9) as number }],
    });
  });

  it('refuses a quantized model that is not finite', async () => {
    const broken = answering(scores([3, NaN], [3, 4]));
    await expect(verify(answering(scores([3, 4], [3, 4])), broken, slice)).rejects.toThrow(/"y" is NaN/);
  });

  it('stops when cancelled', async () => {
    const session = answering(scores([1], [1]));
    await expect(verify(session, session, slice, { signal: { aborted: true } })).rejects.toThrow(
      CancelledError,
    );
  });
});

describe('OutputErrors', () => {
  it('averages NMSE over the float outputs and leaves indices out', () => {
    const errors = new OutputErrors();
    const index = (value: bigint): RuntimeTensor => ({
      type: 'int64',
      dims: [1],
      data: BigInt64Array.of(value),
    });
    errors.add(
      { p: floats([1, 0], [2]), q: floats([2], [1]), best: index(7n) },
      { p: floats([1, 0.1], [2]), q: floats([2], [1]), best: index(1n) },
    );
    expect(errors.meanNmse).toBeCloseTo(0.005, 9);
    expect(errors.meanSqnrDb).toBeCloseTo(23.0103, 4);
    expect(errors.toJson().map(({ name }) => name)).toEqual(['p', 'q', 'best']);
  });

  it('names an output that is missing', () => {
    expect(() => new OutputErrors().add({ p: floats([1], [1]) }, {})).toThrow(/"p" is missing/);
  });
});

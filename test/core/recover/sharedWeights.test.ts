import { describe, expect, it } from 'vitest';
import { packedView } from '../../../src/core/calibrate/weightMatrix';
import type { Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan, RecoverStep } from '../../../src/core/plan/types';
import type { Feeds } from '../../../src/core/ports';
import { joinMoments, type LayerMoments } from '../../../src/core/recover/moments';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { run, sqnr } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { conv, image, model, node, samples, weights } from '../rewrite/models';
import { alikeRows, momentsOf, type InputRows } from './layers';

describe('joinMoments', () => {
  it('gives the moments of all rows', () => {
    const view = packedView(1, 2, 6);
    const [all, float] = [alikeRows(view, 90, 4), alikeRows(view, 90, 5)];
    const part = ({ values }: InputRows, from: number, to: number): InputRows => ({
      rows: to - from,
      values: values.slice(from * 6, to * 6),
    });
    const parts = [
      [0, 20],
      [20, 90],
    ] as const;
    const joined = joinMoments(
      parts.map(([from, to]) => momentsOf(view, part(all, from, to), part(float, from, to))),
    );
    const expected = momentsOf(view, all, float);
    expect(joined.rows).toBe(90);
    const apart = (pick: (moments: LayerMoments) => ArrayLike<number> | undefined): number =>
      Math.max(
        ...Array.from(pick(joined) ?? [NaN], (value, at) => Math.abs(value - (pick(expected)?.[at] ?? NaN))),
      );
    for (const pick of [
      ({ second }: LayerMoments) => second,
      ({ mean }: LayerMoments) => mean,
      ({ floatMean }: LayerMoments) => floatMean,
      ({ cross }: LayerMoments) => cross,
    ]) {
      expect(apart(pick)).toBeLessThan(1e-9);
    }
  });
});

/** Two of three convolutions read one weight. */
const float = (): Model =>
  model(
    [
      conv('stem', ['x', 'v'], 'h'),
      node('Relu', 'stem_relu', ['h'], ['a']),
      conv('first', ['a', 'w'], 'b'),
      node('Relu', 'relu', ['b'], ['c']),
      conv('second', ['c', 'w'], 'y'),
    ],
    [weights('v', [4, 3, 3, 3], 2), weights('w', [4, 4, 3, 3])],
    image,
  );
const inputs = samples(image, 32).map((feeds, index): { index: number; feeds: Feeds } => ({
  index,
  feeds: Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => {
      const data = Float32Array.from(tensor.data as Float32Array);
      for (let i = 1; i < data.length; i++) data[i] = 0.9 * (data[i - 1] ?? 0) + 0.4 * (data[i] ?? 0);
      return [name, { ...tensor, data }];
    }),
  ),
}));
const slice = sliceOf('calibrate', inputs.slice(0, 24));

async function quantized(scheme: Plan['defaultScheme'], steps: RecoverStep[], more: Partial<Plan> = {}) {
  const plan: Plan = {
    ...defaultPlan,
    defaultScheme: scheme,
    activationRange: 'max',
    ...(steps.length > 0 && { recover: { steps } }),
    ...more,
  };
  const result = await quantizeModel(float(), plan, { runtime, slice });
  const [expected, actual]: [number[], number[]] = [[], []];
  for (const { feeds } of inputs.slice(24)) {
    expected.push(...((await run(float(), feeds))['y'] ?? []));
    actual.push(...((await run(result.model, feeds, 'simulate'))['y'] ?? []));
  }
  return { ...result, db: sqnr(expected, actual) };
}

describe('layers that share a weight', () => {
  it.each(['u3', 'lut8', 'w8a8'] as const)(
    'get one set of %s codes, which the file holds once',
    async (scheme) => {
      const plain = await quantized(scheme, []);
      const better = await quantized(scheme, ['gptq', 'refit', 'bias']);
      expect(better.db).toBeGreaterThan(plain.db + 0.1);
      expect(better.recovered?.layers.map(({ name, rule }) => [name, rule])).toEqual(
        ['stem', 'first', 'second'].map((name) => [name, 'gptq']),
      );
      // What was tried is told once, and biases are none of it.
      expect(better.recovered?.layers.map(({ tried }) => tried.map(({ step }) => step).join())).toEqual([
        expect.stringMatching(/^gptq(,refit)?,bias$/),
        expect.stringMatching(/^gptq(,refit)?$/),
        '',
      ]);
      expect(better.notes).toContain(
        'first, second: one weight, so that the codes are the same; the biases stay as they are.',
      );
      const stored = (each: Model) =>
        each.graph?.initializer.filter(
          ({ dims }) => dims.reduce((product, size) => product * size, 1) === 144,
        );
      expect(stored(better.model)).toHaveLength(1);
      const [before, after] = [stored(plain.model)?.[0], stored(better.model)?.[0]];
      expect(await after?.rawData?.read()).not.toEqual(await before?.rawData?.read());
    },
  );

  it('are rounded to the nearest when their formats differ', async () => {
    const { notes, recovered } = await quantized('w4', ['gptq'], { layers: { second: { scheme: 'w8' } } });
    expect(recovered?.layers.map(({ name }) => name)).toEqual(['stem']);
    expect(notes).toContain(
      'first, second: rounded to the nearest, as it shares its weight with what reads it in another way.',
    );
  });

  it('are rounded to the nearest when each layer is recovered on its own', async () => {
    const { notes } = await quantized('w4', [], { recover: { steps: ['gptq'], sequential: false } });
    expect(notes).toContain('first, second: rounded to the nearest, as it shares its weight.');
  });
});

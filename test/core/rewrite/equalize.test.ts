import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import type { Model, Node, Tensor } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { equalize } from '../../../src/core/rewrite/equalize/equalize';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { openModelFile } from '../../../src/engine/files/modelFile';
import { opTypes, planWith, run, sqnr } from '../../support/rewriting';
import { sharedModel } from '../../support/sharedModels';
import { conv, type Dims, model, node, samples, weights } from './models';

const plan = { ...defaultPlan, defaultScheme: 'w4', defaultOptions: { granularity: 'tensor' } } as const;
const input: Dims = [1, 3, 8, 8];
const depthwise = { group: { int: 4 }, pads: { ints: [1, 1, 1, 1] } };
const six = [floatTensor('zero', [0], []), floatTensor('six', [6], [])];
const [w0, b0] = [weights('w0', [4, 3, 3, 3]), weights('b0', [4], 5)];
const w1 = weights('w1', [5, 4, 1, 1], 2);

/** conv → what is given → conv. */
function between(
  nodes: readonly Node[],
  constants: readonly Tensor[] = [],
  second: { readonly node: Node; readonly weight: Tensor } = {
    node: conv('second', ['act', 'w1'], 'y', 1),
    weight: w1,
  },
): Model {
  return model(
    [conv('first', ['x', 'w0', 'b0'], 'mid'), ...nodes, second.node],
    [w0, b0, second.weight, ...constants],
    input,
  );
}

const relu = node('Relu', 'act', ['mid'], ['act']);
const flatGemm = {
  node: node('Gemm', 'second', ['act', 'w1'], ['y'], { transB: { int: 1 } }),
  weight: weights('w1', [5, 64], 2),
};

const evenable: Readonly<Record<string, Model>> = {
  Relu: between([relu]),
  'a Clip from below': between([node('Clip', 'act', ['mid', 'zero'], ['act'])], six),
  LeakyRelu: between([node('LeakyRelu', 'act', ['mid'], ['act'], { alpha: { float: 0.2 } })]),
  PRelu: between(
    [node('PRelu', 'act', ['mid', 'slope'], ['act'])],
    [floatTensor('slope', [0.1, 0.5, -0.2, 2], [4, 1, 1])],
  ),
  nothing: model(
    [conv('first', ['x', 'w0', 'b0'], 'mid'), conv('second', ['mid', 'w1'], 'y', 1)],
    [w0, b0, w1],
    input,
  ),
  'Relu and a pool': between([
    node('Relu', 'act', ['mid'], ['relu']),
    node('MaxPool', 'pool', ['relu'], ['act'], { kernel_shape: { ints: [2, 2] } }),
  ]),
  'a pool and a Flatten': between(
    [
      node('AveragePool', 'pool', ['mid'], ['pooled'], {
        kernel_shape: { ints: [2, 2] },
        strides: { ints: [2, 2] },
      }),
      node('Flatten', 'flat', ['pooled'], ['act']),
    ],
    [],
    flatGemm,
  ),
  'Relu before a group Conv': between([relu], [], {
    node: node('Conv', 'second', ['act', 'w1'], ['y'], { group: { int: 2 } }),
    weight: weights('w1', [6, 2, 3, 3], 2),
  }),
  'Relu before a group ConvTranspose': between([relu], [], {
    node: node('ConvTranspose', 'second', ['act', 'w1'], ['y'], { group: { int: 2 } }),
    weight: weights('w1', [4, 3, 2, 2], 2),
  }),
  'a Clip (Relu6)': between([node('Clip', 'act', ['mid', 'zero', 'six'], ['act'])], six),
  'a Clip between other bounds': between(
    [node('Clip', 'act', ['mid', 'low', 'high'], ['act'])],
    [floatTensor('low', [-0.5], []), floatTensor('high', [0.25], [])],
  ),
};

async function expectSame(before: Model, after: Model, dims: Dims = input): Promise<void> {
  for (const sample of samples(dims, 2)) {
    const { y: expected = new Float32Array() } = await run(before, sample, 'none');
    const { y: found = new Float32Array() } = await run(after, sample);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBe(expected.length);
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    found.forEach((value, i) => expect(Math.abs(value - (expected[i] ?? NaN))).toBeLessThan(1e-4 * largest));
  }
}

/** The greatest magnitude of each slice of a weight: `channelOf` tells the slice of an element. */
async function ranges(of: Model, name: string, channelOf: (at: number) => number): Promise<number[]> {
  const tensor = of.graph?.initializer.find((each) => each.name === name);
  if (!tensor) throw new Error(`no ${name}`);
  const found: number[] = [];
  (await readFloat32(tensor)).forEach((value, at) => {
    found[channelOf(at)] = Math.max(found[channelOf(at)] ?? 0, Math.abs(value));
  });
  return found;
}

const byOutput = (at: number): number => Math.floor(at / 27);
const byInput = (at: number): number => at % 4;

describe('a pair of layers with', () => {
  it.each(Object.entries(evenable))('%s between them computes the same', async (_, before) => {
    const { model: after, pairs, notes } = await equalize(before, plan);
    expect({ pairs, notes }).toEqual({ pairs: [['first', 'second']], notes: [] });
    expect(await ranges(after, 'w0', byOutput)).not.toEqual(await ranges(before, 'w0', byOutput));
    await expectSame(before, after);
  });

  it('Relu between them has the same range in both, channel by channel', async () => {
    const before = evenable['Relu'] ?? between([]);
    const { model: after } = await equalize(before, plan);
    const [old0, old1] = [await ranges(before, 'w0', byOutput), await ranges(before, 'w1', byInput)];
    const [new0, new1] = [await ranges(after, 'w0', byOutput), await ranges(after, 'w1', byInput)];
    for (const channel of [0, 1, 2, 3]) {
      const even = Math.sqrt((old0[channel] ?? NaN) * (old1[channel] ?? NaN));
      expect(new0[channel]).toBeCloseTo(even, 5);
      expect(new1[channel]).toBeCloseTo(even, 5);
    }
  });
});

describe('a depthwise layer and its neighbours', () => {
  it('have one range per channel: the cube root of the product', async () => {
    const wd = weights('wd', [4, 1, 3, 3], 7);
    const before = model(
      [
        conv('first', ['x', 'w0', 'b0'], 'mid'),
        node('Clip', 'act', ['mid', 'zero', 'six'], ['a']),
        node('Conv', 'depth', ['a', 'wd', 'bd'], ['d'], depthwise),
        node('Clip', 'act2', ['d', 'zero', 'six'], ['e']),
        conv('second', ['e', 'w1'], 'y', 1),
      ],
      [w0, b0, wd, weights('bd', [4], 6), w1, ...six],
      input,
    );
    const { model: after, pairs } = await equalize(before, plan);
    expect(pairs).toEqual([
      ['first', 'depth'],
      ['depth', 'second'],
    ]);
    await expectSame(before, after);
    const all = async (of: Model) => [
      await ranges(of, 'w0', byOutput),
      await ranges(of, 'wd', (at) => Math.floor(at / 9)),
      await ranges(of, 'w1', byInput),
    ];
    const [old, even] = [await all(before), await all(after)];
    for (const channel of [0, 1, 2, 3]) {
      const root = Math.cbrt(old.reduce((product, each) => product * (each[channel] ?? NaN), 1));
      for (const each of even) expect((each[channel] ?? NaN) / root).toBeCloseTo(1, 2);
    }
    expect(opTypes(after)).toEqual(['Conv', 'Conv', 'Conv', 'Min', 'Min', 'Relu', 'Relu']);
  });
});

describe('layers are left as they are', () => {
  const untouched = async (before: Model, its: typeof defaultPlan = plan) => {
    const { model: after, pairs, notes } = await equalize(before, its);
    expect(pairs).toEqual([]);
    expect(after).toBe(before);
    return notes;
  };

  it('where a branch goes off', async () => {
    const branch = model(
      [
        conv('first', ['x', 'w0', 'b0'], 'mid'),
        relu,
        conv('second', ['act', 'w1'], 'z', 1),
        node('GlobalAveragePool', 'pool', ['act'], ['y']),
      ],
      [w0, b0, w1],
      input,
      ['y', 'z'],
    );
    await untouched(branch);
    await untouched(
      model(
        [conv('first', ['x', 'w0', 'b0'], 'act'), conv('second', ['act', 'w1'], 'y', 1)],
        [w0, b0, w1],
        input,
        ['y', 'act'],
      ),
    );
  });

  it('where another function stands between', async () => {
    await untouched(between([node('Sigmoid', 'act', ['mid'], ['act'])]));
  });

  it('where they share a weight', async () => {
    const shared = weights('w', [3, 3, 1, 1]);
    await untouched(
      model([conv('first', ['x', 'w'], 'mid', 1), conv('second', ['mid', 'w'], 'y', 1)], [shared], input),
    );
  });

  it('where the plan leaves both float, and where a Clip is part of an integer kernel', async () => {
    const relu6 = evenable['a Clip (Relu6)'] ?? between([]);
    expect(await untouched(relu6, planWith({ first: 'float', second: 'float' }))).toEqual([]);
    expect(await untouched(relu6, defaultPlan)).toEqual([
      expect.stringMatching(/^first: .* one bound for all/),
    ]);
  });

  it('in channels that are dead in one of them', async () => {
    const dead = floatTensor('w0', new Float32Array(4 * 27).fill(1).fill(1e-9, 27, 54), [4, 3, 3, 3]);
    const before = model(
      [conv('first', ['x', 'w0', 'b0'], 'mid'), relu, conv('second', ['act', 'w1'], 'y', 1)],
      [dead, b0, w1],
      input,
    );
    const { model: after } = await equalize(before, plan);
    expect((await ranges(after, 'w0', byOutput))[1]).toBeCloseTo(1e-9, 15);
    await expectSame(before, after);
  });
});

describe('MobileNetV2', () => {
  it('computes the same with the channels of its 36 pairs evened out', async () => {
    const file = sharedModel('cifar10_mobilenetv2/model.onnx');
    if (file === undefined) return;
    const opened = await openModelFile(file);
    try {
      const { model: prepared } = await prepareFloat(opened.model, plan);
      const { model: after, pairs } = await equalize(prepared, plan);
      expect(pairs).toHaveLength(36);
      const name = prepared.graph?.input[0]?.name ?? '';
      const [{ x } = {}] = samples([1, 3, 64, 64], 1);
      if (!x) throw new Error('no sample');
      const [[expected = []], [found = []]] = [
        Object.values(await run(prepared, { [name]: x }, 'none')),
        Object.values(await run(after, { [name]: x })),
      ];
      expect(sqnr(expected, found)).toBeGreaterThan(80);
    } finally {
      await opened.close();
    }
  });
});

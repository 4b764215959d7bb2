import { describe, expect, it } from 'vitest';
import { floatTensor, makeGraph, makeModel, makeValueInfo } from '../../../src/core/onnx/build';
import { derive } from '../../../src/core/onnx/origin';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { modelSize } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan, PlanEntry } from '../../../src/core/plan/types';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import { predictBytes } from '../../../src/core/rewrite/predictBytes';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, optimizedOpTypes, quantize, run, sqnr } from '../../support/rewriting';
import { initializer } from './inspecting';
import { conv, image, model, node, samples, weights } from './models';

const original = model(
  [
    conv('a', ['x', 'w', 'b'], 'a_out'),
    node('Relu', 'relu', ['a_out'], ['act']),
    conv('c', ['act', 'v'], 'y'),
  ],
  [weights('w', [4, 3, 3, 3]), floatTensor('b', [1, -1, 2, 0]), weights('v', [5, 4, 3, 3], 2)],
  image,
);

function entry(text: string): PlanEntry {
  const format = parseFormat(text);
  if ('mistake' in format) throw new Error(format.mistake);
  return format;
}

const planOf = (layers: Readonly<Record<string, string>>): Plan => ({
  ...defaultPlan,
  defaultScheme: 'float',
  layers: Object.fromEntries(Object.entries(layers).map(([name, text]) => [name, entry(text)])),
});

/** Lowest SQNR of the outputs at full optimization. */
async function worst(float: Model, written: Model): Promise<number> {
  let least = Infinity;
  for (const sample of samples(image, 3)) {
    const { y: before = [] } = await run(float, sample, 'none');
    const { y: after = [] } = await run(written, sample, 'full');
    least = Math.min(least, sqnr(before, after));
  }
  return least;
}

describe('w8', () => {
  it('stores int8 weights and leaves everything else float, without any range', async () => {
    const plan = { ...defaultPlan, defaultScheme: 'w8' } as const;
    const { model: quantized, layers, notes } = await rewrite(original, plan, new Map());
    expect(opTypes(quantized)).toEqual(['Conv', 'Conv', 'DequantizeLinear', 'DequantizeLinear', 'Relu']);
    expect(layers).toMatchObject([
      { name: 'a', scheme: 'w8', bits: 8, signed: true, granularity: 'per-channel' },
      { name: 'c', scheme: 'w8', bits: 8, signed: true, granularity: 'per-channel' },
    ]);
    // Codes, a float32 scale per channel (zero points of 0 are left out), and the float32 bias of the first.
    expect(layers.map(({ bytesAfter }) => bytesAfter)).toEqual([108 + 4 * 4 + 16, 180 + 4 * 5]);
    expect(notes).toEqual([]);
    expect(await worst(original, quantized)).toBeGreaterThan(38);
  });

  it('is a float neighbour to static layers', async () => {
    const plan = { ...defaultPlan, layers: { c: { scheme: 'w8' } } } as const;
    const { model: quantized, ranges } = await quantize(original, plan, samples(image));
    expect([...ranges.keys()].sort()).toEqual(['act', 'x']);
    expect(opTypes(quantized).filter((op) => op === 'QuantizeLinear')).toHaveLength(2);
  });
});

describe('results', () => {
  it('say in words what became of a weight and a bias', async () => {
    const { layers } = await rewrite(
      original,
      planOf({ a: 'w4,kernel,asymmetric,mse,gain,bias:lut3', c: 'pow2-3,gain' }),
      new Map(),
    );
    expect(layers).toMatchObject([
      {
        ...{ scheme: 'w4', bits: 4, signed: true, granularity: 'per-kernel' },
        ...{ range: 'mse', gain: true, bias: 'lut3' },
      },
      { scheme: 'pow2-3', bits: 3, signed: false, entries: 5, granularity: 'per-channel', gain: true },
    ]);
    const [, { exponents = [], bias } = {}] = layers;
    // The greatest weight of 4/3·2^n1 or less, and half of it.
    expect(exponents).toEqual([expect.any(Number), (exponents[0] ?? 0) + 1]);
    expect(bias).toBeUndefined();
  });

  it('say which choice data made, where the plan leaves one', async () => {
    const choices = new Map([['a', { rule: 'mse', gain: true }]] as const);
    const plan = planOf({ a: 'w4', c: 'w4,max,no-gain' });
    const { layers, model: written } = await rewrite(original, plan, new Map(), {}, choices);
    expect(layers.map(({ range, gain }) => [range, gain])).toEqual([
      ['mse', true],
      ['max', false],
    ]);
    const { layers: plain, model: other } = await rewrite(original, plan, new Map());
    expect(plain.map(({ range, gain }) => [range, gain])).toEqual([
      ['max', false],
      ['max', false],
    ]);
    expect(await readFloat32(initializer(written, 'w_scale'))).not.toEqual(
      await readFloat32(initializer(other, 'w_scale')),
    );
    expect(await readFloat32(initializer(written, 'v_scale'))).toEqual(
      await readFloat32(initializer(other, 'v_scale')),
    );
  });

  it.each(['lut4,tensor', 'lut4,group:2', 'lut4', 'pow2-5', 'pow2-5,channel'])(
    'take the same bytes as %s whatever data chooses',
    async (text) => {
      const choices = new Map([['a', { rule: 'max', gain: true }]] as const);
      const plan = planOf({ a: text });
      const { bytes, layers: foretold } = await predictBytes(original, plan);
      const { layers, model: gained } = await rewrite(original, plan, new Map(), {}, choices);
      const { layers: plain, model: written } = await rewrite(original, plan, new Map());
      expect([await modelSize(gained), await modelSize(written)]).toEqual([bytes, bytes]);
      expect([layers, plain].map(([a]) => a?.bytesAfter)).toEqual([
        foretold[0]?.bytesAfter,
        foretold[0]?.bytesAfter,
      ]);
      // A power of two with a gain is none any more; k-means has it by itself where it costs nothing.
      const isKmeans = text.startsWith('lut');
      expect([layers, plain].map(([a]) => a?.gain)).toEqual([text !== 'pow2-5', isKmeans]);
      const before = await plain[0]?.measureWeight();
      const after = await layers[0]?.measureWeight();
      if (text === 'pow2-5,channel') expect(after?.sse).toBeGreaterThan(before?.sse ?? Infinity);
    },
  );

  it('measure the error of what is written', async () => {
    const formats = { a: 'w4,block:16,mse', c: 'lut4,group:1' };
    const { layers, notes } = await rewrite(original, planOf(formats), new Map());
    expect(notes).toEqual([expect.stringMatching(/raised from 17 to 21/)]);
    for (const { measureWeight, bits } of layers) {
      const error = await measureWeight();
      expect(error?.sqnrDb).toBeGreaterThan(5 * bits);
      expect(error?.uniqueAfter).toBeGreaterThan(2 ** bits);
    }
  });
});

describe('biases', () => {
  it('are stored as indices into a table of their own', async () => {
    const { model: written, layers } = await rewrite(original, planOf({ a: 'w8,bias:u1' }), new Map());
    expect(await readFloat32(initializer(written, 'b_codebook'))).toEqual(Float32Array.of(-1, 2));
    // 4 indices in 2 bytes and 2 values for 4 values of 4 bytes.
    expect(layers[0]).toMatchObject({ bias: 'u1', bytesAfter: 108 + 4 * 4 + (2 + 8) });
    expect((await optimizedOpTypes(written)).filter((op) => ['Cast', 'Gather'].includes(op))).toEqual([]);
  });

  it('of float layers are not int32', async () => {
    const { layers, notes } = await rewrite(original, planOf({ a: 'w8,bias:int32' }), new Map());
    expect(layers[0]).toMatchObject({ bias: 'float', bytesAfter: 108 + 16 + 16 });
    expect(notes).toEqual(['a: The bias stays float: int32 is for layers that compute on integers.']);
  });
});

describe('what the runtime computes at load', () => {
  it.each(['lut16', 'lut16,group:2', 'lut5,group:1,gain', 'pow2-15,channel', 'u4', 'fp16'])(
    '%s',
    async (text) => {
      const { model: written } = await rewrite(original, planOf({ a: text, c: text }), new Map());
      expect((await optimizedOpTypes(written)).filter((op) => !/Conv|Reorder/.test(op))).toEqual([]);
    },
  );

  it('groups of a weight whose channels come last', async () => {
    const float = model([node('MatMul', 'm', ['x', 'w'], ['y'])], [weights('w', [6, 4])], [2, 6]);
    const { model: written } = await rewrite(float, planOf({ m: 'lut3,group:2,gain' }), new Map());
    expect(opTypes(written)).toEqual(['Cast', 'GatherElements', 'MatMul', 'Mul', 'Reshape', 'Transpose']);
    expect(await optimizedOpTypes(written)).toEqual(['MatMul']);
  });
});

describe('a weight that two layers share', () => {
  const shared = model(
    [conv('first', ['x', 'w'], 'mid'), conv('second', ['mid', 'w'], 'y')],
    [weights('w', [3, 3, 3, 3])],
    image,
  );

  it('is stored once in one format', async () => {
    const { model: written } = await rewrite(
      shared,
      planOf({ first: 'w4,kernel', second: 'w4,kernel' }),
      new Map(),
    );
    expect(opTypes(written)).toEqual(['Conv', 'Conv', 'DequantizeLinear', 'Reshape']);
    expect(await worst(shared, written)).toBeGreaterThan(15);
  });

  it('is stored twice in two', async () => {
    const { model: written } = await rewrite(
      shared,
      planOf({ first: 'w4', second: 'lut16,group:1' }),
      new Map(),
    );
    expect(opTypes(written)).toEqual([
      'Cast',
      'Conv',
      'Conv',
      'DequantizeLinear',
      'GatherElements',
      'Reshape',
    ]);
    expect(await worst(shared, written)).toBeGreaterThan(12);
  });
});

describe('what an operator does not have', () => {
  it.each([
    [
      'w8,block:64',
      'Its channels have fewer than 64 weights, so that it has a scale per channel, not per block.',
    ],
    ['lut4,group:3', 'Its 4 channels do not divide into groups of 3, so that each table serves 2.'],
  ])('%s is said', async (text, note) => {
    const { layers, notes } = await rewrite(original, planOf({ a: text }), new Map());
    expect(notes.filter((each) => each.startsWith('a: '))).toEqual([`a: ${note}`]);
    expect(layers[0]?.granularity).toBe(text.startsWith('lut') ? 'per-group' : 'per-channel');
  });

  it('is a table per group larger than the weight', async () => {
    const { layers } = await rewrite(original, planOf({ a: 'lut4,group:4' }), new Map());
    expect(layers[0]).toMatchObject({ granularity: 'per-tensor', entries: 4 });
  });

  it('is said of a matrix without windows', async () => {
    const float = model([node('MatMul', 'm', ['x', 'w'], ['y'])], [weights('w', [6, 4])], [2, 6]);
    const { notes, layers } = await rewrite(float, planOf({ m: 'w8,kernel' }), new Map());
    expect(layers[0]?.granularity).toBe('per-channel');
    expect(notes).toEqual([expect.stringMatching(/^m: It has no windows of several weights/)]);
  });
});

describe('where the opset cannot be raised', () => {
  const grouped = model(
    [
      conv('a', ['x', 'w'], 'a_out'),
      node('GroupNormalization', 'norm', ['a_out', 's', 's'], ['y'], { num_groups: { int: 2 } }),
    ],
    [weights('w', [4, 3, 3, 3]), floatTensor('s', [1, 2])],
    image,
    ['y'],
    18,
  );

  it.each(['w4', 'w4,asymmetric,kernel', 'w4,unsigned,tensor'])(
    '%s is written by com.microsoft',
    async (text) => {
      const { model: written, layers } = await rewrite(grouped, planOf({ a: text }), new Map());
      const { notes } = await predictBytes(grouped, planOf({ a: text }));
      expect(written.opsetImport).toEqual([
        { domain: '', version: 18 },
        { domain: 'com.microsoft', version: 1 },
      ]);
      expect(written.graph?.node.find(({ opType }) => opType === 'DequantizeLinear')?.domain).toBe(
        'com.microsoft',
      );
      expect(layers[0]).toMatchObject({ bits: 4 });
      expect(notes).toEqual([
        expect.stringMatching(/^norm \(GroupNormalization\) cannot be raised to opset 21/),
      ]);
      const [sample = {}] = samples(image, 1);
      const { y: plain = [] } = await run(written, sample, 'none');
      const { y: after = [] } = await run(written, sample, 'full');
      expect(sqnr(plain, after)).toBeGreaterThan(100);
      expect(await worst(grouped, written)).toBeGreaterThan(10);
    },
  );

  it('blocks are refused, but not where they fall back to channels', async () => {
    await expect(rewrite(grouped, planOf({ a: 'w8,block:16' }), new Map())).rejects.toThrow(
      /^norm \(GroupNormalization\) cannot be raised to opset 21/,
    );
    const { layers } = await rewrite(grouped, planOf({ a: 'w8,block:32' }), new Map());
    expect(layers[0]).toMatchObject({ granularity: 'per-channel' });
  });
});

describe('other layers with weights', () => {
  it.each(['w8', 'w4,asymmetric', 'lut16', 'lut16,group:2', 'fp16', 'w8,block:16'])(
    'a table as %s',
    async (text) => {
      const base = makeGraph({
        node: [node('Gather', 'table', ['t', 'x'], ['y'])],
        initializer: [weights('t', [10, 16])],
        input: [makeValueInfo('x', DataType.INT64, [3])],
        output: [makeValueInfo('y', DataType.FLOAT)],
      });
      const float = makeModel(base, { opset: 17, irVersion: 8 });
      const { model: written, layers } = await rewrite(float, planOf({ table: text }), new Map());
      expect(layers[0]?.scheme).toBe(text.split(',')[0]);
      const feeds = { x: { type: 'int64' as const, dims: [3], data: BigInt64Array.of(9n, 0n, 4n) } };
      const { y: before = [] } = await run(float, feeds, 'none');
      const { y: after = [] } = await run(written, feeds, 'full');
      expect(sqnr(before, after)).toBeGreaterThan(14);
    },
  );

  it.each(['w8', 'w4,block:16', 'lut16', 'fp16'])('an LSTM as %s, both of its weights', async (text) => {
    const float = model(
      [node('LSTM', 'lstm', ['x', 'w', 'r'], ['', 'y'], { hidden_size: { int: 16 } })],
      [weights('w', [1, 64, 20]), weights('r', [1, 64, 16], 2)],
      [5, 1, 20],
    );
    const { model: written, layers } = await rewrite(float, planOf({ lstm: text }), new Map());
    const [sample = {}] = samples([5, 1, 20], 1);
    const { y: before = [] } = await run(float, sample, 'none');
    const { y: after = [] } = await run(written, sample, 'full');
    expect(sqnr(before, after)).toBeGreaterThan(15);
    expect((layers[0]?.bytesAfter ?? 0) / (layers[0]?.bytesBefore ?? 1)).toBeLessThan(0.51);
    expect((await layers[0]?.measureWeight())?.sqnrDb).toBeGreaterThan(15);
  });
});

describe('weights that a format cannot hold', () => {
  const broken = derive(original, {
    graph:
      original.graph &&
      derive(original.graph, {
        initializer: original.graph.initializer.map((tensor) =>
          tensor.name === 'v' ? floatTensor('v', new Float32Array(180).fill(NaN), [5, 4, 3, 3]) : tensor,
        ),
      }),
  });

  it.each(['w8', 'w4,block:16,mse', 'lut16', 'u4', 'pow2-5'])(
    'are refused before anything is written: %s',
    async (text) => {
      await expect(rewrite(broken, planOf({ a: text, c: text }), new Map())).rejects.toThrow(/^c: .*NaN/);
    },
  );
});

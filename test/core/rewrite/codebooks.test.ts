import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import type { Layer } from '../../../src/core/graph/types';
import { floatTensor } from '../../../src/core/onnx/build';
import { derive } from '../../../src/core/onnx/origin';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import type { Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import type { LayerScheme } from '../../../src/core/quant/scheme';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, optimizedOpTypes, quantize, run, sqnr } from '../../support/rewriting';
import { conv, image, model, node, samples, weights } from './models';

const original = model(
  [
    conv('a', ['x', 'w', 'b'], 'a_out'),
    node('Relu', 'relu', ['a_out'], ['act']),
    conv('c', ['act', 'v'], 'c_out', 1),
    node('Flatten', 'flat', ['c_out'], ['features']),
    node('Gemm', 'head', ['features', 'g'], ['y'], { transB: { int: 1 } }),
  ],
  [
    weights('w', [4, 3, 3, 3]),
    floatTensor('b', [1, -1, 2, 0]),
    // An odd number of weights: the last byte of 4-bit indices is half empty.
    weights('v', [5, 4, 1, 1], 2),
    weights('g', [7, 320], 3),
  ],
  image,
);

const atOpset21 = derive(original, { opsetImport: [{ domain: '', version: 21 }], irVersion: 10 });

const planOf = (defaultScheme: LayerScheme): Plan => ({ ...defaultPlan, defaultScheme });

function layersOf(of: Model): Layer[] {
  const index = indexGraph(of);
  return findLayers(index, inferShapes(index, {}));
}

describe.each([
  ['opset 17', original],
  ['opset 21', atOpset21],
])('a codebook at %s', (_, float) => {
  it.each([
    ['u8', 33],
    ['u4', 10],
    ['lut256', 40],
    ['lut16', 16],
    ['lut3', 3],
    ['pow2-5', 10],
    ['pow2-15', 10],
    // Zero and one magnitude: these weights are spread evenly.
    ['pow2-2', -3],
  ] as const)(
    '%s runs at full optimization and gives the output that its weights stand for',
    async (scheme, least) => {
      const { model: written, layers } = await rewrite(float, planOf(scheme), new Map());
      for (const sample of samples(image, 3)) {
        const { y: before = [] } = await run(float, sample, 'none');
        const { y: plain = [] } = await run(written, sample, 'none');
        const { y: after = [] } = await run(written, sample, 'full');
        expect(sqnr(before, after)).toBeGreaterThan(least);
        expect(sqnr(plain, after)).toBeGreaterThan(100);
      }
      expect(layers.map((layer) => layer.scheme)).toEqual([scheme, scheme, scheme]);
    },
  );

  it.each(['u5', 'lut16', 'lut100', 'pow2-3'] as const)(
    '%s is read back as the same layers, of the bytes foretold',
    async (scheme) => {
      const { model: written, layers } = await rewrite(float, planOf(scheme), new Map());
      const found = layersOf(written);
      const expected = layersOf(float);
      expect(found.map(({ name, parameters, weight }) => [name, parameters, weight?.shape])).toEqual(
        expected.map(({ name, parameters, weight }) => [name, parameters, weight?.shape]),
      );
      expect(found.map(({ weight }) => weight?.stored.via)).toEqual(['codebook', 'codebook', 'codebook']);
      expect(found.map(({ bytes }) => bytes)).toEqual(layers.map(({ bytesAfter }) => bytesAfter));
      expect(expected.map(({ bytes }) => bytes)).toEqual(layers.map(({ bytesBefore }) => bytesBefore));
    },
  );

  it('is computed when the runtime loads the model', async () => {
    const { model: written } = await rewrite(float, planOf('lut16'), new Map());
    expect(opTypes(written).filter((op) => op === 'Gather')).toHaveLength(3);
    const left = (await optimizedOpTypes(written)).filter((op) => ['Cast', 'Gather', 'Mul'].includes(op));
    expect(left).toEqual([]);
  });
});

describe('indices', () => {
  const storedTypes = async (float: Model, scheme: LayerScheme) => {
    const { model: written, notes } = await rewrite(float, planOf(scheme), new Map());
    return {
      types: layersOf(written).map(({ weight }) => weight?.dtype),
      notes,
      irVersion: written.irVersion,
    };
  };

  it('take 4 bits where up to 16 values are enough, for which the opset is raised', async () => {
    const { types, notes, irVersion } = await storedTypes(original, 'lut16');
    expect({ types, irVersion }).toEqual({ types: ['uint4', 'uint4', 'uint4'], irVersion: 10 });
    expect(notes).toEqual([expect.stringMatching(/raised from 17 to 21/)]);
    expect(await storedTypes(original, 'lut17')).toEqual({
      types: ['uint8', 'uint8', 'uint8'],
      notes: [],
      irVersion: 8,
    });
  });

  it('raise the IR version of a model that has the opset', async () => {
    expect(await storedTypes(derive(atOpset21, { irVersion: 9 }), 'u4')).toEqual({
      types: ['uint4', 'uint4', 'uint4'],
      notes: [],
      irVersion: 10,
    });
  });

  it('take 4 bits also in a model that was prepared for another plan', async () => {
    const ready = await prepareFloat(original, planOf('w8'));
    expect(await storedTypes(ready.model, 'u8')).toMatchObject({ types: ['uint8', 'uint8', 'uint8'] });
    expect(await storedTypes(ready.model, 'u4')).toMatchObject({ types: ['uint4', 'uint4', 'uint4'] });
  });

  it('take 8 bits where the opset cannot be raised, and say why', async () => {
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
    expect(await storedTypes(grouped, 'pow2-15')).toEqual({
      types: ['uint8'],
      notes: ['a: The indices take 8 bits each in the file: below opset 21 there is no type of 4 bits.'],
      irVersion: 8,
    });
    expect((await prepareFloat(grouped, planOf('pow2-15'))).notes).toEqual([
      expect.stringMatching(/^norm \(GroupNormalization\) cannot be raised to opset 21/),
    ]);
    expect(await storedTypes(grouped, 'pow2-5')).toMatchObject({ types: ['uint8'], notes: [] });
  });
});

describe('a plan with codebooks', () => {
  it('reports the bits of an index and the error of each weight', async () => {
    const layers = {
      a: { scheme: 'lut5' },
      c: { scheme: 'u1' },
      head: { scheme: 'pow2-5' },
    } as const;
    const { layers: rewritten } = await rewrite(original, { ...defaultPlan, layers }, new Map());
    expect(rewritten).toMatchObject([
      { name: 'a', scheme: 'lut5', bits: 3, signed: false, granularity: 'per-channel' },
      { name: 'c', scheme: 'u1', bits: 1, signed: false, granularity: 'per-tensor' },
      { name: 'head', scheme: 'pow2-5', bits: 5, signed: false, granularity: 'per-tensor' },
    ]);
    // 108 indices of 4 bits, 5 values, 4 scales, and the bias of 4; 20 of 4 bits and 2 values; 2240 of 8 and 17 values.
    expect(rewritten.map(({ bytesAfter }) => bytesAfter)).toEqual([
      54 + 4 * (5 + 4 + 4),
      10 + 4 * 2,
      2240 + 4 * 17,
    ]);
    const errors = await Promise.all(rewritten.map((layer) => layer.measureWeight()));
    expect(errors.map((error) => error?.uniqueAfter)).toEqual([expect.any(Number), 2, expect.any(Number)]);
    expect(errors[2]?.uniqueAfter).toBeLessThanOrEqual(17);
  });

  it('stores a shared weight once', async () => {
    const shared = model(
      [conv('first', ['x', 'w'], 'mid'), conv('second', ['mid', 'w'], 'y')],
      [weights('w', [3, 3, 3, 3])],
      image,
    );
    const { model: written } = await rewrite(shared, planOf('lut16'), new Map());
    expect(opTypes(written).filter((op) => op === 'Gather')).toHaveLength(1);
    expect(written.graph?.initializer.map(({ name }) => name)).not.toContain('w');
    const [sample = {}] = samples(image, 1);
    const { y: before = [] } = await run(shared, sample, 'none');
    const { y: after = [] } = await run(written, sample, 'full');
    expect(sqnr(before, after)).toBeGreaterThan(14);
  });

  it('leaves static neighbours static', async () => {
    const plan = { ...defaultPlan, layers: { c: { scheme: 'lut16' } } } as const;
    const { model: written, ranges, layers } = await quantize(original, plan, samples(image));
    expect([...ranges.keys()].sort()).toEqual(['act', 'features', 'x']);
    expect(layers.map(({ scheme }) => scheme)).toEqual(['w8a8', 'lut16', 'w8a8']);
    expect(await optimizedOpTypes(written)).toEqual(expect.arrayContaining(['QLinearConv', 'QGemm']));
    const [sample = {}] = samples(image, 1);
    const { y: before = [] } = await run(original, sample, 'none');
    const { y: after = [] } = await run(written, sample, 'full');
    expect(sqnr(before, after)).toBeGreaterThan(14);
  });

  it('stores powers of two and zero, nothing else', async () => {
    const { model: written } = await rewrite(original, planOf('pow2-15'), new Map());
    const table = written.graph?.initializer.find(({ name }) => name === 'w_codebook');
    if (!table) throw new Error('no codebook');
    const values = Array.from(await readFloat32(table));
    expect(values).toHaveLength(15);
    expect(values.filter((value) => value !== 0).map((value) => Math.log2(Math.abs(value)) % 1)).toEqual(
      new Array(14).fill(0).map((zero: number) => expect.closeTo(zero) as number),
    );
  });
});

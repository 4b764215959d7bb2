import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { floatTensor, int64Tensor } from '../../../../src/core/onnx/build';
import { MemorySource } from '../../../../src/core/onnx/memory';
import { readModel } from '../../../../src/core/onnx/read';
import { DataType, type Model, type Node, type Tensor } from '../../../../src/core/onnx/types';
import type { Converted } from '../../../../src/core/rewrite/convert/converted';
import { foldNormalization } from '../../../../src/core/rewrite/convert/foldNormalization';
import { opTypes, run } from '../../../support/rewriting';
import { sharedModel } from '../../../support/sharedModels';
import { conv, type Dims, image, model, node, samples, weights } from '../models';

/** Folds, and expects outputs within 1e-5 of the largest. */
async function foldAndCompare(original: Model, dims: Dims, inputName = 'x'): Promise<Converted> {
  const folded = foldNormalization(original);
  expect(folded.model.opsetImport).toEqual(original.opsetImport);
  expect(folded.model.irVersion).toBe(original.irVersion);
  for (const { x } of samples(dims, 2)) {
    if (!x) throw new Error('no sample');
    const before = await run(original, { [inputName]: x }, 'none');
    const after = await run(folded.model, { [inputName]: x }, 'none');
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, values] of Object.entries(before)) {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeGreaterThan(0);
      const worst = values.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (after[name]?.[i] ?? NaN))),
        0,
      );
      expect(worst / largest).toBeLessThan(1e-5);
    }
  }
  return folded;
}

const norm = (name: string, input: string, output: string): Node =>
  node('BatchNormalization', name, [input, 'gain', 'shift', 'mean', 'variance'], [output], {
    epsilon: { float: 1e-3 },
  });

function statistics(channels: number): Tensor[] {
  const values = (name: string, from: number) =>
    floatTensor(
      name,
      Float32Array.from({ length: channels }, (_, i) => from + Math.sin(i * 3)),
    );
  return [values('gain', 1), values('shift', 0.5), values('mean', 0.1), values('variance', 1.5)];
}

const flat = (name: string, values: readonly number[], dims?: Dims) => floatTensor(name, values, dims);

describe('foldNormalization', () => {
  it.each([7, 9, 13, 15, 20])('folds Conv without bias at opset %i', async (opset) => {
    const original = model(
      [conv('c', ['x', 'w'], 'mid'), norm('bn', 'mid', 'y')],
      [weights('w', [4, 3, 3, 3]), ...statistics(4)],
      image,
      ['y'],
      opset,
    );
    const { model: folded, changed, notes } = await foldAndCompare(original, image);
    expect(opTypes(folded)).toEqual(['Conv']);
    expect([changed, notes]).toEqual([1, []]);
  });

  it('lists what it adds among the inputs of IR version 3', async () => {
    const original = model(
      [conv('c', ['x', 'w'], 'mid'), norm('bn', 'mid', 'y')],
      [weights('w', [4, 3, 3, 3]), ...statistics(4)],
      image,
      ['y'],
      7,
    );
    const { graph } = original;
    const input = [
      ...(graph?.input ?? []),
      ...(graph?.initializer ?? []).map(({ name, dims }) => ({
        name,
        docString: '',
        metadataProps: [],
        type: {
          denotation: '',
          tensorType: { elemType: DataType.FLOAT, shape: { dim: dims.map((dimValue) => ({ dimValue })) } },
        },
      })),
    ];
    const old: Model = { ...original, irVersion: 3, graph: graph && { ...graph, input } };
    const { model: folded } = await foldAndCompare(old, image);
    expect(folded.graph?.input.map(({ name }) => name)).toEqual(['x', 'w', 'c.bias']);
  });

  it.each([1, 3])('folds ConvTranspose of group %i', async (group) => {
    const original = model(
      [
        node('ConvTranspose', 'up', ['x', 'w', 'b'], ['mid'], { group: { int: group } }),
        norm('bn', 'mid', 'y'),
      ],
      [
        weights('w', [3, 2, 2, 2]),
        floatTensor(
          'b',
          Array.from({ length: 2 * group }, (_, i) => i),
        ),
        ...statistics(2 * group),
      ],
      image,
    );
    expect(opTypes((await foldAndCompare(original, image)).model)).toEqual(['ConvTranspose']);
  });

  it('folds a depthwise Conv', async () => {
    const depthwise = node('Conv', 'c', ['x', 'w'], ['mid'], { group: { int: 3 } });
    const original = model(
      [depthwise, norm('bn', 'mid', 'y')],
      [weights('w', [6, 1, 3, 3]), ...statistics(6)],
      image,
    );
    expect(opTypes((await foldAndCompare(original, image)).model)).toEqual(['Conv']);
  });

  it.each([0, 1])('folds Gemm with transB %i, alpha and beta', async (transB) => {
    const original = model(
      [
        node('Gemm', 'fc', ['x', 'w', 'c'], ['mid'], {
          transB: { int: transB },
          alpha: { float: 0.5 },
          beta: { float: 3 },
        }),
        norm('bn', 'mid', 'y'),
      ],
      [weights('w', transB ? [4, 8] : [8, 4]), flat('c', [1, 2, 3, 4]), ...statistics(4)],
      [2, 8],
    );
    expect(opTypes((await foldAndCompare(original, [2, 8])).model)).toEqual(['Gemm']);
  });

  it('folds MatMul, with and without an Add, and a factor per column', async () => {
    const initializer = [weights('w', [8, 4]), flat('b', [1, 2, 3, 4]), flat('f', [2, 3, 4, 5], [1, 4])];
    const product = node('MatMul', 'm', ['x', 'w'], ['mid']);
    const plain = model([product, norm('bn', 'mid', 'y')], [...initializer, ...statistics(4)], [2, 8]);
    expect(opTypes((await foldAndCompare(plain, [2, 8])).model)).toEqual(['Add', 'MatMul']);
    const add = node('Add', 'a', ['b', 'mid'], ['sum']);
    const biased = model([product, add, norm('bn', 'sum', 'y')], [...initializer, ...statistics(4)], [2, 8]);
    expect(opTypes((await foldAndCompare(biased, [2, 8])).model)).toEqual(['Add', 'MatMul']);
    const scaled = model([product, node('Mul', 's', ['mid', 'f'], ['y'])], initializer, [2, 8]);
    expect(opTypes((await foldAndCompare(scaled, [2, 8])).model)).toEqual(['MatMul']);
  });

  it('folds the Mul/Add form with Constant nodes', async () => {
    const original = model(
      [
        conv('c', ['x', 'w'], 'a'),
        node('Constant', 'k1', [], ['factor'], { value: flat('', [1, -2, 3, 0.5], [1, 4, 1, 1]) }),
        node('Mul', 'mul', ['factor', 'a'], ['b']),
        node('Constant', 'k2', [], ['offset'], { value: flat('', [5, 6, 7, 8], [4, 1, 1]) }),
        node('Add', 'add', ['b', 'offset'], ['y']),
      ],
      [weights('w', [4, 3, 3, 3])],
      image,
    );
    const { model: folded, changed } = await foldAndCompare(original, image);
    expect(opTypes(folded)).toEqual(['Conv']);
    expect(changed).toBe(2);
  });

  it('gives layers that share a weight one of their own', async () => {
    const original = model(
      [conv('c1', ['x', 'w'], 'a'), norm('bn', 'a', 'y'), conv('c2', ['x', 'w'], 'z')],
      [weights('w', [4, 3, 3, 3]), ...statistics(4)],
      image,
      ['y', 'z'],
    );
    const { model: folded } = await foldAndCompare(original, image);
    expect(opTypes(folded)).toEqual(['Conv', 'Conv']);
  });

  it('looks through Identity and computed constants, and leaves others alone', async () => {
    const original = model(
      [
        node('Identity', 'other', ['x'], ['same']),
        conv('c', ['same', 'w'], 'mid'),
        node('Identity', 'between', ['mid'], ['mid2']),
        node('Expand', 'e', ['one', 'shape'], ['gain']),
        norm('bn', 'mid2', 'z'),
        node('Reshape', 'r', ['flat', 'newShape'], ['table']),
        node('Add', 'use', ['z', 'table'], ['y']),
      ],
      [
        weights('w', [4, 3, 3, 3]),
        flat('one', [2], [1]),
        int64Tensor('shape', [4]),
        ...statistics(4).slice(1),
        flat(
          'flat',
          Array.from({ length: 64 }, (_, i) => i),
          [64],
        ),
        int64Tensor('newShape', [8, 8]),
      ],
      image,
    );
    const { model: folded } = await foldAndCompare(original, image);
    expect(opTypes(folded)).toContain('Identity');
    expect(opTypes(folded)).not.toContain('BatchNormalization');
    expect(opTypes(folded)).not.toContain('Expand');
  });

  describe('before a layer', () => {
    it.each([1, 3])('folds into a Conv of group %i without padding', async (group) => {
      const original = model(
        [norm('bn', 'x', 'mid'), node('Conv', 'c', ['mid', 'w', 'b'], ['y'], { group: { int: group } })],
        [weights('w', [6, 3 / group, 3, 3]), flat('b', [1, 2, 3, 4, 5, 6]), ...statistics(3)],
        image,
      );
      expect(opTypes((await foldAndCompare(original, image)).model)).toEqual(['Conv']);
    });

    it('leaves a Conv with padding, where that would be wrong at the border, and says so', () => {
      const original = model(
        [norm('bn', 'x', 'mid'), conv('c', ['mid', 'w'], 'y')],
        [weights('w', [4, 3, 3, 3]), ...statistics(3)],
        image,
      );
      const folded = foldNormalization(original);
      expect(folded).toMatchObject({ changed: 0 });
      expect(folded.model).toBe(original);
    });

    it.each([0, 1])('folds into a Gemm with transB %i', async (transB) => {
      const original = model(
        [
          norm('bn', 'x', 'mid'),
          node('Gemm', 'fc', ['mid', 'w', 'c'], ['y'], {
            transB: { int: transB },
            alpha: { float: 0.5 },
            beta: { float: 3 },
          }),
        ],
        [weights('w', transB ? [4, 8] : [8, 4]), flat('c', [1, 2, 3, 4]), ...statistics(8)],
        [2, 8],
      );
      expect(opTypes((await foldAndCompare(original, [2, 8])).model)).toEqual(['Gemm']);
    });

    it('folds into a MatMul, which gets an Add', async () => {
      const original = model(
        [norm('bn', 'x', 'mid'), node('MatMul', 'm', ['mid', 'w'], ['y'])],
        [weights('w', [8, 4]), ...statistics(8)],
        [2, 8],
      );
      expect(opTypes((await foldAndCompare(original, [2, 8])).model)).toEqual(['Add', 'MatMul']);
    });
  });

  it('leaves what is read twice, given out, trained or per activation', () => {
    const stats = statistics(4);
    const layer = conv('c', ['x', 'w'], 'mid');
    const w = weights('w', [4, 3, 3, 3]);
    const training = node(
      'BatchNormalization',
      'bn',
      ['mid', 'gain', 'shift', 'mean', 'variance'],
      ['y', '', ''],
      {
        training_mode: { int: 1 },
      },
    );
    const each = [
      model([layer, norm('bn', 'mid', 'y'), node('Relu', 'r', ['mid'], ['z'])], [w, ...stats], image, [
        'y',
        'z',
      ]),
      model([layer, norm('bn', 'mid', 'y')], [w, ...stats], image, ['y', 'mid']),
      model([layer, training], [w, ...stats], image),
    ];
    for (const original of each) expect(foldNormalization(original).model).toBe(original);
  });

  it('folds all of an unoptimized MobileNetV2', async () => {
    const path = sharedModel('cifar10_mobilenetv2/raw.onnx');
    if (!path) return;
    const original = await readModel(new MemorySource(readFileSync(path)));
    const { model: folded, changed } = await foldAndCompare(original, [1, 3, 64, 64], 'input');
    expect(changed).toBe(52);
    expect(opTypes(folded)).not.toContain('BatchNormalization');
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { floatTensor, int64Tensor, makeGraph, makeValueInfo } from '../../../../src/core/onnx/build';
import { MemorySource } from '../../../../src/core/onnx/memory';
import { readModel } from '../../../../src/core/onnx/read';
import { DataType, type Model } from '../../../../src/core/onnx/types';
import { modelSize } from '../../../../src/core/onnx/write';
import type { Feeds } from '../../../../src/core/ports';
import type { Converted } from '../../../../src/core/rewrite/convert/converted';
import { toFloat16, type ToFloat16Options } from '../../../../src/core/rewrite/convert/toFloat16';
import { opTypes, run, sqnr } from '../../../support/rewriting';
import { sharedModel } from '../../../support/sharedModels';
import { count, initializer, nodes, producerOf } from '../inspecting';
import { conv, image, model, node, residualBlock, samples, weights } from '../models';

/** Converts, and expects outputs of the same name and type, rounded as float16 rounds. */
async function convertAndCompare(
  original: Model,
  feeds: readonly Feeds[],
  { least = 45, ...options }: ToFloat16Options & { least?: number } = {},
): Promise<Converted> {
  const converted = await toFloat16(original, options);
  expect(converted.model.graph?.input.filter(({ name }) => name === 'x')).toEqual(
    original.graph?.input.filter(({ name }) => name === 'x'),
  );
  expect(converted.model.graph?.output).toEqual(original.graph?.output);
  for (const optimization of ['none', 'full'] as const) {
    for (const sample of feeds) {
      const before = await run(original, sample, 'none');
      const after = await run(converted.model, sample, optimization);
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const [name, values] of Object.entries(before)) {
        expect(sqnr(values, after[name] ?? [])).toBeGreaterThan(least);
      }
    }
  }
  return converted;
}

const typeOf = (tried: Model, name: string) => initializer(tried, name).dataType as DataType;

describe('toFloat16', () => {
  it('halves a model, with Casts at inputs and outputs only', async () => {
    const original = residualBlock();
    const { model: half, changed, notes } = await convertAndCompare(original, samples(image, 2));
    expect(opTypes(half)).toEqual(['Add', 'Cast', 'Cast', 'Conv', 'Conv', 'Conv', 'Relu', 'Relu', 'Relu']);
    expect(half.graph?.initializer.map(({ dataType }) => dataType)).toEqual(Array(5).fill(DataType.FLOAT16));
    expect([changed, notes]).toEqual([7, []]);
  });

  it('converts a region, with nodes that follow from it', async () => {
    const original = residualBlock();
    const { model: half, changed } = await convertAndCompare(original, samples(image, 2), {
      nodes: new Set(['left']),
    });
    // The Relu behind it reads nothing else; the next Conv is not named.
    expect(changed).toBe(2);
    expect(typeOf(half, 'w1')).toBe(DataType.FLOAT16);
    expect(typeOf(half, 'w0')).toBe(DataType.FLOAT);
    expect(count(half, 'Cast')).toBe(2);
    expect(producerOf(half, 'left_act')?.opType).toBe('Cast');
    const all = new Set(['stem', 'left', 'right']);
    const { model: whole } = await convertAndCompare(original, samples(image, 2), { nodes: all });
    expect(count(whole, 'Cast')).toBe(2);
  });

  it('keeps operators without a half-precision form, and what else they read', async () => {
    const original = model(
      [
        conv('c', ['x', 'w'], 'mid'),
        node('Resize', 'up', ['mid', '', 'scales'], ['large'], { mode: 'nearest' }),
        node('Max', 'most', ['large', 'floor'], ['clipped']),
        node('Mul', 'm', ['clipped', 'floor'], ['y']),
      ],
      [weights('w', [4, 3, 3, 3]), floatTensor('scales', [1, 1, 2, 2]), floatTensor('floor', [0.25])],
      image,
    );
    const { model: half } = await convertAndCompare(original, samples(image, 2));
    expect(typeOf(half, 'scales')).toBe(DataType.FLOAT);
    expect(typeOf(half, 'floor')).toBe(DataType.FLOAT);
    expect(typeOf(half, 'w')).toBe(DataType.FLOAT16);
    const named = await toFloat16(original, { nodes: new Set(['c', 'up']) });
    expect(named.notes).toEqual([
      'up: Stays float32: Resize has no half-precision form that runs everywhere.',
    ]);
  });

  it('changes Cast, ConstantOfShape and Constant, but not integers', async () => {
    const original = model(
      [
        node('Shape', 's', ['x'], ['shape']),
        node('ConstantOfShape', 'f', ['shape'], ['fill'], { value: floatTensor('', [0.5]) }),
        node('ConstantOfShape', 'z', ['shape'], ['zeros']),
        node('Cast', 'c', ['shape'], ['sizes'], { to: { int: DataType.FLOAT } }),
        node('Constant', 'k', [], ['two'], { value_float: { float: 2 } }),
        node('Mul', 'm', ['x', 'two'], ['a']),
        node('Add', 'p', ['a', 'fill'], ['b']),
        node('Add', 'q', ['b', 'zeros'], ['c']),
        node('Mul', 'r', ['c', 'sizes'], ['y']),
      ],
      [],
      [4, 2],
    );
    const { model: half } = await convertAndCompare(original, samples([4, 2], 2));
    expect(count(half, 'Cast')).toBe(3);
  });

  it('leaves no Cast from float16 to float16 behind, which the runtime may refuse', async () => {
    const original = model(
      [
        node('Relu', 'r', ['x'], ['a']),
        node('Cast', 'same', ['a'], ['b'], { to: { int: DataType.FLOAT } }),
        node('Mul', 'm', ['b', 'b'], ['y']),
      ],
      [],
      [2, 3],
    );
    const { model: half } = await convertAndCompare(original, samples([2, 3], 2));
    expect(opTypes(half)).toEqual(['Cast', 'Cast', 'Identity', 'Mul', 'Relu']);
    const { changed } = await toFloat16(half);
    expect(changed).toBe(0);
  });

  it('clamps what half precision cannot hold, and names it', async () => {
    const original = model(
      [
        node('Mul', 'm', ['x', 'large'], ['a']),
        node('Mul', 'n', ['a', 'small'], ['b']),
        node('Add', 'p', ['b', 'shared'], ['c']),
        node('Max', 'q', ['c', 'shared'], ['y']),
      ],
      [floatTensor('large', [1e6, 1]), floatTensor('small', [1e-9, 1]), floatTensor('shared', [-3e38, 1])],
      [1, 2],
    );
    const { model: half, notes } = await toFloat16(original);
    expect(notes).toHaveLength(3);
    expect(notes[1]).toMatch(/^large, shared: .*65,504/);
    expect(notes[2]).toMatch(/^small: .*zero/);
    expect(notes[0]).toMatch(/^q: Stays float32/);
    const x = { type: 'float32', dims: [1, 2], data: Float32Array.of(0.5, 0.5) } as const;
    const { y } = await run(half, { x }, 'none');
    expect(y?.every(Number.isFinite)).toBe(true);
  });

  it('leaves subgraphs float32, with Casts for what they read', async () => {
    const branch = (name: string, op: string, other: string) =>
      makeGraph({
        name,
        node: [node(op, `${name}_${op}`, ['a', other], [`${name}_out`])],
        output: [makeValueInfo(`${name}_out`, DataType.FLOAT)],
      });
    const original = model(
      [
        node('Mul', 'm', ['x', 'w'], ['a']),
        node('ReduceSum', 'total', ['a'], ['sum'], { keepdims: { int: 0 } }),
        node('Greater', 'g', ['sum', 'zero'], ['isLarge']),
        node('If', 'choose', ['isLarge'], ['chosen'], {
          then_branch: branch('then', 'Add', 'w'),
          else_branch: branch('else', 'Mul', 'x'),
        }),
        node('Add', 'end', ['chosen', 'a'], ['y']),
      ],
      [floatTensor('w', [1.5, 2.5, 3.5]), floatTensor('zero', [0], [])],
      [2, 3],
    );
    await convertAndCompare(original, samples([2, 3], 4));
  });

  it('gives out float32 where a graph output is read inside', async () => {
    const original = model(
      [
        node('Relu', 'r', ['x'], ['y']),
        node('Mul', 'm', ['y', 'w'], ['z']),
        node('Shape', 's', ['z'], ['n']),
      ],
      [floatTensor('w', [1.5, 2.5, 3.5])],
      [2, 3],
      ['y', 'z', 'w'],
    );
    const { model: half } = await convertAndCompare(original, samples([2, 3], 2));
    expect(typeOf(half, 'w')).toBe(DataType.FLOAT);
  });

  it('does nothing where there is no float32, and refuses what is too old', async () => {
    const integers = model([node('Add', 'a', ['n', 'n'], ['y'])], [int64Tensor('n', [1])], [1]);
    expect(await toFloat16(integers)).toMatchObject({ changed: 0 });
    const old = model([node('Relu', 'r', ['x'], ['y'])], [], [1], ['y'], 5);
    await expect(toFloat16(old)).rejects.toThrow(/operator set is 5/);
  });

  it('can be cancelled', async () => {
    await expect(toFloat16(residualBlock(), {}, { signal: { aborted: true } })).rejects.toThrow('Cancelled');
  });

  const sample = join(import.meta.dirname, '../../../../samples/mnist/mnist_cnn.onnx');
  it.each([
    [sample, 'input', [1, 1, 28, 28], 60],
    ['cifar10_mobilenetv2/raw.onnx', 'input', [1, 3, 64, 64], 30],
    ['unet/model.onnx', 'input', [1, 1, 64, 64], 50],
    ['squeezenet/fp32.onnx', 'data_0', [1, 3, 224, 224], 40],
  ])('halves %s', async (file, name, dims, least) => {
    const path = file === sample ? sample : sharedModel(file);
    if (!path) return;
    const original = await readModel(new MemorySource(readFileSync(path)));
    const input = original.graph?.input.find((each) => each.name === name) ?? original.graph?.input[0];
    const [{ x } = {}] = samples(dims, 1);
    if (!x || !input) throw new Error('no sample');
    const { model: half } = await convertAndCompare(original, [{ [input.name]: x }], { least });
    expect((await modelSize(half)) / (await modelSize(original))).toBeLessThan(0.56);
    expect(nodes(half).length).toBeGreaterThan(3);
  });
});

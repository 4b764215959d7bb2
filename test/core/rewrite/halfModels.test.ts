/** float16 models: quantized layers are computed in float32, everything else keeps its bytes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeTensor, makeValueInfo } from '../../../src/core/onnx/build';
import { MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { DataType, type Model, type Tensor } from '../../../src/core/onnx/types';
import { modelSize } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import type { RuntimeTensor } from '../../../src/core/ports';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, quantize, sqnr } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { sharedModel } from '../../support/sharedModels';
import { node } from './models';
import { planOf, weightOnlySchemes } from './weightOnlySupport';

/** float16 numbers spread over ±1. */
function halfBits(length: number, seed: number): Uint16Array {
  return Uint16Array.from({ length }, (_, i) => {
    const mixed = (Math.imul(i + seed, 2654435761) >>> 8) & 0xffff;
    return 0x2c00 + (mixed % 4096) + (mixed & 0x8000);
  });
}

function half(name: string, dims: readonly number[], seed: number): Tensor {
  const bits = halfBits(
    dims.reduce((product, size) => product * size, 1),
    seed,
  );
  return makeTensor(name, DataType.FLOAT16, dims, new Uint8Array(bits.buffer));
}

function toNumber(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

const dims = [4, 32];
const sample = (seed: number): Record<'x', RuntimeTensor> => ({
  x: { type: 'float16', dims, data: halfBits(128, seed) },
});

/** x → MatMul → Add → Relu → MatMul → y, all in float16. */
const original = makeModel(
  makeGraph({
    node: [
      node('MatMul', 'first', ['x', 'w'], ['h']),
      node('Add', 'bias', ['h', 'b'], ['hb']),
      node('Relu', 'relu', ['hb'], ['a']),
      node('MatMul', 'second', ['a', 'v'], ['y']),
    ],
    initializer: [half('w', [32, 64], 1), half('b', [64], 2), half('v', [64, 16], 3)],
    input: [makeValueInfo('x', DataType.FLOAT16, dims)],
    output: [makeValueInfo('y', DataType.FLOAT16, [4, 16])],
  }),
  { opset: 16, irVersion: 8 },
);

async function outputOf(model: Model, feeds: Record<string, RuntimeTensor>): Promise<number[]> {
  const session = await runtime.openModel(model, { optimization: 'full' });
  try {
    const [result] = Object.values(await session.run(feeds));
    expect(result?.type).toBe('float16');
    return Array.from(result?.data as Uint16Array, toNumber);
  } finally {
    await session.release();
  }
}

const storedHalf = ({ graph }: Model): string[] =>
  (graph?.initializer ?? []).flatMap(({ name, dataType }) =>
    dataType === (DataType.FLOAT16 as number) ? [name] : [],
  );

describe('a float16 model', () => {
  it.each(weightOnlySchemes.filter((scheme) => scheme !== 'fp16'))(
    '%s keeps its interface',
    async (scheme) => {
      const { model: written } = await rewrite(original, planOf(scheme), new Map());
      const least = { w8: 35, w4: 12, lut16: 15, 'pow2-5': 12 }[scheme as 'w8'];
      for (const seed of [5, 6]) {
        expect(
          sqnr(await outputOf(original, sample(seed)), await outputOf(written, sample(seed))),
        ).toBeGreaterThan(least);
      }
      expect(storedHalf(written)).not.toContain('w');
    },
  );

  it('w8a8 runs on integers', async () => {
    const { model: written } = await quantize(original, defaultPlan, [sample(5), sample(6), sample(7)]);
    expect(opTypes(written).filter((op) => op === 'QuantizeLinear').length).toBeGreaterThan(1);
    expect(sqnr(await outputOf(original, sample(5)), await outputOf(written, sample(5)))).toBeGreaterThan(28);
  });

  it('layers kept float stay float16 in the file', async () => {
    const plan: Plan = { ...planOf('float'), layers: { second: { scheme: 'w8' } } };
    const { model: written, layers } = await rewrite(original, plan, new Map());
    expect(layers).toMatchObject([
      { name: 'first', bytesBefore: 32 * 64 * 2, bytesAfter: 32 * 64 * 2 },
      { name: 'second', bytesBefore: 64 * 16 * 2, bytesAfter: 64 * 16 + 16 * 4 },
    ]);
    expect(storedHalf(written)).toEqual(['w', 'b']);
    expect(sqnr(await outputOf(original, sample(5)), await outputOf(written, sample(5)))).toBeGreaterThan(35);
    const bytes = (await modelSize(original)) - 64 * 16 * 2 + 64 * 16 + 16 * 4;
    expect(Math.abs((await modelSize(written)) - bytes)).toBeLessThan(900);
  });

  it('fp16 leaves it as it is', async () => {
    const { notes, layers } = await rewrite(original, planOf('fp16'), new Map());
    expect(notes).toEqual(['first, second: Stays as it is. Its weight is stored in half precision already.']);
    expect(layers.map(({ scheme }) => scheme)).toEqual(['float', 'float']);
  });
});

describe('SqueezeNet in float16, of opset 7', () => {
  it.each(['w8', 'lut16', 'w8a8'] as const)('%s runs', async (scheme) => {
    const path = sharedModel('squeezenet/fp16.onnx');
    if (!path) return;
    const file = await readModel(new MemorySource(readFileSync(path)));
    const data = halfBits(3 * 224 * 224, 9);
    const image = { data_0: { type: 'float16', dims: [1, 3, 224, 224], data } } as const;
    const { model: written, layers } = await quantize(file, planOf(scheme), [image]);
    expect(new Set(layers.map((layer) => layer.scheme))).toEqual(new Set([scheme]));
    expect(written.graph?.input.map(({ name }) => name)).toEqual(['data_0']);
    expect((await modelSize(written)) / (await modelSize(file))).toBeLessThan(
      scheme === 'lut16' ? 0.3 : 0.56,
    );
    const least = { w8: 22, lut16: 6, w8a8: 20 }[scheme];
    expect(sqnr(await outputOf(file, image), await outputOf(written, image))).toBeGreaterThan(least);
  });
});

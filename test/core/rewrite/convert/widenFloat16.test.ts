import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { floatTensor, makeGraph, makeTensor, makeValueInfo } from '../../../../src/core/onnx/build';
import { encodeFloat16, fromFloat16 } from '../../../../src/core/onnx/floats';
import { MemorySource } from '../../../../src/core/onnx/memory';
import { derive } from '../../../../src/core/onnx/origin';
import { readModel } from '../../../../src/core/onnx/read';
import { DataType, type Model, type Tensor } from '../../../../src/core/onnx/types';
import { modelSize } from '../../../../src/core/onnx/write';
import type { Feeds } from '../../../../src/core/ports';
import { widenFloat16 } from '../../../../src/core/rewrite/convert/widenFloat16';
import { foldConstants } from '../../../../src/core/rewrite/foldConstants';
import { storeWidened } from '../../../../src/core/rewrite/widenedTensor';
import { opTypes, sqnr } from '../../../support/rewriting';
import { runtime } from '../../../support/runtime';
import { sharedModel } from '../../../support/sharedModels';
import { nodes } from '../inspecting';
import { conv, model, node, weights } from '../models';

const bits = (values: ArrayLike<number>) => Uint16Array.from(values, encodeFloat16);

function half(name: string, values: ArrayLike<number>, dims: readonly number[]): Tensor {
  return makeTensor(name, DataType.FLOAT16, dims, new Uint8Array(bits(values).buffer));
}

async function halfWeights(name: string, dims: readonly number[]): Promise<Tensor> {
  const bytes = new Uint8Array((await weights(name, dims).rawData?.read()) ?? []);
  return half(name, new Float32Array(bytes.buffer), dims);
}

/** A model whose inputs and outputs are float16. */
function halfModel(...parts: Parameters<typeof model>): Model {
  const built = model(...parts);
  const { graph } = built;
  if (!graph) throw new Error('no graph');
  const input = [makeValueInfo('x', DataType.FLOAT16, parts[2])];
  const output = graph.output.map(({ name }) => makeValueInfo(name, DataType.FLOAT16));
  return { ...built, graph: { ...graph, input, output } };
}

function feedsFor(dims: readonly number[], name = 'x'): Feeds {
  const size = dims.reduce((product, each) => product * each, 1);
  const data = bits(Float32Array.from({ length: size }, (_, i) => Math.sin(i * 0.7) + Math.cos(i / 31)));
  return { [name]: { type: 'float16', dims, data } };
}

async function runHalf(tried: Model, feeds: Feeds): Promise<Record<string, Float32Array>> {
  const session = await runtime.openModel(tried, { optimization: 'none' });
  try {
    const results = Object.entries(await session.run(feeds));
    return Object.fromEntries(
      results.map(([name, { data, type }]) => {
        expect(type).toBe('float16');
        return [name, fromFloat16(data as Uint16Array)];
      }),
    );
  } finally {
    await session.release();
  }
}

async function expectSame(original: Model, widened: Model, feeds: Feeds): Promise<void> {
  const before = await runHalf(original, feeds);
  const after = await runHalf(widened, feeds);
  expect(Object.keys(after)).toEqual(Object.keys(before));
  for (const [name, values] of Object.entries(before))
    expect(sqnr(values, after[name] ?? [])).toBeGreaterThan(50);
}

const image = [1, 3, 8, 8];

describe('widenFloat16', () => {
  it('computes in float32 and keeps interface and weights as they are', async () => {
    const original = halfModel(
      [conv('c', ['x', 'w', 'b'], 'mid'), node('Relu', 'r', ['mid'], ['y'])],
      [await halfWeights('w', [4, 3, 3, 3]), half('b', [0.1, 0.2, -0.3, 0.4], [4])],
      image,
    );
    const widened = widenFloat16(original);
    await expectSame(original, widened, feedsFor(image));
    expect(opTypes(widened)).toEqual(['Cast', 'Cast', 'Cast', 'Cast', 'Conv', 'Relu']);
    expect(widened.graph?.initializer).toEqual(original.graph?.initializer);
    expect(widened.graph?.input).toEqual(original.graph?.input);
    expect(widened.graph?.output).toEqual(original.graph?.output);
    expect((await modelSize(widened)) - (await modelSize(original))).toBeLessThan(500);
    expect(widenFloat16(widened)).toBe(widened);
  });

  it('leaves a model without float16 as it is', () => {
    const original = model([conv('c', ['x', 'w'], 'y')], [weights('w', [4, 3, 3, 3])], image);
    expect(widenFloat16(original)).toBe(original);
  });

  it('changes Constant, Cast and ConstantOfShape', async () => {
    const original = halfModel(
      [
        node('Constant', 'k', [], ['two'], { value: half('', [2], [1]) }),
        node('Mul', 'm', ['x', 'two'], ['doubled']),
        node('Cast', 'wide', ['doubled'], ['wider'], { to: { int: DataType.FLOAT } }),
        node('Cast', 'narrow', ['wider'], ['narrower'], { to: { int: DataType.FLOAT16 } }),
        node('Shape', 's', ['x'], ['shape']),
        node('ConstantOfShape', 'f', ['shape'], ['fill'], { value: half('', [0.25], [1]) }),
        node('Add', 'a', ['narrower', 'fill'], ['y']),
      ],
      [],
      [2, 3],
    );
    const widened = widenFloat16(original);
    await expectSame(original, widened, feedsFor([2, 3]));
    const cast = nodes(widened).find(({ name }) => name === 'narrow');
    expect(cast?.attribute[0]?.i).toBe(BigInt(DataType.FLOAT));
  });

  it('changes subgraphs, with what they capture and what they hold', async () => {
    const branch = (name: string, body: ReturnType<typeof node>, initializer: Tensor[]) =>
      makeGraph({
        name,
        node: [body],
        initializer,
        output: [makeValueInfo(body.output[0] ?? '', DataType.FLOAT16)],
      });
    const original = halfModel(
      [
        node('ReduceSum', 'total', ['x'], ['sum'], { keepdims: { int: 0 } }),
        node('Cast', 'flag', ['sum'], ['isLarge'], { to: { int: DataType.BOOL } }),
        node('If', 'choose', ['isLarge'], ['chosen'], {
          then_branch: branch('then', node('Add', 'plus', ['x', 'k'], ['t']), [half('k', [1, 2, 3], [3])]),
          else_branch: branch('else', node('Mul', 'times', ['x', 'outer'], ['e']), []),
        }),
        node('Add', 'end', ['chosen', 'x'], ['y']),
      ],
      [half('outer', [3], [1])],
      [2, 3],
    );
    await expectSame(original, widenFloat16(original), feedsFor([2, 3]));
  });

  it('gives out constants and values that are read elsewhere', async () => {
    const original = halfModel(
      [
        node('Relu', 'r', ['x'], ['y']),
        node('Mul', 'm', ['y', 'w'], ['z']),
        node('Constant', 'k', [], ['c'], { value: half('', [2], [1]) }),
      ],
      [half('w', [5, 6, 7], [3])],
      [2, 3],
      ['y', 'z', 'w', 'c'],
    );
    await expectSame(original, widenFloat16(original), feedsFor([2, 3]));
  });

  it('changes functions', async () => {
    const plain = halfModel([], [], [2, 3]);
    const call = { ...node('Twice', 'call', ['x'], ['y']), domain: 'local' };
    const original: Model = {
      ...plain,
      opsetImport: [...plain.opsetImport, { domain: 'local', version: 1 }],
      graph: plain.graph && { ...plain.graph, node: [call] },
      functions: [
        {
          name: 'Twice',
          domain: 'local',
          overload: '',
          input: ['a'],
          output: ['b'],
          attribute: [],
          attributeProto: [],
          docString: '',
          opsetImport: plain.opsetImport,
          valueInfo: [],
          metadataProps: [],
          node: [
            node('Constant', 'k', [], ['two'], { value: half('', [2], [1]) }),
            node('Mul', 'm', ['a', 'two'], ['b']),
          ],
        },
      ],
    };
    await expectSame(original, widenFloat16(original), feedsFor([2, 3]));
  });

  it('keeps the file small when constants are folded and stored again', async () => {
    const original = halfModel(
      [conv('c', ['x', 'w'], 'mid'), node('Mul', 'm', ['mid', 'k'], ['y'])],
      [await halfWeights('w', [40, 3, 3, 3]), half('k', [2], [1])],
      image,
    );
    const folded = foldConstants(widenFloat16(original));
    expect(opTypes(folded)).toEqual(['Cast', 'Cast', 'Conv', 'Mul']);
    expect(folded.graph?.initializer.map(({ dataType }) => dataType)).toEqual([1, 1]);
    const stored = storeWidened(folded);
    expect((await modelSize(stored)) - (await modelSize(original))).toBeLessThan(500);
    await expectSame(original, stored, feedsFor(image));
    // What a pass has replaced since is not stored again.
    const { graph } = folded;
    const other =
      graph && derive(graph, { initializer: [floatTensor('w_float32', [1]), ...graph.initializer.slice(1)] });
    expect(storeWidened(derive(folded, { graph: other })).graph?.initializer[0]).toBe(other?.initializer[0]);
  });

  it('widens SqueezeNet of IR version 3, whose initializers are inputs', async () => {
    const path = sharedModel('squeezenet/fp16.onnx');
    if (!path) return;
    const original = await readModel(new MemorySource(readFileSync(path)));
    const widened = widenFloat16(original);
    const feeds = feedsFor([1, 3, 224, 224], 'data_0');
    await expectSame(original, widened, feeds);
    expect((await modelSize(widened)) / (await modelSize(original))).toBeLessThan(1.01);
  });
});

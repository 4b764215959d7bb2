import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import type { Layer } from '../../../src/core/graph/types';
import { floatTensor } from '../../../src/core/onnx/build';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { derive } from '../../../src/core/onnx/origin';
import { readModel } from '../../../src/core/onnx/read';
import type { Model, Tensor } from '../../../src/core/onnx/types';
import { writeModel } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import { isBiasScheme, parseFormat, type LayerFormat } from '../../../src/core/quant/layerFormat';
import { codebookKind } from '../../../src/core/quant/scheme';
import { opsetNeed } from '../../../src/core/rewrite/neededOpset';
import { predictBytes } from '../../../src/core/rewrite/predictBytes';
import { prepareFloat } from '../../../src/core/rewrite/prepare';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { encodeBias, encodeWeight } from '../../../src/core/rewrite/weights/encodeWeight';
import { weightSite } from '../../../src/core/rewrite/weights/weightSite';
import { optimizedOpTypes, run, sqnr } from '../../support/rewriting';
import { conv, type Dims, model, node, samples, weights } from './models';

/** One layer each, with odd numbers of weights and channels where that can be. */
const operators: Readonly<Record<string, { readonly input: Dims; readonly float: Model }>> = {
  Conv: one([1, 5, 6, 6], conv('layer', ['x', 'w', 'b'], 'y'), [7, 5, 3, 3], 7),
  '1×1 Conv': one([1, 33, 4, 4], conv('layer', ['x', 'w', 'b'], 'y', 1), [5, 33, 1, 1], 5),
  '1-D Conv': one([1, 6, 12], node('Conv', 'layer', ['x', 'w'], ['y']), [3, 6, 5]),
  'group Conv': one(
    [1, 6, 5, 5],
    node('Conv', 'layer', ['x', 'w', 'b'], ['y'], { group: { int: 2 } }),
    [4, 3, 3, 3],
    4,
  ),
  'depthwise Conv': one(
    [1, 5, 6, 6],
    node('Conv', 'layer', ['x', 'w', 'b'], ['y'], { group: { int: 5 } }),
    [5, 1, 3, 3],
    5,
  ),
  ConvTranspose: one([1, 20, 4, 4], node('ConvTranspose', 'layer', ['x', 'w', 'b'], ['y']), [20, 3, 3, 3], 3),
  'group ConvTranspose': one(
    [1, 34, 4, 4],
    node('ConvTranspose', 'layer', ['x', 'w', 'b'], ['y'], { group: { int: 2 } }),
    [34, 3, 2, 2],
    6,
  ),
  Gemm: one([3, 37], node('Gemm', 'layer', ['x', 'w', 'b'], ['y']), [37, 9], 9),
  'Gemm with factors, transposed': one(
    [3, 37],
    node('Gemm', 'layer', ['x', 'w', 'b'], ['y'], {
      transB: { int: 1 },
      alpha: { float: 0.5 },
      beta: { float: 3 },
    }),
    [9, 37],
    9,
  ),
  MatMul: one([2, 3, 37], node('MatMul', 'layer', ['x', 'w'], ['y']), [37, 9]),
  'stacked MatMul': one([2, 3, 19], node('MatMul', 'layer', ['x', 'w'], ['y']), [2, 19, 5]),
  'MatMul from the left': one([37, 4], node('MatMul', 'layer', ['w', 'x'], ['y']), [9, 37]),
};

function one(input: Dims, layer: ReturnType<typeof node>, dims: Dims, biases = 0) {
  const constants = [weights('w', dims)];
  if (biases > 0) constants.push(weights('b', [biases], 5));
  return { input, float: model([layer], constants, input) };
}

const formats = [
  'w8',
  'w8,tensor',
  'w8,kernel',
  'w8,block:16',
  'w8,asymmetric',
  'w8,unsigned',
  'w8,unsigned,symmetric',
  'w8,reduced',
  'w8,percentile:99,bias:u8',
  'w8,kernel,gain,mse',
  'w4',
  'w4,tensor,bias:lut3',
  'w4,kernel,asymmetric',
  'w4,block:16',
  'w4,block:16,asymmetric,mse,gain,bias:u4',
  'w4,block:32,unsigned',
  'w4,unsigned,reduced',
  'w4,signed-extreme',
  'w4,fixed:3',
  'fp16',
  'u1,bias:u1',
  'u4',
  'u8',
  'lut3,gain',
  'lut16',
  'lut16,tensor',
  'lut16,group:2',
  'lut5,group:3,gain',
  'lut20,group:1',
  'lut200,bias:lut40',
  'pow2-2',
  'pow2-15,gain',
  'pow2-15,channel',
  'pow2-5,channel,gain',
];

function formatOf(text: string): LayerFormat {
  const format = parseFormat(text);
  if ('mistake' in format) throw new Error(format.mistake);
  return format;
}

function planOf({ scheme, ...defaultOptions }: LayerFormat): Plan {
  return { ...defaultPlan, defaultScheme: scheme, defaultOptions };
}

function layersOf(of: Model): Layer[] {
  const index = indexGraph(of);
  return findLayers(index, inferShapes(index, {}));
}

/** The runtime takes these and a DequantizeLinear for MatMulNBits, which rounds the input to 8 bits unless told otherwise. */
const fused = ['Gemm', 'MatMul'];

/** The prepared model, its constants replaced by what their encodings stand for. */
async function referenceOf(float: Model, format: LayerFormat): Promise<Model> {
  const { model: prepared } = await prepareFloat(float, planOf(format));
  const { graph } = prepared;
  const [layer] = layersOf(prepared);
  if (!graph || !layer?.weight) throw new Error('no layer');
  const opset = prepared.opsetImport[0]?.version ?? 0;
  const encodings = new Map([
    [
      layer.weight.name,
      encodeWeight(layer.weight.tensor, weightSite(layer.ref, layer.weight, opset), format),
    ],
  ]);
  const bias = graph.initializer.find(({ name }) => name === layer.ref.node.input[2]);
  const { bias: scheme } = format;
  if (bias && scheme !== undefined && scheme !== 'float' && scheme !== 'int32' && isBiasScheme(scheme)) {
    encodings.set(bias.name, encodeBias(bias, scheme, opset));
  }
  const initializer = await Promise.all(
    graph.initializer.map(async (tensor): Promise<Tensor> => {
      const encoding = encodings.get(tensor.name);
      return encoding ? floatTensor(tensor.name, await encoding.values(), tensor.dims) : tensor;
    }),
  );
  return derive(prepared, { graph: derive(graph, { initializer }) });
}

describe.each(Object.entries(operators))('%s', (operator, { input, float }) => {
  it.each(formats)(
    'as %s runs, computes with the values foretold, and takes the bytes foretold',
    async (text) => {
      const format = formatOf(text);
      const { model: written, layers } = await rewrite(float, planOf(format), new Map());
      const sink = new MemorySink();
      await writeModel(written, sink);
      const [sample = {}] = samples(input, 1);
      const { y: expected = [] } = await run(await referenceOf(float, format), sample, 'none');
      const { y: before = [] } = await run(float, sample, 'none');
      for (const optimization of ['none', 'full'] as const) {
        const { y: after = [] } = await run(written, sample, optimization);
        const isFused = optimization === 'full' && fused.includes(operator) && /^w[48]/.test(text);
        expect(sqnr(expected, after)).toBeGreaterThan(isFused ? 45 : 110);
      }
      expect(sqnr(before, expected)).toBeGreaterThan(leastSqnr(format));

      const found = layersOf(await readModel(new MemorySource(sink.bytes())));
      expect(found.map(({ name, bytes, parameters }) => [name, bytes, parameters])).toEqual(
        layersOf(float).map(({ name, parameters }, at) => [name, layers[at]?.bytesAfter, parameters]),
      );
      const predicted = await predictBytes(float, planOf(format));
      expect(predicted.bytes).toBe(sink.bytes().length);
      expect(predicted.layers.map(({ bytesAfter }) => bytesAfter)).toEqual([layers[0]?.bytesAfter]);
    },
  );
});

/** What a format keeps of these weights at the least, dB. */
function leastSqnr({ scheme, range = 'max', bias, reduceRange }: LayerFormat): number {
  if (scheme === 'fp16') return 60;
  // A sign for each weight, or zero and one size of either sign: these weights are spread evenly.
  if (bias === 'u1' || scheme === 'pow2-2') return -12;
  if (/^(percentile|fixed)/.test(range)) return 1;
  const entries = codebookKind(scheme)?.entries ?? (scheme === 'w8' ? 256 : 16);
  return scheme.startsWith('pow2') ? 8 : Math.log2(reduceRange ? entries / 2 : entries) * 4 - 4;
}

describe('a format', () => {
  it('needs opset 21 only where it uses what is new there', () => {
    const need = (text: string, operator: string) =>
      opsetNeed(formatOf(text), layersOf((operators[operator] ?? fail(operator)).float)[0]);
    expect(need('w8,kernel', 'Conv')).toBe('none');
    expect(need('w8,bias:u4', 'Conv')).toBe('wish');
    expect(need('w4', 'Gemm')).toBe('wish');
    expect(need('w8,block:16', 'MatMul')).toBe('must');
    expect(need('w8,block:64', 'MatMul')).toBe('none');
    expect(need('lut16', 'Gemm')).toBe('wish');
    expect(need('lut17', 'Gemm')).toBe('none');
  });
});

describe('integers that MatMulNBits reads', () => {
  it.each([
    'w8',
    'w8,asymmetric',
    'w8,block:32',
    'w4',
    'w4,block:16,asymmetric',
    'w4,signed-extreme,gain',
    'w4,unsigned',
  ])('as %s are exactly what is written', async (text) => {
    const format = formatOf(text);
    for (const operator of fused) {
      const { input, float } = operators[operator] ?? fail(operator);
      const { model: written } = await rewrite(float, planOf(format), new Map());
      expect(await optimizedOpTypes(written)).toEqual(['MatMulNBits']);
      const sink = new MemorySink();
      await writeModel(written, sink);
      const session = await ort.InferenceSession.create(sink.bytes(), {
        graphOptimizationLevel: 'all',
        // Inputs stay float32.
        extra: { session: { qdq_matmulnbits_accuracy_level: '1' } },
      });
      const [sample = {}] = samples(input, 1);
      const { x } = sample;
      const { y } = await session.run({ x: new ort.Tensor(x?.data as Float32Array, [...input]) });
      const { y: expected = [] } = await run(await referenceOf(float, format), sample, 'none');
      expect(sqnr(expected, y?.data as Float32Array)).toBeGreaterThan(110);
      await session.release();
    }
  });
});

function fail(operator: string): never {
  throw new Error(`no operator ${operator}`);
}

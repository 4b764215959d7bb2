import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawBytes, readFloat32 } from '../../../src/core/onnx/tensor';
import type { Model, Node, Tensor } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { axisLayout, computeQuantParams } from '../../../src/core/quant/affine';
import { tensorLayout } from '../../../src/core/quant/layouts';
import { quantizeWeight, weightFormat } from '../../../src/core/quant/weights';
import type { ActivationType, QuantParams, Range } from '../../../src/core/quant/scheme';
import { quantizeBias } from '../../../src/core/rewrite/layerWeights';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/modelFile';
import { decodeBase64, floatBits, floats } from '../decode';

interface Constant {
  axis: number | null;
  /** Indices into the pool. */
  scales: number;
  codes: number;
  zeroPoint: number;
}

interface Variant {
  activationType: ActivationType;
  activationSymmetric: boolean;
  weightType: 'int8' | 'uint8';
  weightSymmetric: boolean;
  perChannel: boolean;
  reduceRange: boolean;
  activations: Record<string, { scaleBits: string; zeroPoint: number }>;
  weights: Record<string, Constant>;
}

interface Golden {
  foldedInitializers: Record<string, { shape: number[]; data: string }>;
  graphs: Record<'raw' | 'folded', { ranges: Record<string, [number, number]>; variants: Variant[] }>;
  pool: { sha256: string; all?: string }[];
}

/** Layer → the tensor that feeds it, whose scale is in the bias. */
const feeds = {
  'layer1.0': 'input',
  'layer2.0': 'relu',
  'layer3.0': 'max_pool2d',
  fc1: 'view',
  fc2: 'linear',
};

const golden = JSON.parse(readFileSync(new URL('mnist.json', import.meta.url), 'utf8')) as Golden;
const sample = fileURLToPath(new URL('../../../samples/mnist/mnist_cnn.onnx', import.meta.url));

let opened: OpenedModel;
beforeAll(async () => {
  opened = await openModelFile(sample);
});
afterAll(async () => {
  await opened.close();
});

function hash(bytes: ArrayBufferView): string {
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return createHash('sha256').update(view).digest('hex');
}

function pooled(index: number): { sha256: string; all?: string } {
  const entry = golden.pool[index];
  if (!entry) throw new Error(`the pool has no entry ${index}`);
  return entry;
}

function initializer(model: Model, name: string): Tensor {
  const tensor = model.graph?.initializer.find((candidate) => candidate.name === name);
  if (!tensor) throw new Error(`no initializer ${name}`);
  return tensor;
}

function title(variant: Variant): string {
  const weights = `${variant.weightSymmetric ? 'symmetric' : 'asymmetric'} ${variant.weightType}`;
  const activations = `${variant.activationSymmetric ? 'symmetric' : 'asymmetric'} ${variant.activationType}`;
  const granularity = variant.perChannel ? 'per channel' : 'per tensor';
  return `activations ${activations}, weights ${weights} ${granularity}${variant.reduceRange ? ' reduced' : ''}`;
}

const graphNames = ['raw', 'folded'] as const;

describe.each(graphNames)("the quantizer's numbers on the %s sample, ranges given", (graphName) => {
  const { ranges, variants } = golden.graphs[graphName];

  async function weightOf(name: string): Promise<{ values: Float32Array; dims: readonly number[] }> {
    const folded = graphName === 'folded' ? golden.foldedInitializers[name] : undefined;
    if (folded) return { values: floats(folded.data), dims: folded.shape };
    const tensor = initializer(opened.model, name);
    return { values: await readFloat32(tensor), dims: tensor.dims };
  }

  it.each(variants.map((variant): [string, Variant] => [title(variant), variant]))(
    '%s',
    async (_, variant) => {
      const { activationType, activationSymmetric: symmetric, weightType, reduceRange } = variant;
      const inputScales = new Map<string, number>();
      for (const [name, expected] of Object.entries(variant.activations)) {
        // The tool gives a tensor that only a Relu reads the Relu's range.
        const source = { getitem: 'relu', getitem_3: 'relu_1', getitem_6: 'relu_2' }[name] ?? name;
        const [min, max] = ranges[source] ?? [NaN, NaN];
        const { scale, zeroPoint } = computeQuantParams({ min, max }, activationType, { symmetric });
        expect({ name, scaleBits: floatBits(scale), zeroPoint }).toEqual({ name, ...expected });
        inputScales.set(name, scale);
      }
      for (const [layer, input] of Object.entries(feeds)) {
        const { values, dims } = await weightOf(`${layer}.weight`);
        const layout = variant.perChannel ? axisLayout(dims, 0) : tensorLayout(dims);
        const options = { symmetric: variant.weightSymmetric, reduceRange };
        const format = weightFormat(values, layout, weightType, options);
        expectConstant(`${layer}.weight`, variant, format.params, quantizeWeight(values, format));
        const { values: biasValues } = await weightOf(`${layer}.bias`);
        const bias = quantizeBias(biasValues, inputScales.get(input) ?? NaN, format);
        if (!bias) throw new Error(`the bias of ${layer} does not fit`);
        const biasParams = Array.from(bias.scales, (scale): QuantParams => ({ scale, zeroPoint: 0 }));
        expectConstant(`${layer}.bias`, variant, biasParams, bias.codes);
      }
    },
  );
});

function expectConstant(
  name: string,
  variant: Variant,
  params: readonly QuantParams[],
  codes: ArrayBufferView,
): void {
  const expected = variant.weights[name];
  if (!expected) throw new Error(`no golden constant ${name}`);
  const scales = Float32Array.from(params, ({ scale }) => scale);
  expect(scales, `${name} scales`).toEqual(floats(pooled(expected.scales).all ?? ''));
  expect(new Set(params.map(({ zeroPoint }) => zeroPoint)), name).toEqual(new Set([expected.zeroPoint]));
  expect(hash(codes), `${name} codes`).toBe(pooled(expected.codes).sha256);
}

describe('the rewritten sample stores what the tool stores', () => {
  const { ranges, variants } = golden.graphs.folded;
  const ours = variants.filter(
    (v) =>
      !v.activationSymmetric &&
      v.weightType === 'int8' &&
      v.weightSymmetric &&
      v.perChannel &&
      !v.reduceRange,
  );

  it.each(ours.map((variant): [string, Variant] => [title(variant), variant]))('%s', async (_, variant) => {
    const plan = { ...defaultPlan, activationType: variant.activationType };
    const given = new Map(
      Object.entries(ranges).map(([name, [min, max]]): [string, Range] => [name, { min, max }]),
    );
    const { model } = await rewrite(opened.model, plan, given);
    const nodes = model.graph?.node ?? [];

    const activations = nodes.filter(({ opType }) => opType === 'QuantizeLinear');
    const found = await Promise.all(activations.map((node) => activationOf(model, node)));
    // The tool rounds the logits too; ours leaves the sums of the last Gemm as they are.
    const { logits, ...inner } = variant.activations;
    expect(logits).toBeDefined();
    expect(Object.fromEntries(found)).toEqual(inner);

    for (const [name, expected] of Object.entries(variant.weights)) {
      const codes = initializer(model, `${name}_quantized`);
      const reader = nodes.find(
        ({ opType, input }) => opType === 'DequantizeLinear' && input[0] === codes.name,
      );
      const scales = await readFloat32(initializer(model, reader?.input[1] ?? ''));
      expect(scales, `${name} scales`).toEqual(floats(pooled(expected.scales).all ?? ''));
      expect(hash(await rawBytes(codes)), `${name} codes`).toBe(pooled(expected.codes).sha256);
    }
  });

  async function activationOf(
    model: Model,
    { input }: Node,
  ): Promise<[string, { scaleBits: string; zeroPoint: number }]> {
    const [value = '', scale = '', zeroPoint = ''] = input;
    const [scaleValue = NaN] = await readFloat32(initializer(model, scale));
    const [zeroPointValue = NaN] = await readFloat32(initializer(model, zeroPoint));
    const name = value.replace(/_QuantizeLinear_Input$/, '');
    return [name, { scaleBits: floatBits(scaleValue), zeroPoint: zeroPointValue }];
  }
});

it('has hashes that are those of the bytes it holds', () => {
  const whole = golden.pool.filter(({ all }) => all !== undefined);
  expect(whole.length).toBeGreaterThan(100);
  for (const { sha256, all } of whole) expect(hash(decodeBase64(all ?? ''))).toBe(sha256);
});

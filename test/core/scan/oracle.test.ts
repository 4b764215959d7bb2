/**
 * Sensitivities of weight-only formats against brute force that shares no code with the product: the weights of one layer are
 * rounded here, put into the model file, and the whole model runs in a plain session. The product is asked through its command
 * line; nothing of src/ is imported.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import onnxProto from 'onnx-proto';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePrograms } from '../../engine/support/bundle';
import { readNpz } from '../../support/npz';

const { ModelProto, TensorProto } = onnxProto.onnx;

const sample = join(import.meta.dirname, '../../../samples/mnist');
const IMAGES = 16;
const SIZE = 28 * 28;
const CLASSES = 10;

/** Scale of a channel by its largest magnitude, and the codes there are: as ONNX Runtime's tool has them. */
const grids = {
  w8: { perMagnitude: 1 / 127, least: -128, most: 127 },
  w4: { perMagnitude: 2 / 15, least: -8, most: 7 },
} as const;

let folder: string;
let programs: string;
const images = Float32Array.from(readNpz(join(sample, 'test.npz'))['input']?.data ?? [], Number).slice(
  0,
  IMAGES * SIZE,
);

beforeAll(async () => {
  programs = await bundlePrograms({ cli: 'src/cli/main.ts', engine: 'src/engine/main.ts' });
  folder = mkdtempSync(join(tmpdir(), 'scan-oracle-'));
  // The same images in every set, so that the scan slice holds them whichever set it is.
  const input = TensorProto.encode({
    dims: [IMAGES, 1, 28, 28],
    dataType: 1,
    name: 'input',
    rawData: new Uint8Array(images.buffer),
  }).finish();
  for (const set of [0, 1, 2]) {
    mkdirSync(join(folder, 'data', `test_data_set_${set}`), { recursive: true });
    writeFileSync(join(folder, 'data', `test_data_set_${set}`, 'input_0.pb'), input);
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(programs, { recursive: true });
});

function floatsIn(model: onnxProto.onnx.ModelProto, name: string): Float32Array {
  const tensor = model.graph?.initializer?.find((each) => each.name === name);
  if (!tensor) throw new Error(`no initializer ${name}`);
  return new Float32Array(Uint8Array.from(tensor.rawData ?? []).buffer);
}

/** Factors that a BatchNormalization behind a layer has per channel: weights are rounded with them multiplied in. */
function factorsBehind(model: onnxProto.onnx.ModelProto, output: string, channels: number): Float64Array {
  const norm = model.graph?.node?.find(
    (node) => node.opType === 'BatchNormalization' && node.input?.[0] === output,
  );
  if (!norm) return new Float64Array(channels).fill(1);
  const epsilon = norm.attribute?.find(({ name }) => name === 'epsilon')?.f ?? 1e-5;
  const gamma = floatsIn(model, norm.input?.[1] ?? '');
  const variance = floatsIn(model, norm.input?.[4] ?? '');
  return Float64Array.from(gamma, (value, channel) => value / Math.sqrt((variance[channel] ?? 0) + epsilon));
}

function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** The model with the weight of one Conv or Gemm (output channels first) rounded per channel. */
function roundedModel(layer: string, scheme: keyof typeof grids): Uint8Array {
  const model = ModelProto.decode(readFileSync(join(sample, 'mnist_cnn.onnx')));
  const node = model.graph?.node?.find(({ name }) => name === layer);
  const tensor = model.graph?.initializer?.find(({ name }) => name === node?.input?.[1]);
  if (!node || !tensor) throw new Error(`no layer ${layer}`);
  const weights = floatsIn(model, tensor.name ?? '');
  const channels = Number(tensor.dims?.[0]);
  const size = weights.length / channels;
  const factors = factorsBehind(model, node.output?.[0] ?? '', channels);
  const { perMagnitude, least, most } = grids[scheme];
  for (let channel = 0; channel < channels; channel++) {
    const factor = factors[channel] ?? 1;
    const own = weights.subarray(channel * size, (channel + 1) * size);
    const scaled = own.map((value) => value * factor);
    const scale = Math.fround(
      perMagnitude * scaled.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    );
    scaled.forEach((value, at) => {
      const code = Math.min(most, Math.max(least, halfToEven(Math.fround(value / scale))));
      own[at] = (code * scale) / factor;
    });
  }
  tensor.rawData = new Uint8Array(weights.buffer);
  return ModelProto.encode(model).finish();
}

async function logitsOf(model: Uint8Array): Promise<Float32Array> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 });
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]];
  const results = await session.run({ [input]: new Tensor('float32', images, [IMAGES, 1, 28, 28]) });
  await session.release();
  return results[output]?.data as Float32Array;
}

/** Mean over the images of KL(softmax(x) ‖ softmax(y)), by the textbook. */
function divergence(x: Float32Array, y: Float32Array): number {
  let total = 0;
  for (let image = 0; image < IMAGES; image++) {
    const [p, q] = [x, y].map((scores) => {
      const own = Array.from(scores.subarray(image * CLASSES, (image + 1) * CLASSES), Math.exp);
      const sum = own.reduce((a, b) => a + b, 0);
      return own.map((value) => value / sum);
    });
    p?.forEach((value, at) => (total += value * Math.log(value / (q?.[at] ?? NaN))));
  }
  return total / IMAGES;
}

describe('roundoff scan', () => {
  it('gives what brute force gives, within a thousandth', { timeout: 120_000 }, async () => {
    const options = ['--scheme', 'w8', '--scheme', 'w4', '--no-cache', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[join(programs, 'cli.mjs'), 'scan', join(sample, 'mnist_cnn.onnx'), '--data', join(folder, 'data')],
      ...options,
    ]);
    const { candidates, metric } = JSON.parse(stdout) as {
      metric: string;
      candidates: { layer: string; scheme: keyof typeof grids; sensitivity: number }[];
    };
    expect(metric).toBe('kl');
    expect(candidates).toHaveLength(10);
    const float = await logitsOf(readFileSync(join(sample, 'mnist_cnn.onnx')));
    for (const { layer, scheme, sensitivity } of candidates) {
      const expected = divergence(float, await logitsOf(roundedModel(layer, scheme)));
      expect(expected).toBeGreaterThan(1e-9);
      const difference = Math.abs(sensitivity - expected);
      expect(difference, `${layer} ${scheme}: ${sensitivity}, ${expected}`).toBeLessThanOrEqual(
        Math.max(1e-9, 1e-3 * expected),
      );
    }
  });
});

/**
 * Sensitivities against brute force that shares no code with the product: the weights of one layer are rounded by the oracle, or the
 * file that `roundoff quantize` writes is taken, and the whole model runs in a plain session. The product is asked through its
 * command line; nothing of src/ is imported.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import onnxProto from 'onnx-proto';
import { Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWithin, plainSensitivity, runPlain, type Given, type OutputKind } from '../../oracles/plainScan';
import { RoundableModel, type RoundedFormat } from '../../oracles/roundedModel';
import { bundlePrograms } from '../../engine/support/bundle';
import { readNpz } from '../../support/npz';
import { uniform } from '../../support/random';
import { sharedModel } from '../../support/sharedModels';

const { TensorProto } = onnxProto.onnx;

const sample = join(import.meta.dirname, '../../../samples/mnist');

let folder: string;
let programs: string;
beforeAll(async () => {
  programs = await bundlePrograms({ cli: 'src/cli/main.ts', engine: 'src/engine/main.ts' });
  folder = mkdtempSync(join(tmpdir(), 'scan-oracle-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(programs, { recursive: true });
});

interface Case {
  readonly file: string;
  readonly kind: OutputKind;
  readonly input: string;
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** A folder in which every data set holds the same, so that the scan slice does too, whichever set it is. */
function dataFolder({ input, dims, values }: Case, name: string): string {
  const tensor = TensorProto.encode({
    dims: [...dims],
    dataType: 1,
    name: input,
    rawData: new Uint8Array(values.buffer),
  }).finish();
  for (const set of [0, 1, 2]) {
    mkdirSync(join(folder, name, `test_data_set_${set}`), { recursive: true });
    writeFileSync(join(folder, name, `test_data_set_${set}`, 'input_0.pb'), tensor);
  }
  return join(folder, name);
}

async function roundoff(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(programs, 'cli.mjs'), ...args], {
    maxBuffer: 2 ** 26,
  });
  return stdout;
}

interface Scanned {
  readonly layer: string;
  readonly scheme: string;
  readonly sensitivity: number;
}

async function scanned(file: string, data: string, options: readonly string[]): Promise<Scanned[]> {
  const fixed = ['--data', data, '--activation-range', 'max', '--no-cache', '--json'];
  const { candidates, metric } = JSON.parse(await roundoff('scan', file, ...fixed, ...options)) as {
    metric: string;
    candidates: Scanned[];
  };
  expect(metric).toBe('kl');
  return candidates;
}

/** Every candidate against the whole model, changed for it alone. */
async function expectTruth(
  model: Case,
  formats: { readonly rounded: readonly RoundedFormat[]; readonly written: readonly string[] },
  layers: readonly string[] | undefined,
  name: string,
): Promise<Scanned[]> {
  const { file, kind, input, dims, values } = model;
  const data = dataFolder(model, name);
  const schemes = [...formats.rounded, ...formats.written].flatMap((format) => ['--scheme', format]);
  const names = (layers ?? []).flatMap((layer) => ['--layer', layer]);
  const candidates = await scanned(file, data, [...schemes, ...names]);
  const bytes = new Uint8Array(readFileSync(file));
  const roundable = new RoundableModel(bytes);
  const run = (each: Uint8Array | string): Promise<Given[]> =>
    runPlain(each, [{ [input]: new Tensor('float32', values, [...dims]) }]);
  const float = await run(bytes);
  for (const { layer, scheme, sensitivity } of candidates) {
    const isRounded = formats.rounded.find((format) => format === scheme);
    const changed = isRounded
      ? roundable.with(layer, isRounded)
      : await writtenFor(file, layer, scheme, data, roundable.sharedSum(layer));
    const expected = plainSensitivity(kind, float, await run(changed));
    const figures = `${layer} ${scheme}: ${sensitivity}, ${expected}`;
    expect(isWithin(sensitivity, expected, 1e-3), figures).toBe(true);
  }
  return candidates;
}

/** What `quantize` writes for one layer. @param shared tensor that has a pair when all layers are quantized. */
async function writtenFor(
  file: string,
  layer: string,
  scheme: string,
  data: string,
  shared: string | undefined,
): Promise<string> {
  const output = join(folder, 'written.onnx');
  const options = ['--scheme', 'float', '--layer', `${layer}=${scheme}`, '--activation-range', 'max'];
  const pair = shared === undefined ? [] : ['--tensor', `${shared}=uint8`];
  await roundoff('quantize', file, ...options, ...pair, '--data', data, '--output', output);
  return output;
}

describe('roundoff scan', () => {
  it('gives what brute force gives, within a thousandth', { timeout: 120_000 }, async () => {
    const images = 16;
    const all = Float32Array.from(readNpz(join(sample, 'test.npz'))['input']?.data ?? [], Number);
    const mnist: Case = {
      file: join(sample, 'mnist_cnn.onnx'),
      kind: 'logits',
      input: 'input',
      dims: [images, 1, 28, 28],
      values: all.slice(0, images * 28 * 28),
    };
    const rounded = ['w8', 'w4', 'w4,block:32'] as const;
    const candidates = await expectTruth(mnist, { rounded, written: ['w8a8'] }, undefined, 'mnist');
    expect(candidates).toHaveLength(20);
    for (const { sensitivity } of candidates) expect(sensitivity).toBeGreaterThan(1e-8);
  });

  it.each([
    ['squeezenet/fp32.onnx', 'probabilities', 'data_0', [1, 3, 224, 224], ['Conv_3', 'Conv_62']],
    ['cifar10_resnet18/model.onnx', 'logits', 'input', [1, 3, 64, 64], ['node_Conv_296', 'node_linear']],
    ['cifar10_mobilenetv2/model.onnx', 'logits', 'input', [1, 3, 64, 64], ['node_Conv_812', 'node_Conv_814']],
    ['unet/model.onnx', 'logits', 'image', [1, 1, 64, 64], ['node_Conv_258', 'node_convolution_3']],
  ] as const)(
    'does so on some layers of %s',
    { timeout: 240_000 },
    async (path, kind, input, dims, layers) => {
      const file = sharedModel(path);
      if (file === undefined) return;
      const random = uniform(5);
      const size = dims.reduce<number>((product, each) => product * each, 1);
      const values = Float32Array.from({ length: size }, () => 4 * random() - 2);
      const model: Case = { file, kind, input, dims, values };
      const formats = { rounded: ['w8', 'w4,block:32'], written: ['w8a8'] } as const;
      const candidates = await expectTruth(model, formats, layers, path.replace(/\W/g, '-'));
      expect(candidates.length).toBeGreaterThanOrEqual(6);
      expect(Math.max(...candidates.map(({ sensitivity }) => sensitivity))).toBeGreaterThan(1e-7);
    },
  );
});

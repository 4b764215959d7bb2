import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { derive } from '../../src/core/onnx/origin';
import { DataType } from '../../src/core/onnx/types';
import { defaultPlan } from '../../src/core/plan/planFile';
import { openModelFile } from '../../src/engine/files/modelFile';
import { writeModelFile } from '../../src/engine/files/writeModelFile';
import { npzBytes } from './support/npyBytes';
import { callCli } from '../cli/support/callCli';
import { EngineClient } from '../../src/engine/client';
import { bundlePrograms } from './support/bundle';

const sample = join(import.meta.dirname, '../../samples/mnist');
const file = join(sample, 'mnist_cnn.onnx');

let folder: string;
let bundles: string;
let client: EngineClient;
let data: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'compare-test-'));
  bundles = await bundlePrograms({ engine: 'src/engine/main.ts' });
  client = new EngineClient({ enginePath: join(bundles, 'engine.mjs') });
  data = join(folder, 'test.npz');
  copyFileSync(join(sample, 'test.npz'), data);
  writeFileSync(join(folder, 'classes.txt'), 'zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n');
}, 60_000);
afterAll(() => {
  client.dispose();
  for (const path of [folder, bundles]) rmSync(path, { recursive: true });
});

/** The sample in half precision, its input too: the Cast behind it then does nothing. */
async function writeHalf(path: string): Promise<void> {
  const converted = join(folder, 'converted.onnx');
  await callCli(['rewrite', 'float16', file, '-o', converted]);
  const opened = await openModelFile(converted);
  const { model } = opened;
  const [input] = model.graph?.input ?? [];
  if (!model.graph || !input?.type?.tensorType) throw new Error('no input');
  const tensorType = derive(input.type.tensorType, { elemType: DataType.FLOAT16 });
  const half = derive(input, { type: derive(input.type, { tensorType }) });
  await writeModelFile(derive(model, { graph: derive(model.graph, { input: [half] }) }), path);
  await opened.close();
}

/** Two samples in a file of this name. @param values bits of float16, or float32 */
async function twoSamples(name: string, values: Uint16Array | Float32Array): Promise<string> {
  const described = await client.call('describeSample', {
    file,
    calibration: { data },
    sample: 0,
    picture: false,
  });
  const [input] = described.inputs;
  const path = join(folder, name);
  const descr = values instanceof Uint16Array ? '<f2' : '<f4';
  writeFileSync(path, npzBytes({ [input?.name ?? '']: { descr, shape: [2, 1, 28, 28], data: values } }));
  return path;
}

describe('comparing models of different types of input', () => {
  it('feeds a float16 model with the numbers of a float one, and the other way round', async () => {
    const half = join(folder, 'half.onnx');
    await writeHalf(half);
    const calibration = { data, samples: 1900 };
    const { outputs, peakMemoryBytes, samples } = await client.call('compare', {
      a: file,
      b: half,
      calibration,
    });
    expect(samples).toBeGreaterThan(10);
    expect(outputs[0]?.sqnrDb).toBeGreaterThan(40);
    expect(outputs[0]?.sqnrDb).toBeLessThan(90);
    expect(outputs[0]?.top1?.agreement).toBe(1);
    expect(peakMemoryBytes.b).toBeGreaterThan(2e7);
    const bits = Uint16Array.from({ length: 2 * 28 * 28 }, (_, at) => (at % 3 === 0 ? 0x3c00 : 0));
    const halves = { data: await twoSamples('half.npz', bits) };
    const back = await client.call('compare', { a: half, b: file, calibration: halves });
    expect(back.outputs[0]?.sqnrDb).toBeGreaterThan(40);
  }, 60_000);

  it('refuses data beyond the range of a float16 model, and leaves no file', async () => {
    const half = join(folder, 'half.onnx');
    await writeHalf(half);
    const values = Float32Array.from({ length: 2 * 28 * 28 }, (_, at) => (at % 784 === 0 ? 1e6 : 1));
    const beyond = await twoSamples('beyond.npz', values);
    const output = join(folder, 'beyond.onnx');
    const quantized = client.call('quantize', {
      file: half,
      plan: { ...defaultPlan, defaultScheme: 'w8' },
      calibration: { data: beyond, samples: 1 },
      output,
    });
    await expect(quantized).rejects.toThrow(
      /beyond\.npz, row [01], cannot be fed to input .* range of float16/,
    );
    expect(existsSync(output)).toBe(false);
    const compared = client.call('compare', { a: file, b: half, calibration: { data: beyond } });
    await expect(compared).rejects.toThrow(/^Input .* of the second model cannot be fed .* ±65504/);
  }, 60_000);
});

describe('samples of a comparison', () => {
  it('names classes, and what becomes of each sample', async () => {
    const small = join(folder, 'u2.onnx');
    await callCli(['quantize', file, '--scheme', 'u2', '-o', small]);
    const calibration = { data, samples: 1500 };
    const { outputs, samples } = await client.call('compare', { a: file, b: small, calibration });
    const details = outputs[0]?.details;
    expect(details?.samples).toHaveLength(samples);
    expect(details?.classNames['3']).toBe('three');
    const changed = details?.samples.filter((row) => row.changed > 0) ?? [];
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.map((row) => row.sample)).toEqual(details?.flips.map((flip) => flip.sample));
    for (const { best } of changed) expect(best?.a[0]?.class).not.toBe(best?.b[0]?.class);
  }, 60_000);

  it('does not name classes by a list of another length', async () => {
    const other = join(folder, 'other');
    mkdirSync(other);
    copyFileSync(data, join(other, 'test.npz'));
    writeFileSync(join(other, 'classes.txt'), 'cat\ndog\n');
    const calibration = { data: join(other, 'test.npz'), samples: 1990 };
    const { outputs, notes } = await client.call('compare', { a: file, b: file, calibration });
    expect(outputs[0]?.details).toMatchObject({ classes: 10, classNames: {}, flipCount: 0 });
    expect(notes).toEqual([expect.stringMatching(/classes\.txt has 2 lines for 10 classes\./)]);
  }, 60_000);

  it('describes a sample with a picture', async () => {
    const request = { file, calibration: { data }, sample: 3 };
    const described = await client.call('describeSample', request);
    expect(described).toMatchObject({
      sample: 3,
      file: null,
      inputs: [{ dtype: 'float32', shape: [1, 1, 28, 28] }],
      picture: { width: 28, height: 28, of: 'input' },
    });
    expect(described.label).toBeGreaterThanOrEqual(0);
    expect((await client.call('describeSample', { ...request, picture: false })).picture).toBeNull();
    await expect(client.call('describeSample', { ...request, sample: 1e6 })).rejects.toThrow(
      /There is no sample 1000000: .*test\.npz has samples 0 to \d+\./,
    );
  });
});

import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/core/onnx/memory';
import { readModel } from '../../src/core/onnx/read';
import type { ModelSummary, RewriteResult } from '../../src/core/results';
import { uniform } from '../support/random';
import { run, sqnr } from '../support/rewriting';
import { callCli } from './support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');

let folder: string;
let model: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rewrite-test-'));
  model = join(folder, 'model.onnx');
  copyFileSync(join(sample, 'mnist_cnn.onnx'), model);
});
afterEach(() => rmSync(folder, { recursive: true }));

async function rewritten(...args: string[]): Promise<RewriteResult> {
  const { exitCode, stdout, stderr } = await callCli(['rewrite', ...args, '--json']);
  expect([exitCode, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as RewriteResult;
}

const operators = async (file: string): Promise<string[]> => {
  const { stdout } = await callCli(['inspect', file, '--json']);
  const { layers, nodes } = JSON.parse(stdout) as ModelSummary;
  return [...layers, ...nodes].map(({ op }) => op);
};

/** Output SQNR of two files on one image of noise, dB. */
async function difference(a: string, b: string): Promise<number> {
  const random = uniform(5);
  const data = Float32Array.from({ length: 784 }, random);
  const outputs = [a, b].map(async (file) => {
    const model = await readModel(new MemorySource(readFileSync(file)));
    const { logits = [] } = await run(model, { input: { type: 'float32', dims: [1, 1, 28, 28], data } });
    return logits;
  });
  const [before = [], after = []] = await Promise.all(outputs);
  expect(before).toHaveLength(10);
  return sqnr(before, after);
}

describe('roundoff rewrite', () => {
  it('folds BatchNormalization beside the model', async () => {
    const before = readFileSync(model);
    const { exitCode, stdout } = await callCli(['rewrite', 'fold-batch-norm', model]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^3 nodes folded\n1\.95 MB → 1\.9\d MB \(\d+\.\d %\)\nWrote .*model\.folded\.onnx in/,
    );
    expect(before.equals(readFileSync(model))).toBe(true);
    const output = join(folder, 'model.folded.onnx');
    expect(await operators(output)).not.toContain('BatchNormalization');
    expect(await difference(model, output)).toBeGreaterThan(100);
  });

  it('converts to float16 and says what was not checked', async () => {
    const result = await rewritten('float16', model, '-o', join(folder, 'half.onnx'));
    expect(result).toMatchObject({ pass: 'float16', output: join(folder, 'half.onnx') });
    expect(result.bytes.after / result.bytes.before).toBeLessThan(0.52);
    expect(result.bytes.after).toBe(statSync(result.output).size);
    expect(result.notes.at(-1)).toMatch(/computed at run time were not/);
    expect(await difference(model, result.output)).toBeGreaterThan(50);
  });

  it('takes back what quantize wrote', async () => {
    const quantized = join(folder, 'quantized.onnx');
    const data = ['--data', join(sample, 'calibration.npz'), '--samples', '32', '--activation-range', 'max'];
    expect((await callCli(['quantize', model, '-o', quantized, ...data])).exitCode).toBe(0);
    const { output, changed, bytes } = await rewritten('remove-quantization', quantized);
    expect(basename(output)).toBe('quantized.float.onnx');
    expect(changed).toBeGreaterThan(10);
    expect(bytes.after / bytes.before).toBeGreaterThan(3.5);
    expect(await operators(output)).not.toContain('DequantizeLinear');
    // The weights stay rounded to 8 bits, the activations do not.
    expect(await difference(model, output)).toBeGreaterThan(await difference(model, quantized));
  });

  it.each([
    ['remove-quantization', 'model.onnx', /model\.onnx has nothing quantized/],
    ['fold-batch-norm', 'again.onnx', /again\.onnx has nothing to fold/],
    ['float16', 'half.onnx', /half\.onnx is float16 already/],
  ])('%s says so when there is nothing to do, and writes nothing', async (pass, name, message) => {
    if (name === 'again.onnx') await rewritten('fold-batch-norm', model, '-o', join(folder, name));
    if (name === 'half.onnx') await rewritten('float16', model, '-o', join(folder, name));
    const before = readdirSync(folder);
    const outcome = await callCli(['rewrite', pass, join(folder, name)]);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toMatch(message);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('never writes over the model', async () => {
    const outcome = await callCli(['rewrite', 'float16', model, '-o', model]);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toMatch(/never overwrites/);
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const controller = new AbortController();
    controller.abort();
    const outcome = await callCli(['rewrite', 'float16', model], { signal: controller.signal });
    expect(outcome.exitCode).toBe(130);
    expect(readdirSync(folder)).toEqual(['model.onnx']);
  });

  it('knows its passes', async () => {
    expect((await callCli(['rewrite', 'frobnicate', model])).exitCode).toBe(2);
    const { stdout } = await callCli(['rewrite', '--help']);
    for (const word of ['fold-batch-norm', 'remove-quantization', 'float16', '--json'])
      expect(stdout).toContain(word);
    expect(existsSync(join(folder, 'model.folded.onnx'))).toBe(false);
  });
});

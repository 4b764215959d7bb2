import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePlan } from '../../src/core/plan/planFile';
import type { ModelSummary, QuantizeResult } from '../../src/core/results';
import { callCli } from './support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');
const calibration = join(sample, 'calibration.npz');

let folder: string;
let model: string;
let output: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-test-'));
  model = join(folder, 'mnist_cnn.onnx');
  output = join(folder, 'out.onnx');
  copyFileSync(join(sample, 'mnist_cnn.onnx'), model);
});
afterAll(() => rmSync(folder, { recursive: true }));

const quick = ['--data', calibration, '--samples', '16', '--activation-range', 'max'];

describe('roundoff', () => {
  it.each([
    [[], 2],
    [['--help'], 0],
    [['--version'], 0],
    [['frobnicate'], 2],
    [['inspect'], 2],
    [['inspect', 'a', 'b'], 2],
    [['inspect', 'a', '--frobnicate'], 2],
    [['quantize', 'a', '--samples', 'many'], 2],
    [['quantize', 'a', '--samples', '0'], 2],
    [['quantize', 'a', '--activation-range', 'percentile:40'], 2],
    [['quantize', 'a', '--activation-type', 'int4'], 2],
    [['quantize', 'a', '--scheme', 'w2a2'], 2],
    [['quantize', 'a', '--dim', 'N'], 2],
    [['quantize', 'a', '--preset', 'best'], 2],
    [['quantize', 'a', '--bits', '0'], 2],
    [['scan', 'a'], 2],
    [['compare', 'a', 'b'], 2],
    [['inspect', 'no-such-file.onnx'], 1],
  ])('roundoff %s exits with %i', async (args, exitCode) => {
    const outcome = await callCli(args);
    expect(outcome.exitCode).toBe(exitCode);
    if (exitCode === 0)
      expect(outcome).toMatchObject({ stdout: expect.stringMatching(/\S/) as string, stderr: '' });
    else expect(outcome).toMatchObject({ stdout: '', stderr: expect.stringMatching(/\S/) as string });
  });

  it.each(['inspect', 'quantize', 'scan', 'compare'])('%s --help names its options', async (verb) => {
    const { exitCode, stdout } = await callCli([verb, '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/--json/);
  });
});

describe('roundoff inspect', () => {
  it('prints only JSON with --json', async () => {
    const { exitCode, stdout, stderr } = await callCli(['inspect', model, '--json', '--dim', 'batch=1']);
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    const summary = JSON.parse(stdout) as ModelSummary;
    expect(summary).toMatchObject({
      file: model,
      bytes: readFileSync(model).length,
      irVersion: 10,
      opsets: [{ domain: '', version: 20 }],
      inputs: [{ name: 'input', dtype: 'float' }],
      outputs: [{ name: 'logits', kind: 'logits', classAxis: 1 }],
      parameters: 481342,
      dimensions: { batch: 1 },
    });
    expect(summary.macs).toBeGreaterThan(1e6);
    expect(summary.layers[0]).toMatchObject({
      name: 'node_conv2d',
      op: 'Conv',
      weight: { shape: [16, 1, 5, 5], dtype: 'float' },
      quantizable: true,
      reason: null,
    });
  });

  it('prints a table for people', async () => {
    const { stdout } = await callCli(['inspect', model]);
    expect(stdout).toMatch(/^layer +op +weight +parameters +bytes +MACs +quantizable$/m);
    expect(stdout).toMatch(/^node_linear +Gemm +float \[300, 1568\] +470,700 +1\.88 MB +\? +yes$/m);
  });

  it('keeps control characters in names from the terminal', async () => {
    const hostile = join(folder, 'hostile.onnx');
    // As long as the name it replaces, so that no length changes.
    const bytes = Buffer.from(
      readFileSync(model).toString('latin1').replaceAll('node_linear', 'n\u001b[2J_inear'),
      'latin1',
    );
    writeFileSync(hostile, bytes);
    const { stdout } = await callCli(['inspect', hostile]);
    expect(stdout).toContain('n\\u001b[2J_inear');
    expect(stdout).not.toContain('\u001b');
    const { layers } = JSON.parse((await callCli(['inspect', hostile, '--json'])).stdout) as ModelSummary;
    expect(layers.map(({ name }) => name)).toContain('n\u001b[2J_inear');
  });

  it('says in one sentence what a broken file is', async () => {
    const broken = join(folder, 'broken.onnx');
    writeFileSync(broken, readFileSync(model).subarray(0, 5000));
    const { exitCode, stderr } = await callCli(['inspect', broken]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: .*broken\.onnx.*\n$/);
  });
});

describe('roundoff quantize', () => {
  it('quantizes weights alone without data', async () => {
    const { exitCode, stdout } = await callCli(['quantize', model, '--scheme', 'w8', '--json']);
    expect(exitCode).toBe(0);
    const { output, bytes, totals, verification, notes } = JSON.parse(stdout) as QuantizeResult;
    expect(output).toBe(join(folder, 'mnist_cnn.w8.onnx'));
    expect(bytes.after / bytes.before).toBeLessThan(0.27);
    expect(totals).toMatchObject({ quantized: 5, float: 0 });
    expect(verification).toBeNull();
    expect(notes).toEqual([expect.stringMatching(/Nothing was run/)]);
    rmSync(output);
  });

  it('writes codebooks without data, a scheme for each layer, named after the default', async () => {
    const args = ['--scheme', 'lut16', '--layer', 'node_linear=u4', '--layer', '*_2=pow2-15', '--json'];
    const { exitCode, stdout } = await callCli(['quantize', model, ...args]);
    expect(exitCode).toBe(0);
    const { output, layers, bytes, notes } = JSON.parse(stdout) as QuantizeResult;
    expect(output).toBe(join(folder, 'mnist_cnn.lut16.onnx'));
    expect(Object.fromEntries(layers.map(({ name, scheme }) => [name, scheme]))).toEqual({
      node_conv2d: 'lut16',
      node_conv2d_1: 'lut16',
      node_conv2d_2: 'pow2-15',
      node_linear: 'u4',
      node_linear_1: 'lut16',
    });
    expect(layers.every(({ bits }) => bits === 4)).toBe(true);
    expect(bytes.after).toBe(statSync(output).size);
    expect(bytes.after / bytes.before).toBeLessThan(0.14);
    expect(notes).toContainEqual(expect.stringMatching(/raised from 20 to 21/));
    rmSync(output);
  });

  it.each(['lut1', 'u9', 'pow2-6'])('refuses the scheme %s by its name', async (scheme) => {
    for (const args of [
      ['--scheme', scheme],
      ['--layer', `node_linear=${scheme}`],
    ]) {
      const { exitCode, stderr } = await callCli(['quantize', model, ...args]);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(scheme);
      expect(stderr).toMatch(/u1 to u8, lut2 to lut256, pow2-2 to pow2-5, pow2-15/);
    }
  });

  it('writes <name>.w8a8.onnx beside the model and prints the contract’s JSON', async () => {
    const { exitCode, stdout } = await callCli(['quantize', model, ...quick, '--json']);
    expect(exitCode).toBe(0);
    const result = JSON.parse(stdout) as QuantizeResult;
    expect(result.output).toBe(join(folder, 'mnist_cnn.w8a8.onnx'));
    expect(readdirSync(folder)).toContain('mnist_cnn.w8a8.onnx');
    expect(result.layers[0]).toEqual({
      name: 'node_conv2d',
      scheme: 'w8a8',
      range: 'max',
      bias: 'int32',
      bits: 8,
      signed: true,
      granularity: 'per-channel',
      weightSse: expect.any(Number) as number,
      weightSqnrDb: expect.any(Number) as number,
      uniqueBefore: expect.any(Number) as number,
      uniqueAfter: expect.any(Number) as number,
      bytesBefore: expect.any(Number) as number,
      bytesAfter: expect.any(Number) as number,
    });
    expect(result.verification).toMatchObject({ slice: 'verify', outputs: [{ name: 'logits' }] });
    expect(result.seconds).toBeGreaterThan(0);
    expect(JSON.stringify(result)).not.toMatch(/NaN/);
  });

  it('assigns schemes by globs, the later one winning, and --exclude last', async () => {
    const args = ['--scheme', 'float', '--layer', 'node_conv*=w8a8', '--layer', 'node_conv2d_1=float'];
    const { stdout } = await callCli([
      'quantize',
      model,
      ...quick,
      ...args,
      '--exclude',
      '*_2',
      '-o',
      output,
      '--json',
    ]);
    const { layers } = JSON.parse(stdout) as QuantizeResult;
    expect(layers.filter(({ scheme }) => scheme === 'w8a8').map(({ name }) => name)).toEqual(['node_conv2d']);
  });

  it('names close layers when a glob matches nothing', async () => {
    const { exitCode, stderr } = await callCli(['quantize', model, ...quick, '--exclude', 'node_liner']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^error: --exclude node_liner matches no layer\. Did you mean node_linear, node_linear_1/,
    );
    const unknown = await callCli(['quantize', model, ...quick, '--layer', 'node_linear=w9']);
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/no scheme "w9"/) as string });
  });

  it('says without data what is possible, and does nothing', async () => {
    const { exitCode, stderr } = await callCli(['quantize', model, '-o', join(folder, 'none.onnx')]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/ranges come from data: give --data PATH.*--data random/);
    expect(readdirSync(folder)).not.toContain('none.onnx');
  });

  it('takes random inputs only by that word, and says so', async () => {
    const { exitCode, stdout } = await callCli(['quantize', model, '--data', 'random', '-o', output]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^note: .*random inputs/m);
  });

  it('needs no data when every layer stays float', async () => {
    const { exitCode, stdout } = await callCli([
      'quantize',
      model,
      '--scheme',
      'float',
      '-o',
      output,
      '--json',
    ]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ totals: { quantized: 0, float: 5 }, verification: null });
  });

  it('writes the plan with hashes and recipe, and repeats it from the plan alone', async () => {
    const planFile = join(folder, 'model.quant.json');
    const first = await callCli([
      ...['quantize', model, ...quick, '--seed', '9', '--exclude', 'node_linear_1'],
      ...['--write-plan', planFile, '-o', output, '--json'],
    ]);
    expect(first.exitCode).toBe(0);
    const plan = parsePlan(readFileSync(planFile, 'utf8'), planFile);
    expect(plan.layers).toEqual({
      node_linear_1: {
        scheme: 'float',
        weightHash: expect.stringMatching(/^sha256:[0-9a-f]{16}$/) as string,
      },
    });
    expect(plan).toMatchObject({ activationRange: 'max', calibration: { samples: 16, seed: 9 } });

    const bytes = readFileSync(output);
    const again = await callCli(['quantize', model, '--plan', planFile, '-o', output, '--json']);
    expect(again.exitCode).toBe(0);
    expect(readFileSync(output).equals(bytes)).toBe(true);
    expect((JSON.parse(again.stdout) as QuantizeResult).verification).toEqual(
      (JSON.parse(first.stdout) as QuantizeResult).verification,
    );
  });

  it('does not use a plan beside the model by itself, and says so', async () => {
    const beside = join(folder, 'mnist_cnn.quant.json');
    writeFileSync(beside, JSON.stringify({ version: 1, defaultScheme: 'float' }));
    const { stdout } = await callCli(['quantize', model, ...quick, '-o', output, '--json']);
    const asked = await callCli(['quantize', model, '--plan', beside, '-o', output, '--json']);
    rmSync(beside);
    const result = JSON.parse(stdout) as QuantizeResult;
    expect(result.totals.quantized).toBe(5);
    expect(result.notes[0]).toBe(
      `The plan ${beside} beside the model was not used: --plan ${beside} starts from it.`,
    );
    expect(JSON.parse(asked.stdout)).toMatchObject({ totals: { quantized: 0 } });
    expect(asked.stdout).not.toMatch(/was not used/);
  });

  it('never writes the plan over the model or the output', async () => {
    const over = await callCli(['quantize', model, ...quick, '-o', output, '--write-plan', model]);
    expect(over).toMatchObject({ exitCode: 1, stdout: '' });
    expect(over.stderr).toMatch(/is the model that is open, which Roundoff never overwrites/);
    expect(readFileSync(model).equals(readFileSync(join(sample, 'mnist_cnn.onnx')))).toBe(true);
    const both = await callCli(['quantize', model, ...quick, '-o', output, '--write-plan', output]);
    expect(both).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('says in one line that a plan file is not there', async () => {
    const { exitCode, stderr } = await callCli([
      'quantize',
      model,
      ...quick,
      '--plan',
      join(folder, 'no.json'),
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toBe(`error: Cannot read ${join(folder, 'no.json')}: it does not exist.\n`);
  });

  it('names every mistake of a plan file', async () => {
    const planFile = join(folder, 'bad.quant.json');
    writeFileSync(planFile, JSON.stringify({ version: 1, defaultScheme: 'w1' }));
    const { exitCode, stderr } = await callCli(['quantize', model, ...quick, '--plan', planFile]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/bad\.quant\.json is not a valid quantization plan: .*defaultScheme/);
  });

  it('names the input that the data does not fit', async () => {
    const { exitCode, stderr } = await callCli(['quantize', model, '--data', join(folder, 'nothing.npz')]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/nothing\.npz does not exist/);
  });

  it('refuses to write over the model', async () => {
    const { exitCode, stderr } = await callCli(['quantize', model, ...quick, '-o', model]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/is the model that is open/);
  });

  it('exits with 130 when cancelled', async () => {
    const { exitCode, stderr } = await callCli(['quantize', model, ...quick, '-o', output], {
      signal: AbortSignal.abort(),
    });
    expect(exitCode).toBe(130);
    expect(stderr).toBe('Cancelled.\n');
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CompareResult } from '../../src/core/results';
import { bundlePrograms } from '../engine/support/bundle';

const sample = join(import.meta.dirname, '../../samples/mnist');
let bundles: string;
let folder: string;
let model: string;

beforeAll(async () => {
  bundles = await bundlePrograms({ cli: 'src/cli/main.ts', engine: 'src/engine/main.ts' });
  folder = mkdtempSync(join(tmpdir(), 'cli-process-'));
  model = join(folder, 'model.onnx');
  copyFileSync(join(sample, 'mnist_cnn.onnx'), model);
});
afterAll(() => {
  rmSync(bundles, { recursive: true });
  rmSync(folder, { recursive: true });
});

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(bundles, 'cli.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, so that a test can send it what Ctrl+C in a terminal sends.
    detached: true,
  });
}

async function finish(child: ChildProcess) {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()));
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { exitCode, stdout, stderr };
}

describe('the roundoff program', () => {
  it('inspects without starting the engine or loading a native package', async () => {
    const program = join(folder, 'preload.cjs');
    writeFileSync(
      program,
      "process.on('exit', () => process.stderr.write(process.report.getReport().sharedObjects.filter((f) => /onnxruntime|sharp|vips/.test(f)).join()));",
    );
    const child = spawn(process.execPath, [
      '-r',
      program,
      join(bundles, 'cli.mjs'),
      'inspect',
      model,
      '--json',
    ]);
    const { exitCode, stdout, stderr } = await finish(child);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ parameters: 481342 });
  });

  it('ends quietly when its reader does', async () => {
    const child = start(['inspect', model, '--json']);
    child.stdout?.destroy();
    const { exitCode, stderr } = await finish(child);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  it('compares, and exits with 3 when a requested limit is not met', async () => {
    const calibration = join(sample, 'calibration.npz');
    const written = join(folder, 'w8a8.onnx');
    const options = ['--data', calibration, '--samples', '32'];
    const quantized = await finish(
      start(['quantize', model, ...options, '--activation-range', 'max', '-o', written]),
    );
    expect(quantized.exitCode).toBe(0);
    expect(quantized.stdout).toMatch(/SQNR \d+\.\d\d dB against float, \d+ samples of the verify slice/);

    const compared = await finish(
      start([
        'compare',
        model,
        written,
        ...options,
        '--sample',
        '3',
        '--top',
        '2',
        '--min-sqnr',
        '90',
        '--json',
      ]),
    );
    expect(compared.exitCode).toBe(3);
    expect(compared.stderr).toMatch(
      /limit not met: output logits has an SQNR of \d+\.\d+ dB, less than 90 dB/,
    );
    const result = JSON.parse(compared.stdout) as CompareResult;
    expect(result).toMatchObject({ a: model, b: written, slice: 'verify' });
    expect(result.outputs[0]).toMatchObject({ name: 'logits', sample: { index: 3 } });
    expect(result.outputs[0]?.top1).toEqual({ agreement: expect.any(Number) as number, a: null, b: null });
  });

  it('leaves no file on Ctrl+C, at any moment before it tells of one, and exits with 130', async () => {
    const target = mkdtempSync(join(folder, 'target-'));
    let cancelled = 0;
    for (const wait of [200, 400, 700, 1000, 1500]) {
      const child = start([
        'quantize',
        model,
        '--data',
        join(sample, 'calibration.npz'),
        '-o',
        join(target, 'out.onnx'),
      ]);
      const end = finish(child);
      await new Promise((resolve) => setTimeout(resolve, wait));
      // It may be done by now.
      if (child.exitCode === null) process.kill(-Number(child.pid), 'SIGINT');
      const { exitCode, stdout } = await end;
      // Before the program listens, and once it has done everything, Node itself ends by the signal.
      expect([0, 130, null]).toContain(exitCode);
      if (stdout === '') {
        cancelled++;
        expect(exitCode).not.toBe(0);
      } else {
        expect(exitCode).not.toBe(130);
        expect(stdout).toContain('Wrote');
        rmSync(join(target, 'out.onnx'));
      }
      expect(readdirSync(target)).toEqual([]);
    }
    expect(cancelled).toBeGreaterThan(1);
  });
});

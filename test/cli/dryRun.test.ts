import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../src/core/onnx/build';
import { MemorySink } from '../../src/core/onnx/memory';
import { DataType } from '../../src/core/onnx/types';
import { writeModel } from '../../src/core/onnx/write';
import type { PredictResult, QuantizeResult } from '../../src/core/results';
import { callCli } from './support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');
let folder: string;
let model: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dry-run-test-'));
  model = join(folder, 'mnist_cnn.onnx');
  copyFileSync(join(sample, 'mnist_cnn.onnx'), model);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('roundoff quantize --dry-run', () => {
  it.each(['w8a8', 'w4,block:16,bias:u1', 'lut16,group:2'])('foretells the file of %s', async (scheme) => {
    const dry = await callCli(['quantize', model, '--scheme', scheme, '--dry-run', '--json']);
    expect(dry).toMatchObject({ exitCode: 0, stderr: '' });
    expect(readdirSync(folder)).toEqual(['mnist_cnn.onnx']);
    const output = join(folder, 'out.onnx');
    const data = ['--data', join(sample, 'calibration.npz'), '--samples', '8'];
    const written = await callCli(['quantize', model, '--scheme', scheme, ...data, '-o', output, '--json']);
    const predicted = JSON.parse(dry.stdout) as PredictResult;
    const result = JSON.parse(written.stdout) as QuantizeResult;
    expect(predicted.bytes).toBe(statSync(output).size);
    expect(predicted.bytesBefore).toBe(statSync(model).size);
    expect(
      predicted.layers.map(({ name, bytes, granularity, bias }) => [name, bytes, granularity, bias]),
    ).toEqual(
      result.layers.map(({ name, bytesAfter, granularity, bias }) => [name, bytesAfter, granularity, bias]),
    );
    rmSync(output);
  });

  it('tells each layer in words', async () => {
    const { stdout, exitCode } = await callCli([
      'quantize',
      model,
      '--scheme',
      'w4,block:16,bias:u4',
      '--dry-run',
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/int4 blocked \(16\), bias u4/);
    expect(stdout).toMatch(/→ [\d,]+ bytes \([\d.]+ %\)\. Nothing was written\./);
  });

  it('says so when the model has nothing to quantize, as writing does', async () => {
    const empty = join(folder, 'empty.onnx');
    const identity = makeNode({ opType: 'Identity', input: ['x'], output: ['y'] });
    const graph = makeGraph({
      node: [identity],
      input: [makeValueInfo('x', DataType.FLOAT, [1])],
      output: [makeValueInfo('y', DataType.FLOAT, [1])],
    });
    const sink = new MemorySink();
    await writeModel(makeModel(graph, { opset: 17, irVersion: 8 }), sink);
    writeFileSync(empty, sink.bytes());
    for (const rest of [['--dry-run'], ['-o', join(folder, 'still-empty.onnx')]]) {
      const { exitCode, stdout } = await callCli(['quantize', empty, '--scheme', 'w8', ...rest]);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('note: Nothing was quantized: the model has no layer with constant weights.');
    }
    rmSync(empty);
    rmSync(join(folder, 'still-empty.onnx'));
  });

  it('writes no plan either', async () => {
    const plan = join(folder, 'plan.json');
    const { exitCode, stderr } = await callCli(['quantize', model, '--dry-run', '--write-plan', plan]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/--dry-run writes nothing/);
  });
});

/** A platform for which onnxruntime-node has no binaries (Intel Mac, musl): the package is there and does not load. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import type { ModelSummary, QuantizeResult } from '../../src/core/results';
import { openRuntime } from '../../src/engine/runtime/ortRuntime';
import { callCli } from '../cli/support/callCli';
import { temporaryFolders } from '../support/folder';

vi.mock('onnxruntime-node', () => {
  throw new Error('/opt/roundoff/node_modules/onnxruntime_binding.node: cannot open shared object file');
});

const newFolder = temporaryFolders();
const model = join(import.meta.dirname, '../../samples/mnist/mnist_cnn.onnx');
const data = join(import.meta.dirname, '../../samples/mnist/calibration.npz');
let folder: string;
let output: string;
beforeEach(async () => {
  folder = await newFolder();
  output = join(folder, 'out.onnx');
});

it('says what is possible without', async () => {
  await expect(openRuntime()).rejects.toThrow(
    /does not run on this machine: on \w+ \w+ the package .*models can be inspected and their weights quantized/,
  );
});

it('inspects', async () => {
  const { exitCode, stdout } = await callCli(['inspect', model, '--json']);
  expect(exitCode).toBe(0);
  expect((JSON.parse(stdout) as ModelSummary).layers).toHaveLength(5);
});

it.each([
  ['w8', []],
  ['w8', ['--data', data]],
  ['float', ['--data', data]],
])('writes %s, which needs no run, %s', async (scheme, options) => {
  const args = ['quantize', model, '--scheme', scheme, ...options, '-o', output, '--json'];
  const { exitCode, stdout } = await callCli(args);
  expect(exitCode).toBe(0);
  const { verification, notes, totals } = JSON.parse(stdout) as QuantizeResult;
  expect(verification).toBeNull();
  expect(totals.quantized).toBe(scheme === 'w8' ? 5 : 0);
  if (options.length > 0)
    expect(notes.join()).toMatch(/Not verified\. ONNX Runtime does not run on this machine/);
  expect(readdirSync(folder)).toEqual(['out.onnx']);
});

it.each([
  ['quantize', [model, '-o']],
  ['scan', [model]],
  ['compare', [model, model]],
])('%s says that the runtime is missing and what is possible, and leaves no file', async (verb, args) => {
  const files = verb === 'quantize' ? [...args, output] : args;
  const { exitCode, stdout, stderr } = await callCli([verb, ...files, '--data', data]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toMatch(/^error: ONNX Runtime does not run on this machine: .*\n$/);
  expect(stderr).not.toContain('/');
  expect(stderr).toMatch(/can be inspected/);
  expect(readdirSync(folder)).toEqual([]);
});

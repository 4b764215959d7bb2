import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WeightStatistics } from '../../src/core/inspectorResults';
import { callCli } from './support/callCli';
import { floatTensor } from '../../src/core/onnx/build';
import { readFloat32 } from '../../src/core/onnx/tensor';
import { openModelFile } from '../../src/engine/files/modelFile';
import { writeModelFile } from '../../src/engine/files/writeModelFile';
import { model, node } from '../core/rewrite/models';
import { readNpy } from '../support/npz';
import { temporaryFolders } from '../support/folder';

const file = join(import.meta.dirname, '../../samples/mnist/mnist_cnn.onnx');

const temporaryFolder = temporaryFolders();

describe('roundoff inspect FILE --layer GLOB', () => {
  it('tells what the weights are like, and what a format makes of them', async () => {
    const { exitCode, stdout } = await callCli([
      'inspect',
      file,
      '--layer',
      '*conv2d*',
      '--scheme',
      'pow2-4',
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^node_conv2d\n/);
    expect(stdout).toContain('float [16, 1, 5, 5], 400 elements');
    expect(stdout).toMatch(/step at 4 bits: \S+ for the tensor/);
    expect(stdout).toMatch(/9 codes are used/);
    expect(stdout).toMatch(/powers of two: -?\d+, -?\d+, -?\d+, -?\d+\n/);
    expect(stdout).toContain('  from train_mnist.py:18 in forward\n');
  });

  it('prints JSON, a list', async () => {
    const { stdout } = await callCli(['inspect', file, '--layer', 'node_linear', '--json']);
    const [statistics, ...others] = JSON.parse(stdout) as WeightStatistics[];
    expect(others).toEqual([]);
    expect(statistics).toMatchObject({ layer: 'node_linear', values: 'stored', method: 'exact' });
    expect(statistics).toHaveProperty('source.0.line', 18);
    expect(statistics?.channels?.channels).toBe(statistics?.channels?.min.length);
  });

  it('tells the numbers behind the codes of a quantized model', async () => {
    const output = join(await temporaryFolder(), 'w8.onnx');
    await callCli(['quantize', file, '--scheme', 'w8,tensor', '-o', output]);
    const read = async (path: string): Promise<WeightStatistics> => {
      const { stdout, stderr } = await callCli(['inspect', path, '--layer', 'node_linear', '--json']);
      expect(stderr).toBe('');
      const [statistics] = JSON.parse(stdout) as WeightStatistics[];
      if (!statistics) throw new Error('nothing');
      return statistics;
    };
    const [float, quantized] = [await read(file), await read(output)];
    expect(quantized.values).toBe('dequantized');
    expect(quantized.elements).toBe(float.elements);
    const step = Math.max(float.max ?? 0, -(float.min ?? 0)) / 127;
    expect(Math.abs((quantized.mean ?? 1) - (float.mean ?? 0))).toBeLessThan(step / 10);
    expect(Math.abs((quantized.max ?? 1) - (float.max ?? 0))).toBeLessThan(step);
  });

  it('writes a weight as a NumPy array', async () => {
    const folder = await temporaryFolder();
    const output = join(folder, 'w.npy');
    const { exitCode, stdout } = await callCli([
      'inspect',
      file,
      '--layer',
      'node_conv2d_1',
      '--npy',
      output,
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Wrote ${output}: [16, 16, 3, 3], <f4`);
    const bytes = new Uint8Array(readFileSync(output));
    const { shape, data } = readNpy(bytes);
    expect(shape).toEqual([16, 16, 3, 3]);
    const opened = await openModelFile(file);
    const stored = opened.model.graph?.initializer.find(({ name }) => name === 'layer2.0.weight');
    expect(stored && (await readFloat32(stored))).toEqual(data);
    await opened.close();
    // NumPy aligns the data.
    expect((bytes.byteLength - 4 * data.length) % 64).toBe(0);
    const two = await callCli(['inspect', file, '--layer', '*linear*', '--npy', output]);
    expect(two).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('names 2 layers') as string });
    const model = await callCli(['inspect', file, '--layer', 'node_linear', '--npy', file]);
    expect(model.exitCode).toBe(1);
  });

  it('tells what weights are like that no format can hold, and those without elements', async () => {
    const path = join(await temporaryFolder(), 'odd.onnx');
    const odd = model(
      [node('MatMul', 'nan', ['x', 'w'], ['y']), node('MatMul', 'none', ['x', 'e'], ['z'])],
      [floatTensor('w', [1, NaN, -3, 4], [2, 2]), floatTensor('e', [], [2, 0])],
      [1, 2],
      ['y', 'z'],
    );
    await writeModelFile(odd, path);
    const nan = await callCli(['inspect', path, '--layer', 'nan', '--scheme', 'w8']);
    expect(nan.stdout).toContain('1 are NaN or infinite and left out');
    expect(nan.stdout).toMatch(/from -3(\.0+)? to 4/);
    expect(nan.stdout).toContain('  in no format: ');
    const none = await callCli(['inspect', path, '--layer', 'none']);
    expect(none.exitCode).toBe(0);
    expect(none.stdout).not.toMatch(/Infinity|NaN/);
  });

  it('names what it cannot do', async () => {
    expect(await callCli(['inspect', file, '--scheme', 'w8'])).toMatchObject({ exitCode: 2 });
    const none = await callCli(['inspect', file, '--layer', 'none']);
    expect(none).toMatchObject({ exitCode: 2 });
    const strange = await callCli(['inspect', file, '--layer', 'node_linear', '--scheme', 'w9']);
    expect(strange.exitCode).toBe(1);
    expect(strange.stderr).toContain('There is no scheme "w9"');
  });
});

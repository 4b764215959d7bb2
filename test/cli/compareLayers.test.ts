import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layerTable } from '../../src/cli/layerText';
import { engineService } from '../../src/engine/service';
import { temporaryFolders } from '../support/folder';
import { callCli } from './support/callCli';

const folder = join(import.meta.dirname, '../../samples/mnist');
const file = join(folder, 'mnist_cnn.onnx');
const data = join(folder, 'test.npz');
const temporaryFolder = temporaryFolders();

const layers = ['node_conv2d', 'node_conv2d_1', 'node_conv2d_2', 'node_linear', 'node_linear_1'];

describe('roundoff compare A B --layers', () => {
  it('prints the error of each layer as CSV', async () => {
    const quantized = join(await temporaryFolder(), 'u2.onnx');
    await callCli(['quantize', file, '--scheme', 'u2', '-o', quantized]);
    const args = ['compare', file, quantized, '--data', data, '--samples', '1900', '--layers', '--csv'];
    const { exitCode, stdout, stderr } = await callCli(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const [header = '', ...lines] = stdout.trimEnd().split('\n');
    expect(header).toMatch(/^layer,op,a_nodes,a_value,b_nodes,b_value,accumulated_sqnr_db,/);
    expect(lines.map((line) => line.split(',')[0])).toEqual(layers);
    const decibels = Number(lines[0]?.split(',')[6]);
    expect(decibels).toBeGreaterThan(0);
    expect(decibels).toBeLessThan(30);
  }, 60_000);

  it('compares what a plan would write, on the verify slice', async () => {
    const plan = {
      version: 1,
      defaultScheme: 'w8',
      activationType: 'uint8',
      activationRange: 'max',
      layers: { node_conv2d: { scheme: 'float' } },
    } as const;
    const { signal } = new AbortController();
    const found = await engineService.compareLayers(
      { a: file, plan, calibration: { data, samples: 1900 }, most: 3 },
      { signal, report: () => undefined },
    );
    expect(found).toMatchObject({ slice: 'verify', samples: 3, simulated: true, b: 'mnist_cnn.onnx as w8' });
    expect(found.layers.map(({ layer }) => layer)).toEqual(layers);
    // Only its BatchNormalization was folded.
    expect(found.layers[0]?.local?.sqnrDb).toBeGreaterThan(100);
    expect(found.layers[1]?.local?.sqnrDb).toBeLessThan(60);
    expect(layerTable(found)).toMatch(
      /^layer +op +accumulated +alone\nnode_conv2d +Conv +\d+\.\d\d dB +\d+\.\d\d dB\n/,
    );
  }, 60_000);

  it('refuses CSV without layers', async () => {
    const { exitCode, stderr } = await callCli(['compare', file, file, '--data', data, '--csv']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--layers');
  });
});

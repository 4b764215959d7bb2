import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LayerExplanation } from '../../src/core/explainResults';
import type { PredictResult } from '../../src/core/results';
import { callCli } from './support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');
const model = join(sample, 'mnist_cnn.onnx');
const data = [
  ...['--data', join(sample, 'calibration.npz'), '--samples', '8'],
  ...['--activation-range', 'max', '--no-cache'],
];

const explain = async (...args: string[]): Promise<LayerExplanation[]> => {
  const { exitCode, stdout, stderr } = await callCli(['explain', model, ...args, '--json']);
  expect([exitCode, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as LayerExplanation[];
};

describe('roundoff explain', () => {
  it('explains the weight without data', async () => {
    const [explained, ...others] = await explain('--layer', 'node_linear', '--scheme', 'w4,tensor');
    expect(others).toEqual([]);
    expect(explained).toMatchObject({
      layer: 'node_linear',
      scheme: 'w4,tensor',
      measured: null,
      activations: [],
    });
    expect((explained?.weight?.clipping ?? 0) + (explained?.weight?.rounding ?? 0)).toBeCloseTo(1, 9);
    expect(explained?.causes.length).toBeGreaterThan(0);
    expect(explained?.remedies.at(-1)?.scheme).toBe('float');
  });

  it('tells bytes as a dry run does', async () => {
    const [explained] = await explain('--layer', 'node_conv2d_1', '--scheme', 'w4');
    for (const { scheme, bytes } of explained?.remedies ?? []) {
      const args = ['quantize', model, '--scheme', 'float', '--layer', `node_conv2d_1=${scheme}`];
      const { stdout } = await callCli([...args, '--dry-run', '--json']);
      const { layers } = JSON.parse(stdout) as PredictResult;
      expect([scheme, layers.find(({ name }) => name === 'node_conv2d_1')?.bytes]).toEqual([scheme, bytes]);
    }
  });

  it('scans the layers when there are data, and looks at their activations', async () => {
    const explained = await explain('--layer', 'node_conv2d_*', ...data);
    expect(explained.map(({ layer, scheme }) => [layer, scheme])).toEqual([
      ['node_conv2d_1', 'w8a8'],
      ['node_conv2d_2', 'w8a8'],
    ]);
    for (const { measured, activations, remedies } of explained) {
      expect(measured).toMatchObject({ metric: 'kl', of: 2 });
      expect(measured?.sensitivity).toBeGreaterThan(0);
      expect(activations.map(({ role }) => role)).toEqual(['input', 'output']);
      for (const { sqnrDb, tail } of activations) {
        expect(sqnrDb).toBeGreaterThan(20);
        expect(tail).toBeGreaterThan(1);
      }
      const sensitivities = remedies.slice(0, -1).map(({ sensitivity }) => sensitivity ?? NaN);
      expect(sensitivities).toEqual(sensitivities.toSorted((a, b) => a - b));
      for (const value of sensitivities) expect(value).toBeLessThan(measured?.sensitivity ?? NaN);
    }
    // 16 bits for the activations are better than 8; of the other layer, eight samples do not tell.
    expect(explained[0]?.remedies[0]?.scheme).toBe('w8a16');
    for (const { causes } of explained) expect(causes[0]?.kind).toBe('activationRange');
    expect(explained.map(({ measured }) => measured?.rank).sort()).toEqual([1, 2]);
  });

  it('prints sentences and a table', async () => {
    const { stdout } = await callCli([
      'explain',
      model,
      '--layer',
      'node_linear',
      '--scheme',
      'pow2-3',
      ...data,
    ]);
    expect(stdout).toMatch(/^node_linear as pow2-3\n {2}sensitivity \(kl\): [\d.e-]+ ± /);
    expect(stdout).toMatch(/\n {2}weight: [\d.]+ dB, clipping [\d.]+ %, rounding [\d.]+ % of the error/);
    expect(stdout).toMatch(/\nWhy it hurts, the heaviest first:\n {2}- /);
    expect(stdout).toMatch(/\nWhat would do better:\n {2}format +sensitivity +weight +bytes\n/);
    expect(stdout).toMatch(/\n {2}float +0\.00e\+0 +identical .*Takes its error away, for [\d,]+ bytes more/);
  });

  it.each([
    [['--layer', 'nothing'], /matches no layer/, 2],
    [[], /--layer/, 2],
    [['--layer', 'node_linear', '--scheme', 'w3'], /no scheme "w3"/, 2],
    [['--layer', 'node_linear', '--scheme', 'float'], /give --scheme/, 2],
  ])('refuses %j', async (args, message, code) => {
    const { exitCode, stderr } = await callCli(['explain', model, ...args]);
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(code);
  });
});

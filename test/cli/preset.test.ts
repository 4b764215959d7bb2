import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parsePlan } from '../../src/core/plan/planFile';
import type { QuantizeResult } from '../../src/core/results';
import { callCli } from './support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');
const model = join(sample, 'mnist_cnn.onnx');
const data = ['--data', join(sample, 'calibration.npz'), '--samples', '12'];
const folder = mkdtempSync(join(tmpdir(), 'preset-test-'));
const output = join(folder, 'out.onnx');
const plan = join(folder, 'plan.json');

afterAll(() => rmSync(folder, { recursive: true }));

async function quantize(...args: string[]): Promise<QuantizeResult> {
  const { stdout, stderr, exitCode } = await callCli(['quantize', model, ...args, '-o', output, '--json']);
  expect({ stderr, exitCode }).toMatchObject({ exitCode: 0 });
  return JSON.parse(stdout) as QuantizeResult;
}

describe('roundoff quantize --preset', () => {
  it('hybrid: keeps layers float, and writes what it chose; --layer has the last word', async () => {
    const args = ['--preset', 'hybrid', '--scheme', 'w4', '--margin', '0', ...data];
    const { layers, notes } = await quantize(...args, '--write-plan', plan);
    const schemes = layers.map(({ scheme }) => scheme);
    expect(schemes.filter((scheme) => scheme === 'float').length).toBe(2);
    expect(notes.join()).toMatch(/Preset hybrid: 3 × w4; 2 × float/);
    const written = parsePlan(readFileSync(plan, 'utf8'), plan);
    expect(layers.map(({ name }) => written.layers[name]?.scheme)).toEqual(schemes);
    const { layers: forced } = await quantize(...args, '--layer', '*=w8');
    expect(forced.every(({ scheme }) => scheme === 'w8')).toBe(true);
  });

  it('naive: needs no data for weights, and takes the rules that data chooses with it', async () => {
    const without = await quantize('--preset', 'naive', '--scheme', 'w4');
    expect(without.layers.every(({ scheme }) => scheme === 'w4')).toBe(true);
    const given = await quantize('--scheme', 'w4', ...data);
    expect(given.notes.join()).toMatch(/Weights of 5 layers: .* dB/);
    expect(given.verification?.outputs[0]?.sqnrDb).toBeGreaterThan(10);
  });

  it('selective: asks for data', async () => {
    const { exitCode, stderr } = await callCli(['quantize', model, '--preset', 'selective', '-o', output]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/needs data/);
  });

  it('says each note once', async () => {
    const { notes } = await quantize('--preset', 'naive', '--scheme', 'w4');
    expect(notes.filter((note) => /operator set was raised/.test(note))).toHaveLength(1);
    expect(new Set(notes).size).toBe(notes.length);
  });

  it.each([
    [['--bits', '5'], /--bits is for --preset selective/],
    [['--preset', 'naive', '--margin', '3'], /--margin is for --preset hybrid/],
    [['--preset', 'hybrid', '--margin', '-3'], /It must be a number from 0/],
    [['--preset', 'best'], /It must be naive, hybrid or selective/],
  ])('refuses %j', async (args, sentence) => {
    const { exitCode, stderr } = await callCli(['quantize', model, '--dry-run', ...args]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(sentence);
  });
});

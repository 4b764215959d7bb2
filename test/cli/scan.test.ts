import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScanResult } from '../../src/core/results';
import { callCli } from './support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');
const model = join(sample, 'mnist_cnn.onnx');
const calibration = join(sample, 'calibration.npz');
const quick = ['--data', calibration, '--samples', '16', '--activation-range', 'max'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-scan-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('roundoff scan', () => {
  it('prints the contract’s JSON, progress nowhere', async () => {
    const { exitCode, stdout, stderr } = await callCli([
      'scan',
      model,
      ...quick,
      '--layer',
      '*conv*',
      '--no-cache',
      '--json',
    ]);
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    const result = JSON.parse(stdout) as ScanResult;
    expect(result).toMatchObject({ metric: 'kl', slice: 'scan', samples: 16, trials: 192, partial: false });
    expect(result.candidates.map(({ layer, scheme }) => `${layer} ${scheme}`)).toEqual(
      ['node_conv2d', 'node_conv2d_1', 'node_conv2d_2'].flatMap((layer) =>
        ['w8a8', 'w8a16', 'w4,block:32', 'lut16'].map((scheme) => `${layer} ${scheme}`),
      ),
    );
  });

  it('shows the layer that is hurt least first, with progress that rewrites itself in a terminal', async () => {
    const { stdout, stderr } = await callCli(['scan', model, ...quick, '--scheme', 'w8a8', '--no-cache'], {
      stderrIsTerminal: true,
    });
    const [first, ...lines] = stderr.split('\r\u001b[K');
    expect(first).toBe('');
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.at(-1)).toBe('');
    expect(stderr).not.toContain('\n');
    expect(stdout).toMatch(/^layer +w8a8 +best +agreement\n/);
    const values = [...stdout.matchAll(/^node_\w+ +([\d.e+-]+) ± [\d.e+-]+ +w8a8 +[\d.]+ %$/gm)].map(
      ([, value]) => Number(value),
    );
    expect(values).toHaveLength(5);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
  });

  it('measures nothing twice with a cache, and only what is new for more samples', async () => {
    const cache = join(folder, 'cache');
    const run = async (...more: string[]) => {
      const args = [
        'scan',
        model,
        '--data',
        calibration,
        '--activation-range',
        'max',
        '--cache',
        cache,
        '--json',
      ];
      const { stdout } = await callCli([...args, '--scheme', 'w8a8', '--scheme', 'w4,block:32', ...more]);
      return JSON.parse(stdout) as ScanResult;
    };
    const first = await run('--samples', '16');
    const second = await run('--samples', '16');
    expect([first.trials, second.trials]).toEqual([160, 0]);
    expect(second.candidates).toEqual(first.candidates);
    const more = await run('--samples', '24');
    expect(more.trials).toBe(80);
    const fresh = await run('--samples', '24', '--no-cache');
    for (const [at, { sensitivity }] of fresh.candidates.entries()) {
      expect((more.candidates[at]?.sensitivity ?? NaN) / (sensitivity ?? NaN)).toBeCloseTo(1, 3);
    }
  });

  it('says when fewer samples are left than were asked for', async () => {
    const one = [
      'scan',
      model,
      '--data',
      'random',
      '--layer',
      'node_linear_1',
      '--scheme',
      'w8',
      '--no-cache',
    ];
    const note =
      '100 samples were asked for, and 16 are left to scan with: of the 64 in random, 32 calibrate and 16 are kept to verify.';
    const { stdout } = await callCli([...one, '--samples', '100', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ samples: 16, notes: [note] });
    expect((await callCli([...one, '--samples', '100'])).stdout).toContain(`\n${note}\n`);
    expect((await callCli([...one, '--samples', '100', '--csv'])).stderr).toBe(`${note}\n`);
    const { stdout: enough } = await callCli([...one, '--samples', '16', '--json']);
    expect(JSON.parse(enough)).toMatchObject({ samples: 16, notes: [] });
  });

  it('prints CSV that quotes formats with commas', async () => {
    const { stdout } = await callCli([
      ...[
        'scan',
        model,
        ...quick,
        '--layer',
        'node_linear',
        '--scheme',
        'w4,block:32',
        '--no-cache',
        '--csv',
      ],
    ]);
    const [header = '', line = '', ...rest] = stdout.split('\n');
    expect(header).toMatch(/^layer,scheme,part,recover,sensitivity,standardError,/);
    expect(line).toMatch(/^node_linear,"w4,block:32",,,[\d.e-]+,[\d.e-]+,/);
    expect(rest).toEqual(['']);
  });

  it('measures parts of formats apart, and says so', async () => {
    const args = ['scan', model, ...quick, '--layers', 'node_conv2d_1', '--no-cache'];
    const run = async (part: string, ...more: string[]) => {
      const { stdout } = await callCli([...args, '--schemes', 'w8a8,w8', '--part', part, '--json', ...more]);
      return (JSON.parse(stdout) as ScanResult).candidates;
    };
    const [whole, weights] = [await run('both'), await run('weights')];
    expect(whole.map(({ scheme, part }) => [scheme, part])).toEqual([
      ['w8a8', undefined],
      ['w8', undefined],
    ]);
    expect(weights.map(({ scheme, part }) => [scheme, part])).toEqual([
      ['w8a8', 'weights'],
      ['w8', undefined],
    ]);
    // The same integers, but for the bias, which is rounded to 32 bits.
    expect((weights[0]?.sensitivity ?? NaN) / (weights[1]?.sensitivity ?? NaN)).toBeCloseTo(1, 1);
    const table = await callCli([...args, '--schemes', 'w8a8,w8a16', '--part', 'activations']);
    expect(table.stdout).toMatch(/^layer +w8a8 \(activations\) +w8a16 \(activations\) +best/);
    const csv = await callCli([...args, '--scheme', 'w8a8', '--part', 'activations', '--csv']);
    expect(csv.stdout).toMatch(/\nnode_conv2d_1,w8a8,activations,/);
  });

  it('takes of the usual formats those that have the part', async () => {
    const { stdout } = await callCli([
      ...['scan', model, ...quick, '--layer', 'node_linear', '--part', 'activations', '--no-cache', '--json'],
    ]);
    const { candidates } = JSON.parse(stdout) as ScanResult;
    expect(candidates.map(({ scheme, part }) => `${scheme} ${part}`)).toEqual([
      'w8a8 activations',
      'w8a16 activations',
    ]);
  });

  it.each([
    [['--scheme', 'w4', '--part', 'activations'], /w4 quantizes no activations/, 1],
    [['--scheme', 'w8a8', '--part', 'weights', '--direction', 'all-but'], /layer by layer/, 1],
    [['--part', 'bias'], /weights, activations or both/, 2],
    [['--schemes', 'tensor,w8'], /begin with a scheme/, 2],
    [['--scheme', 'w3'], /no scheme "w3"/, 1],
    [['--metric', 'mae'], /kl, nmse, sqnr, accuracy/, 2],
    [['--direction', 'both'], /only or all-but/, 2],
    [['--json', '--csv'], /not both/, 2],
  ])('refuses %j', async (options, message, code) => {
    const { exitCode, stderr } = await callCli(['scan', model, ...quick, '--no-cache', ...options]);
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(code);
  });
});

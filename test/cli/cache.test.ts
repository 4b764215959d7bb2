import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ScanResult } from '../../src/core/results';
import { callCli } from './support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');
const scan = [
  'scan',
  join(sample, 'mnist_cnn.onnx'),
  ...['--data', join(sample, 'calibration.npz'), '--samples', '8', '--activation-range', 'max', '--json'],
];

/** Nobody's real cache may be touched: each system's variables point into here. */
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cli-cache-test-'));
  for (const name of ['HOME', 'USERPROFILE', 'LOCALAPPDATA']) vi.stubEnv(name, home);
  vi.stubEnv('XDG_CACHE_HOME', join(home, '.cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const contents = async (...args: string[]) =>
  JSON.parse((await callCli(['cache', ...args, '--json'])).stdout) as {
    folder: string;
    files: number;
    bytes: number;
  };

describe('without --cache', () => {
  it('a scan that was cancelled goes on where it stopped', async () => {
    const stop = new AbortController();
    const first = await callCli(scan, {
      signal: stop.signal,
      stderrIsTerminal: true,
      stderr: (text) => {
        if (Number(/(\d+)% Scanning/.exec(text)?.[1]) >= 40) stop.abort();
      },
    });
    expect(first.exitCode).toBe(130);
    const before = JSON.parse(first.stdout) as ScanResult;
    expect(before.partial).toBe(true);
    expect(before.candidates.length).toBeGreaterThan(4);

    const { stdout, exitCode } = await callCli(scan);
    expect(exitCode).toBe(0);
    const rest = JSON.parse(stdout) as ScanResult;
    expect(rest.trials).toBeLessThanOrEqual((20 - before.candidates.length) * 8);
    expect(rest.candidates).toHaveLength(20);
    const whole = JSON.parse((await callCli([...scan, '--no-cache'])).stdout) as ScanResult;
    expect(rest.candidates).toEqual(whole.candidates);
  });

  it('keeps nothing with --no-cache', async () => {
    await callCli([...scan, '--scheme', 'w8', '--no-cache']);
    expect(readdirSync(home)).toEqual([]);
  });
});

describe('roundoff cache', () => {
  it('tells what is kept, and removes it', async () => {
    const { folder } = await contents('info');
    expect(folder.startsWith(home)).toBe(true);
    expect(readdirSync(home)).toEqual([]);
    await callCli([...scan, '--scheme', 'w8']);
    const kept = await contents('info');
    expect(kept).toMatchObject({ folder, files: 1 });
    expect(kept.bytes).toBeGreaterThan(100);
    const { stdout } = await callCli(['cache', 'clear']);
    expect(stdout).toMatch(/^Removed the results of 1 model, .*roundoff/);
    expect(await contents('info')).toMatchObject({ files: 0, bytes: 0 });
  });

  it('looks into the folder that it is given', async () => {
    const folder = join(home, 'own');
    await callCli([...scan, '--scheme', 'w8', '--cache', folder]);
    expect(await contents('info')).toMatchObject({ files: 0 });
    expect(await contents('clear', '--cache', folder)).toMatchObject({ folder, files: 1 });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([[['cache']], [['cache', 'empty']]])('refuses %j', async (args) => {
    expect((await callCli(args)).exitCode).toBe(2);
  });
});

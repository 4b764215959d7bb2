import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CancelledError } from '../../src/core/errors';
import { defaultPlan, parsePlan } from '../../src/core/plan/planFile';
import type { Candidate } from '../../src/core/results';
import type { SearchGoal, SearchPoint, SearchResult } from '../../src/core/searchResults';
import { withFormats } from '../../src/core/plan/layerFormats';
import type { Engine } from '../../src/cli/cliIo';
import { EngineClient } from '../../src/engine/client';
import { engineService } from '../../src/engine/service';
import type { Progress, SearchRequest } from '../../src/shared/rpc';
import { callCli } from '../cli/support/callCli';
import { bundlePrograms } from './support/bundle';

const sample = join(import.meta.dirname, '../../samples/mnist');
const file = join(sample, 'mnist_cnn.onnx');
const data = join(sample, 'test.npz');
const calibration = { data, samples: 32 };
const plan = { ...defaultPlan, activationRange: 'max' as const };
// Nothing left open, which data would have to choose for every plan that is built.
const schemes = ['w8a8', 'w4,block:32,max,no-gain', 'lut16,no-gain'];
const naiveBytes = { kind: 'budget', cost: 'bytes' } as const;

let bundles: string;
let client: EngineClient;
let folder: string;
let known: Candidate[];

const idle = { signal: new AbortController().signal, report: () => undefined };

function request(goal: SearchGoal, parts: Partial<SearchRequest> = {}): SearchRequest {
  return { file, plan, calibration, goal, schemes, known, ...parts };
}

async function compared(output: string) {
  const result = await client.call('compare', { a: file, b: output, calibration });
  return { ...result, output: result.outputs[0] };
}

async function written(layers: Record<string, string>, name: string): Promise<string> {
  const output = join(folder, name);
  await engineService.quantize({ file, plan: withFormats(plan, layers), calibration, output }, idle);
  return output;
}

beforeAll(async () => {
  // It starts programs of its own to measure their memory.
  bundles = await bundlePrograms({ engine: 'src/engine/main.ts' });
  client = new EngineClient({ enginePath: join(bundles, 'engine.mjs') });
  const result = await engineService.scan({ file, plan, calibration, schemes }, idle);
  known = result.candidates;
}, 60_000);
afterAll(() => {
  client.dispose();
  rmSync(bundles, { recursive: true });
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'search-test-'));
  return () => rmSync(folder, { recursive: true });
});

describe('search, on the sample', () => {
  it('keeps to a budget of bytes; its figures are those of the file', async () => {
    const points: SearchPoint[] = [];
    const report = (progress: Progress) => points.push(...(progress.points ?? []));
    const goal = { ...naiveBytes, most: 0.16, ratio: true };
    const result = await engineService.search(request(goal), { ...idle, report });
    const { chosen, front, met, float, partial } = result;
    expect({ met, partial }).toEqual({ met: true, partial: false });
    expect(float.bytes).toBe(statSync(file).size);
    expect(chosen.bytes).toBeLessThanOrEqual(0.16 * float.bytes);
    expect(chosen.bops).toBeGreaterThan(0);
    const run = front.filter(({ verified }) => verified);
    expect(run.length).toBeGreaterThanOrEqual(3);
    expect(run.length).toBeLessThanOrEqual(8);
    for (const point of [...front, chosen]) expect(point.floatLayers).toBeLessThanOrEqual(5);
    expect(points.filter(({ verified }) => verified)).toHaveLength(run.length);
    expect(points.filter(({ verified }) => !verified).length).toBeGreaterThan(3);

    const output = await written(chosen.layers, 'chosen.onnx');
    const { bytes, output: errors, samples } = await compared(output);
    expect(bytes.b).toBe(chosen.bytes);
    expect(samples).toBe(chosen.verified?.samples);
    expect(errors?.sqnrDb).toBeCloseTo(chosen.verified?.sqnrDb ?? NaN, 6);
    expect(errors?.top1?.agreement).toBeCloseTo(chosen.verified?.agreement ?? NaN, 9);
    expect(errors?.top1?.a).toBeCloseTo(chosen.verified?.accuracy?.float ?? NaN, 9);
    expect(errors?.top1?.b).toBeCloseTo(chosen.verified?.accuracy?.plan ?? NaN, 9);
  });

  it('is at least as good as any one format for all layers, at no more bytes', async () => {
    const layers = [...new Set(known.map(({ layer }) => layer))];
    const naive = await written(
      Object.fromEntries(layers.map((name) => [name, 'w4,block:32,max,no-gain'])),
      'naive.onnx',
    );
    const { bytes, output } = await compared(naive);
    const { chosen, met } = await engineService.search(request({ ...naiveBytes, most: bytes.b }), idle);
    expect(met).toBe(true);
    expect(chosen.bytes).toBeLessThanOrEqual(bytes.b);
    expect(chosen.verified?.sqnrDb).toBeGreaterThan((output?.sqnrDb ?? NaN) + 3);
  });

  it('keeps k layers float: the error falls as k grows, to none', async () => {
    const { curve } = await engineService.search(
      request({ kind: 'budget', cost: 'floatLayers', most: 1 }),
      idle,
    );
    expect(curve?.format).toBe('w8a8');
    expect(curve?.points.map(({ floatLayers }) => floatLayers)).toEqual([0, 1, 2, 4, 5]);
    const measured = curve?.points.map((point) => point.measured) ?? [];
    expect(measured[4]).toBeLessThan(1e-9);
    expect(measured[0]).toBeGreaterThan(2 * (measured[3] ?? NaN));
  });

  it('takes the fewest bytes that meet a limit of the error', async () => {
    const goal = { kind: 'cap', error: 'sqnr', limit: 40, cost: 'bytes' } as const;
    const { chosen, met, front, metric } = await engineService.search(request(goal), idle);
    expect({ met, metric }).toEqual({ met: true, metric: 'nmse' });
    expect(chosen.verified?.sqnrDb).toBeGreaterThanOrEqual(40);
    for (const { bytes, verified } of front) {
      if (verified && bytes < chosen.bytes) expect(verified.sqnrDb).toBeLessThan(40);
    }
    // Some step below it was tried: the limit binds.
    expect(front.some(({ bytes, verified }) => verified && bytes < chosen.bytes)).toBe(true);
  });

  it('bounds bit-operations, counted for the shapes of the samples', async () => {
    const goal = { kind: 'budget', cost: 'bops', most: 0.1, ratio: true } as const;
    const { chosen, met, float } = await engineService.search(request(goal), idle);
    expect(met).toBe(true);
    expect(float.bops).toBe(1024 * macs());
    expect(chosen.bops).toBeLessThanOrEqual(0.1 * (float.bops ?? 0));
  });

  it('gives the best plan until then when it is cancelled, and leaves no files', async () => {
    // A place of its own: other tests make temporary folders too.
    const temporary = mkdtempSync(join(folder, 'temporary-'));
    vi.stubEnv('TMPDIR', temporary);
    const controller = new AbortController();
    const report = ({ points = [] }: Progress) => {
      if (points.some(({ verified }) => verified)) controller.abort();
    };
    const result = await engineService.search(request({ ...naiveBytes, most: 0.2, ratio: true }), {
      signal: controller.signal,
      report,
    });
    expect(result).toMatchObject({ partial: true, met: true, curve: null });
    expect(result.front.filter(({ verified }) => verified)).toHaveLength(1);
    expect(readdirSync(temporary)).toEqual([]);
    vi.unstubAllEnvs();
    const signal = AbortSignal.abort();
    const early = engineService.search(request({ ...naiveBytes, most: 1 }), { ...idle, signal });
    await expect(early).rejects.toThrow(CancelledError);
  });

  it('refuses goals that the model or the data cannot have', async () => {
    const most = { ...naiveBytes, most: NaN };
    await expect(engineService.search(request(most), idle)).rejects.toThrow(/must be a number from 0/);
    const accuracy = { kind: 'cap', error: 'accuracyDrop', limit: 0.01, cost: 'bytes' } as const;
    const random = request(accuracy, { calibration: { data: 'random' }, known: undefined, schemes: ['w8'] });
    await expect(engineService.search(random, idle)).rejects.toThrow(/needs labels/);
    const report = vi.fn();
    await expect(engineService.scan(random, { ...idle, report })).rejects.toThrow(/needs labels/);
    expect(report).not.toHaveBeenCalled();
  });
});

describe('roundoff search', () => {
  const base = ['search', file, '--data', data, '--samples', '32', '--activation-range', 'max', '--no-cache'];

  it('ends with 3 and the closest plan when nothing fits', async () => {
    const planFile = join(folder, 'plan.json');
    const args = [...base, '--scheme', 'w8a8', '--budget', 'bytes=5%', '--write-plan', planFile, '--json'];
    const { exitCode, stdout, stderr } = await callCli(args);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('limit not met');
    const { chosen, met } = JSON.parse(stdout) as { chosen: SearchPoint; met: boolean };
    expect(met).toBe(false);
    expect(new Set(Object.values(chosen.layers))).toEqual(new Set(['w8a8']));
    const recorded = parsePlan(readFileSync(planFile, 'utf8'), planFile);
    expect(recorded.calibration).toMatchObject({ samples: 32, seed: 1 });
    expect(
      Object.values(recorded.layers).every(({ scheme, weightHash }) => scheme === 'w8a8' && weightHash),
    ).toBe(true);
  });

  const long = { timeout: 240_000 };
  it(
    'prints the front with the chosen point; its plan file makes the file that it writes',
    long,
    async () => {
      const [output, planFile] = [join(folder, 'out.onnx'), join(folder, 'plan.json')];
      const schemes = ['--scheme', 'w8a8', '--scheme', 'w4,block:32,max'];
      const files = ['--write', output, '--write-plan', planFile];
      const { exitCode, stdout } = await callCli([...base, ...schemes, '--budget', 'bytes=20%', ...files]);
      expect(exitCode).toBe(0);
      const lines = stdout.split('\n');
      expect(lines[0]).toMatch(/bytes +of float +bops +.*float layers +predicted +verified/);
      expect(lines.filter((line) => line.startsWith('>'))).toHaveLength(1);
      expect(stdout).toContain('Chosen (least KL divergence with at most 20.0 % of the bytes):');
      expect(statSync(output).size).toBeLessThanOrEqual(0.2 * statSync(file).size);

      const again = join(folder, 'again.onnx');
      const quantized = await callCli(['quantize', file, '--plan', planFile, '-o', again]);
      expect(quantized).toMatchObject({ exitCode: 0 });
      expect(readFileSync(again).equals(readFileSync(output))).toBe(true);
    },
  );

  it('writes plan and file of the best plan so far when it is cancelled', async () => {
    const [output, planFile] = [join(folder, 'out.onnx'), join(folder, 'plan.json')];
    const controller = new AbortController();
    const engine: Engine = {
      call: (method, given, options) => {
        const onProgress = (progress: Progress): void => {
          if (progress.points?.some(({ verified }) => verified)) controller.abort();
          options?.onProgress?.(progress);
        };
        return client.call(method, given, { ...options, onProgress });
      },
      dispose: () => undefined,
    };
    const args = ['--scheme', 'w8a8', '--budget', 'bytes=50%', '--write', output, '--write-plan', planFile];
    const { exitCode, stdout } = await callCli([...base, ...args], {
      openEngine: () => engine,
      signal: controller.signal,
    });
    // Although it meets the goal.
    expect(exitCode).toBe(130);
    expect(stdout).not.toContain('NOT MET');
    expect(stdout).toContain('Cancelled: this is the best plan so far.');
    expect(Object.keys(parsePlan(readFileSync(planFile, 'utf8'), planFile).layers)).toHaveLength(5);
    expect(statSync(output).size).toBeLessThanOrEqual(0.5 * statSync(file).size);
  });

  it('foretells a plan when it is cancelled during the scan, and ends with 130', async () => {
    const planFile = join(folder, 'plan.json');
    const controller = new AbortController();
    const engine: Engine = {
      call: (method, given, options) => {
        const onProgress = (progress: Progress): void => {
          if (progress.candidates) controller.abort();
          options?.onProgress?.(progress);
        };
        return client.call(method, given, { ...options, onProgress });
      },
      dispose: () => undefined,
    };
    const args = ['--scheme', 'w8', '--budget', 'bytes=90%', '--write-plan', planFile, '--json'];
    const { exitCode, stdout } = await callCli([...base, ...args], {
      openEngine: () => engine,
      signal: controller.signal,
    });
    expect(exitCode).toBe(130);
    const { chosen, met, partial } = JSON.parse(stdout) as SearchResult;
    expect({ met, partial, verified: chosen.verified }).toEqual({
      met: false,
      partial: true,
      verified: null,
    });
    expect(new Set(Object.values(chosen.layers))).toEqual(new Set(['w8', 'float']));
    expect(statSync(planFile).size).toBeGreaterThan(0);
  });

  it.each([
    [[], 'Say what to search for'],
    [['--budget', 'bytes=1', '--max-kl', '1'], 'with one of'],
    [['--budget', 'bytes=1', '--cost', 'bops'], '--cost goes with'],
    [['--budget', 'speed=1'], 'bytes=N'],
    [['--max-accuracy-drop', '2'], 'from 0 to 1'],
  ])('refuses %j', async (options, message) => {
    const { exitCode, stderr } = await callCli([...base, ...options]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});

/** Outputs × weights of each: three convolutions with pooling between, two products. */
function macs(): number {
  return 28 ** 2 * 16 * 25 + 28 ** 2 * 16 * 16 * 9 + 14 ** 2 * 32 * 16 * 9 + 300 * 1568 + 10 * 300;
}

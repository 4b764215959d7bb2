import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CancelledError, InputError } from '../../src/core/errors';
import { defaultPlan } from '../../src/core/plan/planFile';
import type { Candidate } from '../../src/core/results';
import { candidateKey, DEFAULT_SCAN_FORMATS } from '../../src/core/scan/formats';
import { EngineClient } from '../../src/engine/client';
import { EngineCrashError } from '../../src/engine/engineErrors';
import type { Progress, QuantizeRequest } from '../../src/shared/rpc';
import { bundlePrograms } from './support/bundle';

const sample = join(import.meta.dirname, '../../samples/mnist');
const file = join(sample, 'mnist_cnn.onnx');
const calibration = { data: join(sample, 'calibration.npz') };

let bundles: string;
let folder: string;
let client: EngineClient;

beforeAll(async () => {
  bundles = await bundlePrograms({ engine: 'src/engine/main.ts' });
});
afterAll(() => rmSync(bundles, { recursive: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engine-test-'));
  client = new EngineClient({ enginePath: join(bundles, 'engine.mjs'), cancelGraceMs: 300 });
});
afterEach(() => {
  client.dispose();
  rmSync(folder, { recursive: true });
});

function quantizeRequest(parts: Partial<QuantizeRequest> = {}): QuantizeRequest {
  const plan = { ...defaultPlan, activationRange: 'max' as const };
  return { file, plan, calibration, output: join(folder, 'out.onnx'), ...parts };
}

describe('the engine, on the sample', () => {
  it('inspects, hashes weights and splits errors without loading the runtime', async () => {
    const summary = await client.call('inspect', { file });
    expect(summary).toMatchObject({
      parameters: 481342,
      outputs: [{ name: 'logits', kind: 'logits', classAxis: 1 }],
    });
    const hashes = await client.call('weightHashes', { file });
    expect(Object.keys(hashes)).toEqual(summary.layers.map(({ name }) => name));
    const layer = summary.layers[0]?.name ?? '';
    const curve = await client.call('errorSplit', { file, plan: defaultPlan, layer, bits: 8 });
    expect(curve).toMatchObject({ layer, elements: 400, bits: 8, type: 'int8', method: 'exact' });
    expect(curve.thresholds.length).toBe(curve.clipping.length);
    const none = client.call('errorSplit', { file, plan: defaultPlan, layer: 'none', bits: 8 });
    await expect(none).rejects.toThrow(/has no layer none/);
  });

  it('tells how many samples the data leaves for scans', async () => {
    const deal = (samples?: number) =>
      client.call('describeDeal', { file, calibration: { data: join(sample, 'test.npz'), samples } });
    expect(await deal()).toEqual({ samples: 2000, calibrate: 256, mostScan: 872 });
    expect(await deal(1998)).toEqual({ samples: 2000, calibrate: 1998, mostScan: 1 });
  });

  it('describes data: shape, range, predictions and accuracy', async () => {
    const summary = await client.call('describeData', {
      file,
      calibration: { data: join(sample, 'test.npz') },
    });
    expect(summary).toMatchObject({
      kind: 'npz',
      samples: 2000,
      slices: { calibrate: 256, scan: 32, verify: 512 },
      labels: 'class',
      inputs: [{ name: 'input', dtype: 'float32', shape: [1, 1, 28, 28] }],
    });
    expect(summary.predictions).toHaveLength(5);
    expect(summary.accuracy?.samples).toBe(200);
    expect(summary.accuracy?.top1).toBeGreaterThan(0.94);
    const values = await client.call('describeData', {
      file,
      calibration: { data: join(sample, 'test.npz') },
      outputs: { logits: { kind: 'values' } },
    });
    expect(values).toMatchObject({ predictions: [], accuracy: null });
  });

  it('quantizes, reads the file back, and verifies it on samples of the verify slice', async () => {
    const result = await client.call('quantize', quantizeRequest());
    expect(readdirSync(folder)).toEqual(['out.onnx']);
    expect(readFileSync(result.output).length).toBe(result.bytes.after);
    expect(result.bytes.after / result.bytes.before).toBeLessThan(0.27);
    expect(result.verification).toMatchObject({
      slice: 'verify',
      samples: 218,
      outputs: [{ name: 'logits' }],
    });
    expect(result.verification?.outputs[0]?.sqnrDb).toBeGreaterThan(35);
    expect(result.totals).toMatchObject({ quantized: 5, float: 0 });
    expect(result.calibration).toEqual({ ...calibration, samples: 250, seed: 1 });
    const again = await client.call('inspect', { file: result.output });
    expect(again.layers.map(({ weight }) => weight?.dtype)).toEqual(Array(5).fill('int8'));
    // The three BatchNormalizations, 64 channels of four numbers in all, are folded away.
    expect(again.parameters).toBe(481342 - 256);
  });

  it('verifies against the model that it quantized when another takes its name meanwhile', async () => {
    const model = join(folder, 'model.onnx');
    copyFileSync(file, model);
    const other = readFileSync(file).fill(0, 1_000_000, 1_500_000);
    let replaced = false;
    // By the first progress the model is open; later ones may be dropped.
    const onProgress = () => {
      if (replaced) return;
      writeFileSync(join(folder, 'export.tmp'), other);
      renameSync(join(folder, 'export.tmp'), model);
      replaced = true;
    };
    const { verification } = await client.call('quantize', quantizeRequest({ file: model }), { onProgress });
    expect(replaced).toBe(true);
    expect(verification?.outputs[0]?.sqnrDb).toBeGreaterThan(35);
  });

  it('delivers the candidates of a scan once each while it runs', async () => {
    const seen: Candidate[] = [];
    const onProgress = ({ candidates = [] }: Progress) => seen.push(...candidates);
    const request = { file, plan: defaultPlan, calibration: { ...calibration, scanSamples: 16 } };
    const result = await client.call('scan', request, { onProgress });
    // The most promising ones are measured first; the result is in the order of the model.
    const ordered = (candidates: readonly Candidate[]): Candidate[] =>
      [...candidates].sort((a, b) => candidateKey(a).localeCompare(candidateKey(b)));
    expect(ordered(seen)).toEqual(ordered(result.candidates));
    expect(result).toMatchObject({ metric: 'kl', slice: 'scan', samples: 16, partial: false });
    expect(result.candidates).toHaveLength(5 * DEFAULT_SCAN_FORMATS.length);
    expect(result.candidates.every(({ sensitivity }) => sensitivity !== null && sensitivity > 0)).toBe(true);
  });

  it('compares two files: error, classes, latency, memory, bytes', async () => {
    const { output } = await client.call('quantize', quantizeRequest());
    const data = join(sample, 'test.npz');
    const all = await client.call('compare', {
      a: file,
      b: output,
      calibration: { data },
      sample: 3,
      top: 2,
    });
    expect(all).toMatchObject({ slice: 'all', samples: 2000 });
    const [logits] = all.outputs;
    expect(logits?.top1?.a).toBe(0.9765);
    expect(Math.abs((logits?.top1?.b ?? 0) - 0.9765)).toBeLessThanOrEqual(0.003);
    expect(logits?.sample?.a).toHaveLength(2);
    expect(all.bytes.b).toBe(readFileSync(output).length);
    expect(all.deflatedBytes.b).toBeLessThan(all.bytes.b);
    expect(all.latencyMs.a).toBeGreaterThan(0);
    expect(all.peakMemoryBytes.a).toBeGreaterThan(20e6);
    expect(all.peakMemoryBytes.a).toBeLessThan(400e6);

    const part = await client.call('compare', { a: file, b: output, calibration: { data, seed: 1 } });
    expect(part).toMatchObject({ slice: 'verify', samples: 512 });
  });

  it('says what does not fit before anything runs', async () => {
    const data = join(sample, 'none.npz');
    await expect(client.call('quantize', quantizeRequest({ calibration: { data } }))).rejects.toThrow(
      InputError,
    );
    await expect(client.call('quantize', quantizeRequest({ calibration: undefined }))).rejects.toThrow(
      /ranges come from data/,
    );
    await expect(
      client.call('scan', { file, plan: defaultPlan, calibration: { ...calibration, samples: 500 } }),
    ).rejects.toThrow(/needs samples that calibration does not use/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses to write over the opened model, under any of its names', async () => {
    const copy = join(folder, 'model.onnx');
    copyFileSync(file, copy);
    await expect(client.call('quantize', quantizeRequest({ file: copy, output: copy }))).rejects.toThrow(
      /is the model that is open/,
    );
    expect(readFileSync(copy).equals(readFileSync(file))).toBe(true);
    expect(readdirSync(folder)).toEqual(['model.onnx']);
  });

  it('tells one clear error for a folder that is not there', async () => {
    const output = join(folder, 'missing', 'out.onnx');
    await expect(client.call('quantize', quantizeRequest({ output }))).rejects.toThrow(
      /^Cannot write .*out\.onnx: its folder does not exist/,
    );
  });

  it('notes plan entries that no longer fit', async () => {
    const plan = {
      ...defaultPlan,
      activationRange: 'max' as const,
      layers: {
        gone: { scheme: 'float' as const },
        node_linear: { scheme: 'float' as const, weightHash: 'sha256:0000000000000000' },
      },
    };
    const { notes, layers } = await client.call('quantize', quantizeRequest({ plan }));
    expect(notes).toContain('The plan names gone, which is not in the model.');
    expect(notes.join()).toMatch(/The weight of node_linear is not the one/);
    expect(layers.find(({ name }) => name === 'node_linear')?.scheme).toBe('float');
  });

  it('labels random data in the result', async () => {
    const { notes } = await client.call('quantize', quantizeRequest({ calibration: { data: 'random' } }));
    expect(notes.join()).toMatch(/random inputs/);
  });

  it('copies a model', async () => {
    const to = join(folder, 'copy.onnx');
    expect(await client.call('copyModel', { from: file, to })).toEqual([to]);
    expect(readFileSync(to).equals(readFileSync(file))).toBe(true);
  });
});

describe('the engine, interrupted', () => {
  it('tells of a crash during a run, and the next call works', async () => {
    let running = false;
    const scan = client.call(
      'scan',
      { file, plan: defaultPlan, calibration },
      { onProgress: () => (running = true) },
    );
    scan.catch(() => undefined);
    await expect.poll(() => running, { timeout: 20_000 }).toBe(true);
    process.kill(Number(client.pid), 'SIGSEGV');
    await expect(scan).rejects.toThrow(EngineCrashError);
    await expect(scan).rejects.toThrow(/stopped with SIGSEGV during scan\. It starts again on the next call/);
    expect((await client.call('inspect', { file })).parameters).toBe(481342);
  });

  it('returns what a cancelled scan has measured', async () => {
    const controller = new AbortController();
    const onProgress = ({ candidates }: Progress) => candidates && controller.abort();
    const request = { file, plan: defaultPlan, calibration: { ...calibration, samples: 16 } };
    const result = await client.call('scan', request, { signal: controller.signal, onProgress });
    expect(result.partial).toBe(true);
    expect(result.candidates.length).toBeGreaterThan(0);
    expect(result.candidates.length).toBeLessThan(5);
  });

  it('leaves no file when cancelled at any moment, and what was there stays', async () => {
    const output = join(folder, 'out.onnx');
    const before = 'what was there';
    let cancelled = 0;
    for (const wait of [0, 30, 80, 150, 250, 400, 600, 900, 1300]) {
      writeFileSync(output, before);
      const controller = new AbortController();
      const result = client.call('quantize', quantizeRequest(), { signal: controller.signal });
      result.catch(() => undefined);
      await delay(wait);
      controller.abort();
      const outcome = await result.then(
        () => 'written',
        (error: unknown) => error,
      );
      if (outcome !== 'written') {
        cancelled++;
        expect(outcome).toBeInstanceOf(CancelledError);
        expect(readFileSync(output, 'utf8')).toBe(before);
      }
      expect(readdirSync(folder)).toEqual(['out.onnx']);
    }
    expect(cancelled).toBeGreaterThan(4);
    expect((await client.call('quantize', quantizeRequest())).totals.quantized).toBe(5);
  });

  it('leaves no file or the whole one when killed at any moment of writing and verifying', async () => {
    const output = join(folder, 'out.onnx');
    await client.call('quantize', quantizeRequest());
    const whole = readFileSync(output);
    let kills = 0;
    for (const moment of [1, 2, 4, 7, 11]) {
      let told = 0;
      rmSync(output, { force: true });
      // By their number: which messages are told is a matter of time. One may be heard when the file has its name already.
      const onProgress = () => {
        if (++told !== moment || !client.pid) return;
        kills++;
        process.kill(client.pid, 'SIGKILL');
      };
      await client.call('quantize', quantizeRequest(), { onProgress }).catch((error: unknown) => {
        expect(error).toBeInstanceOf(EngineCrashError);
      });
      const left = readdirSync(folder);
      expect(left).toEqual(existsSync(output) ? ['out.onnx'] : []);
      if (existsSync(output)) expect(readFileSync(output).equals(whole)).toBe(true);
    }
    expect(kills).toBeGreaterThan(0);
  });

  it('ends, and removes its temporary files, when the client dies', async () => {
    const parent = await bundlePrograms({ parent: 'test/engine/support/dyingClient.ts' });
    const { fork } = await import('node:child_process');
    mkdirSync(join(folder, 'target'));
    const child = fork(
      join(parent, 'parent.mjs'),
      [join(bundles, 'engine.mjs'), file, calibration.data, join(folder, 'target/out.onnx')],
      {
        execArgv: [],
      },
    );
    const pid = await new Promise<number>((resolve) =>
      child.on('message', (message) => resolve(message as number)),
    );
    child.kill('SIGKILL');
    await expect.poll(() => existsSync(`/proc/${pid}`) && alive(pid), { timeout: 10_000 }).toBe(false);
    expect(readdirSync(join(folder, 'target')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    rmSync(parent, { recursive: true });
  });
});

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

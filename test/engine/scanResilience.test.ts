/** Scans by a real engine that is killed, cancelled and asked again at moments that a seed draws. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CancelledError } from '../../src/core/errors';
import { defaultPlan } from '../../src/core/plan/planFile';
import type { Candidate, ScanResult } from '../../src/core/results';
import { candidateKey } from '../../src/core/scan/formats';
import { EngineClient } from '../../src/engine/client';
import { scanResumably } from '../../src/engine/scanResumably';
import type { ScanRequest } from '../../src/shared/rpc';
import { uniform } from '../support/random';
import { sharedModel } from '../support/sharedModels';
import { bundlePrograms } from './support/bundle';

const sample = resolve(import.meta.dirname, '../../samples/mnist');
const SAMPLES = 32;
const schemes = ['w8a8', 'w8a16', 'w4,block:32', 'lut16'];
/** Five layers. */
const CANDIDATES = 5 * schemes.length;
const mnist: ScanRequest = {
  file: `${sample}/mnist_cnn.onnx`,
  plan: { ...defaultPlan, activationRange: 'max' },
  calibration: { data: `${sample}/test.npz`, samples: 16, scanSamples: SAMPLES },
  schemes,
};

let enginePath: string;
let client: EngineClient;
let cache: string;
beforeAll(async () => {
  enginePath = join(await bundlePrograms({ engine: 'src/engine/main.ts' }), 'engine.mjs');
  client = new EngineClient({ enginePath });
});
afterAll(() => {
  client.dispose();
  rmSync(dirname(enginePath), { recursive: true });
});
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'scan-resilience-'));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

/** Ends the engine, so that the next call starts another. */
async function endEngine(): Promise<void> {
  const { pid } = client;
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  while (client.pid === pid && pid !== undefined) await new Promise((next) => setTimeout(next, 5));
}

interface Cancelled {
  /** undefined: cancelled before the first candidate. */
  readonly result: ScanResult | undefined;
  readonly told: readonly Candidate[];
  /** From the cancel to the answer. */
  readonly milliseconds: number;
}

/** Cancels `delay` ms after the scan says for the `at`th time that a candidate begins; 0: after it was asked for. */
async function cancelled(request: ScanRequest, at: number, delay: number): Promise<Cancelled> {
  const abort = new AbortController();
  const told: Candidate[] = [];
  let start = NaN;
  const cancelSoon = (): void => {
    setTimeout(() => {
      start = performance.now();
      abort.abort();
    }, delay);
  };
  if (at === 0) cancelSoon();
  let starts = 0;
  const result = await scanResumably(client, request, {
    signal: abort.signal,
    onProgress: ({ starting, candidates = [] }) => {
      told.push(...candidates);
      if (starting && ++starts === at) cancelSoon();
    },
  }).catch((error: unknown) => {
    if (error instanceof CancelledError) return undefined;
    throw error;
  });
  return { result, told, milliseconds: performance.now() - start };
}

/** The engine is killed after 0.8 s; what is over is the time that takes on a busy machine. */
const MOST_MILLISECONDS = 1500;

describe('a scan by a real engine', () => {
  it(
    'gives the same, bit by bit, when the engine is killed at any moment',
    { timeout: 240_000 },
    async () => {
      const left = await client.call('scan', mnist);
      expect(left.candidates).toHaveLength(CANDIDATES);
      const random = uniform(11);
      // The first draw is the middle.
      const moments = [
        CANDIDATES / 2,
        ...Array.from({ length: 2 }, () => 1 + Math.floor(random() * CANDIDATES)),
      ];
      for (const moment of moments) {
        let [starts, kills] = [0, 0];
        const killed = await scanResumably(client, mnist, {
          onProgress: ({ starting }) => {
            if (!starting || ++starts !== moment) return;
            const { pid } = client;
            setTimeout(() => pid !== undefined && process.kill(pid, 'SIGKILL') && kills++, random() * 10);
          },
        });
        expect(kills, `at ${moment}`).toBe(1);
        expect(JSON.stringify(killed.candidates), `at ${moment}`).toBe(JSON.stringify(left.candidates));
        expect(killed.partial).toBe(false);
      }
    },
  );

  it(
    'goes on from the cache when everything was killed, and then runs nothing',
    { timeout: 120_000 },
    async () => {
      const left = await client.call('scan', mnist);
      const request = { ...mnist, cache };
      let starts = 0;
      const kept: Candidate[] = [];
      const crashed = client.call('scan', request, {
        onProgress: ({ starting, candidates = [] }) => {
          kept.push(...candidates);
          if (starting && ++starts === CANDIDATES / 2) void endEngine();
        },
      });
      await expect(crashed).rejects.toThrow(/engine process/);
      const resumed = await client.call('scan', request);
      expect(kept.length).toBeGreaterThanOrEqual(CANDIDATES / 2 - 1);
      expect(resumed.trials).toBeLessThanOrEqual((CANDIDATES - kept.length) * SAMPLES);
      expect(JSON.stringify(resumed.candidates)).toBe(JSON.stringify(left.candidates));
      const again = await client.call('scan', request);
      expect(again.trials).toBe(0);
      expect(JSON.stringify(again.candidates)).toBe(JSON.stringify(left.candidates));
    },
  );

  it(
    'answers a cancel within a second, keeps what was measured, and goes on',
    { timeout: 240_000 },
    async () => {
      const random = uniform(12);
      const moments = [0, ...Array.from({ length: 4 }, () => 1 + Math.floor(random() * CANDIDATES))];
      for (const moment of moments) {
        const request = { ...mnist, cache: join(cache, String(moment)) };
        const { result, told, milliseconds } = await cancelled(request, moment, random() * 20);
        expect(milliseconds, `at ${moment}`).toBeLessThan(MOST_MILLISECONDS);
        if (!result) {
          expect(told).toEqual([]);
          continue;
        }
        expect(new Set(result.candidates.map(candidateKey))).toEqual(new Set(told.map(candidateKey)));
        expect(result.candidates.length).toBeGreaterThanOrEqual(moment - 1);
        const resumed = await client.call('scan', request);
        expect(resumed.trials).toBeLessThanOrEqual((CANDIDATES - result.candidates.length) * SAMPLES);
        expect(resumed.candidates).toHaveLength(CANDIDATES);
        expect(resumed.candidates).toEqual(expect.arrayContaining(result.candidates));
        expect((await client.call('scan', request)).trials).toBe(0);
      }
    },
  );

  it('answers a cancel of a larger model within a second', { timeout: 240_000 }, async () => {
    const file = sharedModel('cifar10_resnet18/model.onnx');
    if (file === undefined) return;
    const request: ScanRequest = {
      file,
      plan: defaultPlan,
      calibration: { data: 'random', samples: 8, scanSamples: 16 },
      schemes,
    };
    const random = uniform(13);
    for (const at of [0, 0, 0, 1, 3]) {
      const { milliseconds } = await cancelled(request, at, random() * (at === 0 ? 5000 : 1000));
      expect(milliseconds).toBeLessThan(MOST_MILLISECONDS);
    }
  });

  it('measures only new samples when it is continued with more', { timeout: 120_000 }, async () => {
    const twice = (more: Partial<ScanRequest> = {}): ScanRequest => ({
      ...mnist,
      ...more,
      calibration: { ...mnist.calibration, scanSamples: 2 * SAMPLES },
    });
    const half = await client.call('scan', { ...mnist, cache });
    const continued = await client.call('scan', twice({ cache }));
    expect([half.trials, continued.trials]).toEqual([CANDIDATES * SAMPLES, CANDIDATES * SAMPLES]);
    const fresh = await client.call('scan', twice());
    expect(fresh.trials).toBe(2 * CANDIDATES * SAMPLES);
    expect(JSON.stringify(continued.candidates)).toBe(JSON.stringify(fresh.candidates));
    // The other way round: what was measured on more serves fewer.
    const fewer = await client.call('scan', { ...mnist, cache });
    expect(fewer.trials).toBe(0);
    expect(fewer.candidates).toEqual(half.candidates);
  });
});

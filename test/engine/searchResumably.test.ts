import { rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, InputError } from '../../src/core/errors';
import { defaultPlan } from '../../src/core/plan/planFile';
import type { Candidate } from '../../src/core/results';
import type { SearchPoint, SearchResult } from '../../src/core/searchResults';
import { planKey, type PlanRun, type TriedPlan } from '../../src/core/search/triedPlans';
import { EngineClient } from '../../src/engine/client';
import { EngineCrashError } from '../../src/engine/engineErrors';
import { searchResumably, type SearchEngine } from '../../src/engine/searchResumably';
import type { Progress, SearchRequest } from '../../src/shared/rpc';
import { uniform } from '../support/random';
import { bundlePrograms } from './support/bundle';

const goal = { kind: 'budget', cost: 'bytes', most: 10 } as const;
const request: SearchRequest = {
  file: 'm.onnx',
  plan: defaultPlan,
  calibration: { data: 'random' },
  goal,
};
const candidate: Candidate = { layer: 'a', scheme: 'w8', sensitivity: 1, localSqnrDb: 1, bytes: 1 };
/** Plans that the search runs, one after the other. */
const runs: PlanRun[] = ['w4', 'w8', 'lut16'].map((a) => ({ how: 'file', layers: { a } }));

function point({ layers }: PlanRun, isRun = true): SearchPoint {
  const figures = { samples: 1, error: 0.1, standardError: 0, sqnrDb: 10, agreement: 1, accuracy: null };
  const verified = isRun ? { slice: 'verify' as const, ...figures } : null;
  const costs = { bytes: 1, bops: null, latencyMs: null, floatLayers: 0, predicted: 0 };
  return { ...costs, verified, layers: { ...layers } };
}

function resultOf(tried: readonly TriedPlan[], partial: boolean): SearchResult {
  const ran = tried.filter(({ failure }) => failure === undefined).map((plan) => point(plan));
  return {
    goal,
    metric: 'kl',
    float: { bytes: 40, bops: null, latencyMs: null },
    front: ran,
    chosen: ran.at(-1) ?? point({ how: 'file', layers: { a: 'float' } }, false),
    met: ran.length > 0,
    curve: null,
    rounds: 0,
    trials: ran.length,
    seconds: 0,
    partial,
    notes: [],
  };
}

interface FakeEngine extends SearchEngine {
  /** Requests that searches began with. */
  readonly searches: SearchRequest[];
}

/** @param onRun called before each plan runs; what it throws ends the search. */
function engineThat(
  onRun: (run: PlanRun, life: number) => void,
  scan: (report: (progress: Progress) => void) => void = () => undefined,
): FakeEngine {
  const searches: SearchRequest[] = [];
  const call = async (
    method: string,
    given: SearchRequest,
    options?: { onProgress?: (progress: Progress) => void },
  ): Promise<unknown> => {
    const base = { done: 0, total: 1, message: '' };
    const report = (parts: Partial<Progress>): void => options?.onProgress?.({ ...base, ...parts });
    if (method === 'scan') {
      // The scan tells what the goal cannot have, before it measures anything.
      expect(given.goal).toBeDefined();
      scan((progress) => report(progress));
      report({ candidates: [candidate], measured: { metric: 'kl', samples: 4 } });
      return { metric: 'kl', samples: 4, candidates: [candidate], partial: false };
    }
    searches.push(given);
    const done = new Map((given.tried ?? []).map((plan) => [planKey(plan), plan]));
    if (given.predictOnly) return resultOf([], true);
    report({ result: resultOf([], true) });
    for (const run of runs) {
      if (!done.has(planKey(run))) {
        report({ trying: run });
        onRun(run, searches.length);
        const tried = { ...run, error: 0.1 };
        done.set(planKey(run), tried);
        report({ tried });
        report({ result: resultOf([...done.values()], true) });
      }
    }
    return resultOf([...done.values()], false);
  };
  return { searches, call: call as SearchEngine['call'] };
}

function refusing(error: Error): SearchEngine {
  return { call: (): Promise<never> => Promise.reject(error) };
}

const isPlan = ({ layers }: PlanRun, format: string): boolean => layers['a'] === format;
const crash = (): never => {
  throw new EngineCrashError('It stopped.');
};

describe('searchResumably(engine, request)', () => {
  it('scans, then searches with what the scan found', async () => {
    const engine = engineThat(() => undefined);
    const result = await searchResumably(engine, request);
    expect(result).toMatchObject({ partial: false, trials: 3 });
    expect(engine.searches.map(({ known }) => known)).toEqual([[candidate]]);
  });

  it('goes on with the plans that were run when the engine ends once', async () => {
    const engine = engineThat((run, life) => life === 1 && isPlan(run, 'w8') && crash());
    const result = await searchResumably(engine, request);
    expect(result).toMatchObject({ partial: false, trials: 3 });
    expect(engine.searches).toHaveLength(2);
    expect(engine.searches[1]?.tried?.map(({ layers }) => layers)).toEqual([{ a: 'w4' }]);
  });

  it('passes over a plan that ends the engine again', async () => {
    const engine = engineThat((run) => isPlan(run, 'w8') && crash());
    const result = await searchResumably(engine, request);
    expect(result).toMatchObject({ partial: false, trials: 2 });
    expect(engine.searches).toHaveLength(3);
    const tried = engine.searches[2]?.tried ?? [];
    expect(tried.map(({ layers, failure }) => [layers['a'], failure])).toEqual([
      ['w4', undefined],
      ['w8', 'It stopped.'],
    ]);
  });

  it('passes over every plan that ends the engine', async () => {
    const engine = engineThat(crash);
    const result = await searchResumably(engine, request);
    expect(result).toMatchObject({ partial: false, trials: 0, met: false });
    expect(engine.searches).toHaveLength(7);
  });

  it('gives the best plan so far when the engine ends where no plan is to blame', async () => {
    let lives = 0;
    const engine = engineThat(() => undefined);
    const call = async (
      method: 'search',
      given: SearchRequest,
      options?: Parameters<typeof engine.call>[2],
    ) => {
      if (method === 'search' && ++lives > 1) crash();
      const result = await engine.call(method, given, options);
      return method === 'search' ? crash() : result;
    };
    const result = await searchResumably({ call: call as SearchEngine['call'] }, request);
    expect(result).toMatchObject({ partial: true, met: true, trials: 3 });
    expect(result.notes.at(-1)).toContain('could not go on');
  });

  it('gives up when the engine ends before anything is known', async () => {
    const engine = refusing(new EngineCrashError('early'));
    await expect(searchResumably(engine, request)).rejects.toThrow('early');
  });

  it('passes other errors on', async () => {
    const engine = refusing(new InputError('no data'));
    await expect(searchResumably(engine, request)).rejects.toThrow('no data');
  });

  it('gives the best plan so far when the engine had to be killed to cancel', async () => {
    const engine = engineThat((run) => {
      if (isPlan(run, 'lut16')) throw new CancelledError();
    });
    const result = await searchResumably(engine, request);
    expect(result).toMatchObject({ partial: true, met: true, trials: 2 });
    expect(result.chosen.layers).toEqual({ a: 'w8' });
  });

  it('foretells a plan when it is cancelled during the scan, and has none before', async () => {
    const cancelled = (report?: (progress: Progress) => void): void => {
      report?.({
        done: 1,
        total: 2,
        message: '',
        candidates: [candidate],
        measured: { metric: 'kl', samples: 4 },
      });
      throw new CancelledError();
    };
    const engine = engineThat(() => undefined, cancelled);
    const result = await searchResumably(engine, request);
    expect(result).toMatchObject({ partial: true, met: false });
    expect(engine.searches).toMatchObject([{ predictOnly: true, known: [candidate] }]);
    const early = engineThat(
      () => undefined,
      () => cancelled(),
    );
    await expect(searchResumably(early, request)).rejects.toThrow(CancelledError);
  });
});

describe('a search whose engine is killed', () => {
  const sample = resolve(import.meta.dirname, '../../samples/mnist');
  let enginePath: string;
  let client: EngineClient;
  beforeAll(async () => {
    enginePath = join(await bundlePrograms({ engine: 'src/engine/main.ts' }), 'engine.mjs');
    client = new EngineClient({ enginePath });
  });
  afterAll(() => {
    client.dispose();
    rmSync(dirname(enginePath), { recursive: true });
  });

  it('finds what one that is left alone finds', { timeout: 240_000 }, async () => {
    const real: SearchRequest = {
      file: `${sample}/mnist_cnn.onnx`,
      plan: { ...defaultPlan, activationRange: 'max' },
      calibration: { data: 'random', samples: 16, scanSamples: 16 },
      schemes: ['w8a8', 'w4,block:32,max,no-gain'],
      goal: { kind: 'budget', cost: 'bytes', most: 0.18, ratio: true },
    };
    let runs = 0;
    const left = await searchResumably(client, real, {
      onProgress: ({ trying }) => {
        if (trying) runs++;
      },
    });
    const random = uniform(4);
    // A run in each third, but not the last one: it may be over before the engine is killed.
    const moments = new Set([0, 1, 2].map((third) => 1 + Math.floor(((third + random()) * (runs - 2)) / 3)));
    let starts = 0;
    let kills = 0;
    const killed = await searchResumably(client, real, {
      onProgress: ({ trying }) => {
        if (!trying || !moments.has(++starts)) return;
        const { pid } = client;
        // Some time in that run, or in a later one.
        setTimeout(() => pid !== undefined && process.kill(pid, 'SIGKILL') && kills++, random() * 50);
      },
    });
    expect(kills).toBe(moments.size);
    expect({ ...killed, seconds: 0 }).toEqual({ ...left, seconds: 0 });
    expect(killed.chosen.verified).not.toBeNull();
  });
});

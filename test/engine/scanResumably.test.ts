import { describe, expect, it } from 'vitest';
import { CancelledError, InputError } from '../../src/core/errors';
import { defaultPlan } from '../../src/core/plan/planFile';
import type { Candidate, ScanResult } from '../../src/core/results';
import { EngineCrashError } from '../../src/engine/engineErrors';
import { scanResumably, type ScanEngine } from '../../src/engine/scanResumably';
import type { ScanRequest } from '../../src/shared/rpc';

const request: ScanRequest = { file: 'm.onnx', plan: defaultPlan, calibration: { data: 'random' } };
const names = ['a', 'b', 'c'];
const candidate = (layer: string): Candidate => ({
  layer,
  scheme: 'w8',
  sensitivity: 1,
  trials: 4,
  localSqnrDb: 1,
  bytes: 1,
});

/** An engine that measures a, b and c; `crashes` says before which ones it ends, each time it gets there. */
function engineThat(crashes: (layer: string, life: number) => boolean): ScanEngine & { lives: number } {
  const engine = {
    lives: 0,
    call: async (...[, { known = [] }, options]: Parameters<ScanEngine['call']>): Promise<ScanResult> => {
      const life = engine.lives++;
      const done = new Map(known.map((each) => [each.layer, each]));
      if (crashes('', life)) throw new EngineCrashError('ended early');
      for (const layer of names) {
        if (done.has(layer)) continue;
        options?.onProgress?.({ done: 0, total: 3, message: '', starting: { layer, scheme: 'w8' } });
        if (options?.signal?.aborted) throw new CancelledError();
        if (crashes(layer, life)) throw new EngineCrashError(`ended at ${layer}`);
        done.set(layer, candidate(layer));
        options?.onProgress?.({
          done: 0,
          total: 3,
          message: '',
          candidates: [candidate(layer)],
          measured: { metric: 'kl', samples: 4 },
        });
      }
      return {
        metric: 'kl',
        slice: 'scan',
        samples: 4,
        candidates: names.flatMap((layer) => done.get(layer) ?? []),
        trials: 0,
        seconds: 0,
        preparationSeconds: 0,
        trialSeconds: 0,
        floatPassSeconds: 0,
        keptBytes: 0,
        partial: false,
        notes: [],
      };
    },
  };
  return engine;
}

describe('scanResumably(engine, request)', () => {
  it('goes on with what was measured when the engine ends once', async () => {
    const engine = engineThat((layer, life) => layer === 'b' && life === 0);
    const { candidates } = await scanResumably(engine, request);
    expect(candidates).toEqual(names.map(candidate));
    expect(engine.lives).toBe(2);
  });

  it('passes over a candidate that ends the engine again', async () => {
    const engine = engineThat((layer) => layer === 'b');
    const told: Candidate[] = [];
    const { candidates, partial } = await scanResumably(engine, request, {
      onProgress: (progress) => told.push(...(progress.candidates ?? [])),
    });
    expect(partial).toBe(false);
    expect(candidates.map(({ layer, error }) => [layer, error])).toEqual([
      ['a', undefined],
      ['b', 'ended at b'],
      ['c', undefined],
    ]);
    expect(engine.lives).toBe(3);
    expect(told.filter(({ layer }) => layer === 'b')).toHaveLength(1);
  });

  it('gives up when the engine ends before anything runs', async () => {
    const engine = engineThat((layer) => layer === '');
    await expect(scanResumably(engine, request)).rejects.toThrow('ended early');
    expect(engine.lives).toBe(2);
  });

  it('passes other errors on', async () => {
    const engine: ScanEngine = { call: () => Promise.reject(new InputError('no data')) };
    await expect(scanResumably(engine, request)).rejects.toThrow('no data');
  });

  it('gives what was measured when it is cancelled and the engine does not answer', async () => {
    const abort = new AbortController();
    const engine = engineThat(() => false);
    const result = scanResumably(engine, request, {
      signal: abort.signal,
      onProgress: ({ candidates }) => candidates?.[0]?.layer === 'b' && abort.abort(),
    });
    expect(await result).toMatchObject({
      partial: true,
      metric: 'kl',
      candidates: [candidate('a'), candidate('b')],
    });
    await expect(scanResumably(engine, request, { signal: abort.signal })).rejects.toThrow(CancelledError);
  });
});

import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../src/core/errors';
import { NewestCall } from '../../src/extension/editor/newestCall';
import type { CallOptions, SessionEngine } from '../../src/extension/sessionEngine';

interface Started {
  readonly layer: string;
  readonly options: CallOptions;
  end(): void;
}

/** An engine whose calls end when they are told to, or when they are cancelled. */
function heldEngine() {
  const started: Started[] = [];
  const engine: SessionEngine = {
    call: (_method, request, options = {}) =>
      new Promise((resolve, reject) => {
        const { layer } = request as { layer: string };
        started.push({ layer, options, end: () => resolve({ layer } as never) });
        options.signal?.addEventListener('abort', () => reject(new CancelledError()));
      }),
  };
  return { started, call: new NewestCall(engine, 'weightStatistics') };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('NewestCall', () => {
  it('answers a call', async () => {
    const { call, started } = heldEngine();
    const answer = call.call({ file: 'm', layer: 'a' });
    await turn();
    started[0]?.end();
    expect(await answer).toEqual({ layer: 'a' });
  });

  it('ends the call before, gently, and never asks what was overtaken while it waited', async () => {
    const { call, started } = heldEngine();
    const answers = Promise.allSettled(['a', 'b', 'c', 'd'].map((layer) => call.call({ file: 'm', layer })));
    await turn();
    expect(started.map(({ layer }) => layer)).toEqual(['d']);
    const later = call.call({ file: 'm', layer: 'e' });
    for (const answer of await answers) {
      expect(answer).toMatchObject({ status: 'rejected', reason: expect.any(CancelledError) as unknown });
    }
    await turn();
    expect(started.map(({ layer }) => layer)).toEqual(['d', 'e']);
    expect(started.map(({ options }) => options.isGentle)).toEqual([true, true]);
    started[1]?.end();
    expect(await later).toEqual({ layer: 'e' });
  });

  it('waits until the engine has ended the call before', async () => {
    let release: () => void = () => undefined;
    const asked: string[] = [];
    const engine: SessionEngine = {
      call: async (_method, request) => {
        asked.push((request as { layer: string }).layer);
        if (asked.length === 1) await new Promise<void>((resolve) => (release = resolve));
        return {} as never;
      },
    };
    const call = new NewestCall(engine, 'weightStatistics');
    const first = call.call({ file: 'm', layer: 'a' });
    await turn();
    const second = call.call({ file: 'm', layer: 'b' });
    await turn();
    expect(asked).toEqual(['a']);
    release();
    await Promise.all([first, second]);
    expect(asked).toEqual(['a', 'b']);
  });

  it('goes on after a failure', async () => {
    let failing = true;
    const engine: SessionEngine = {
      call: async () => {
        if (failing) throw new Error('no such file');
        return { layer: 'b' } as never;
      },
    };
    const call = new NewestCall(engine, 'weightStatistics');
    await expect(call.call({ file: 'm', layer: 'a' })).rejects.toThrow('no such file');
    failing = false;
    expect(await call.call({ file: 'm', layer: 'b' })).toEqual({ layer: 'b' });
  });
});

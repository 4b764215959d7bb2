import { describe, expect, it } from 'vitest';
import type { ToHost, ToView, ViewMethods } from '../../src/shared/viewRpc';
import { answer, isCall } from '../../src/shared/viewServer';
import { Host, HostError, type Wire } from '../../webview/host';

function methods(part: Partial<ViewMethods>): ViewMethods {
  const absent = async (): Promise<never> => Promise.reject(new Error('absent'));
  return {
    ready: absent,
    rows: absent,
    errorSplit: absent,
    quantizationOf: absent,
    weightStatistics: absent,
    weightSlice: absent,
    neighbours: absent,
    sourceOf: absent,
    openSource: absent,
    exportWeight: absent,
    chooseExport: absent,
    saveExport: absent,
    candidatesOf: absent,
    latencyOf: absent,
    explain: absent,
    applyPoint: absent,
    selected: absent,
    setScheme: absent,
    fixRange: absent,
    chooseFormat: absent,
    setDimension: absent,
    menuRows: absent,
    command: absent,
    ...part,
  };
}

const describeError = (error: unknown) => ({ kind: 'internal' as const, message: (error as Error).message });

/** The view's client and the host's server, joined by structured clones as `postMessage` does. */
function connected(host: ViewMethods): Host {
  let receive: (message: ToView) => void = () => undefined;
  const wire: Wire = {
    post: (message) => {
      const sent: unknown = structuredClone(message);
      if (isCall<ViewMethods>(sent))
        void answer(host, sent, describeError).then((reply) => receive(structuredClone(reply)));
    },
    listen: (listener) => {
      receive = listener;
    },
  };
  return new Host(wire);
}

describe('calls of the view', () => {
  it('get the reply of their own method, in whatever order the replies come', async () => {
    const release: (() => void)[] = [];
    const host = connected(
      methods({
        rows: ({ start }) =>
          new Promise((resolve) => release.push(() => resolve({ revision: start, rows: [], next: null }))),
      }),
    );
    const calls = [
      host.call('rows', { revision: 1, start: 10 }),
      host.call('rows', { revision: 1, start: 20 }),
    ];
    await Promise.resolve();
    release.reverse().forEach((go) => go());
    expect((await Promise.all(calls)).map(({ revision }) => revision)).toEqual([10, 20]);
  });

  it('reject with the sentence of a handler that throws', async () => {
    const host = connected(
      methods({
        setScheme: () => {
          throw new Error('There is no such layer.');
        },
      }),
    );
    const call = host.call('setScheme', { names: [], scheme: 'float' });
    await expect(call).rejects.toBeInstanceOf(HostError);
    await expect(call).rejects.toThrow('There is no such layer.');
  });

  it('are answered also when the method is unknown or inherited', async () => {
    const reply = await answer(
      methods({}),
      { id: 3, method: 'toString', request: {} } as unknown as ToHost,
      describeError,
    );
    expect(reply).toEqual({
      id: 3,
      err: { kind: 'internal', message: expect.stringContaining('toString') as string },
    });
  });
});

describe('isCall', () => {
  it('refuses what is not a call', () => {
    for (const message of [null, 1, 'x', {}, { id: '1', method: 'rows', request: {} }, { id: 1 }]) {
      expect(isCall(message)).toBe(false);
    }
  });
});

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, InputError, OnnxFileError } from '../../src/core/errors';
import { EngineClient } from '../../src/engine/client';
import { EngineCrashError, InternalError } from '../../src/engine/engineErrors';
import type { Progress } from '../../src/shared/rpc';
import { bundlePrograms } from './support/bundle';

let enginePath: string;
let folder: string;
const clients: EngineClient[] = [];

beforeAll(async () => {
  const bundles = await bundlePrograms({ engine: 'test/engine/support/scriptedEngine.ts' });
  enginePath = join(bundles, 'engine.mjs');
  folder = mkdtempSync(join(tmpdir(), 'client-test-'));
});
afterEach(() => {
  for (const client of clients.splice(0)) client.dispose();
});
afterAll(() => {
  rmSync(dirname(enginePath), { recursive: true });
  rmSync(folder, { recursive: true });
});

function newClient(onLog?: (text: string) => void): EngineClient {
  const client = new EngineClient({ enginePath, onLog, cancelGraceMs: 200 });
  clients.push(client);
  return client;
}

/** Resolves at the first progress of the call. */
function started(client: EngineClient, script: string, signal?: AbortSignal) {
  let result: Promise<unknown> = Promise.resolve();
  const first = new Promise<void>((resolve) => {
    result = client.call('inspect', { file: script }, { signal, onProgress: () => resolve() });
    result.catch(() => undefined);
  });
  return { first, result };
}

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('EngineClient', () => {
  it('starts the process on the first call and keeps it', async () => {
    const client = newClient();
    expect(client.pid).toBeUndefined();
    const first = await client.call('weightHashes', { file: 'a' });
    const second = await client.call('weightHashes', { file: 'b' });
    expect(first).toEqual({ file: 'a', pid: String(client.pid) });
    expect(second['pid']).toBe(first['pid']);
  });

  it('rejects with the kind of error that the engine threw', async () => {
    const client = newClient();
    await expect(client.call('inspect', { file: 'throw sorry' })).rejects.toEqual(new InputError('sorry'));
    await expect(client.call('inspect', { file: 'defect oops' })).rejects.toThrow(InternalError);
    const missing = client.call('inspect', { file: 'read-missing' });
    await expect(missing).rejects.toThrow(OnnxFileError);
    await expect(missing).rejects.toThrow('/nonexistent/folder/deeper does not exist.');
  });

  it('writes the stack of a defect to the log', async () => {
    const log: string[] = [];
    const client = newClient((text) => log.push(text));
    await client.call('inspect', { file: 'defect oops' }).catch(() => undefined);
    await expect.poll(() => log.join('')).toMatch(/inspect: TypeError: oops\n\s+at /);
  });

  it('throttles progress and delivers every candidate once, in order', async () => {
    const seen: Progress[] = [];
    await newClient()
      .call('inspect', { file: 'progress' }, { onProgress: (progress) => seen.push(progress) })
      .catch(() => undefined);
    const layers = seen.flatMap(({ candidates = [] }) => candidates.map(({ layer }) => layer));
    expect(layers).toEqual(Array.from({ length: 100 }, (_, index) => `l${index}`));
    expect(seen.length).toBeLessThan(20);
  });

  it('cancels cooperatively and keeps the process', async () => {
    const client = newClient();
    const controller = new AbortController();
    const { first, result } = started(client, 'wait', controller.signal);
    await first;
    const pid = client.pid;
    controller.abort();
    await expect(result).rejects.toThrow(CancelledError);
    await delay(300);
    expect((await client.call('weightHashes', { file: '' }))['pid']).toBe(String(pid));
  });

  it('kills a process that does not stop, and the next call works in a new one', async () => {
    const client = newClient();
    const controller = new AbortController();
    const { first, result } = started(client, 'block', controller.signal);
    await first;
    await delay(30);
    const pid = client.pid;
    const other = client.call('weightHashes', { file: 'innocent' });
    other.catch(() => undefined);
    controller.abort();
    await expect(result).rejects.toThrow(CancelledError);
    await expect(other).rejects.toThrow(/did not stop in time when inspect was cancelled/);
    expect(alive(Number(pid))).toBe(false);
    expect((await client.call('weightHashes', { file: '' }))['pid']).not.toBe(String(pid));
  });

  it('leaves a process alone that does not stop when the cancel is gentle', async () => {
    const client = newClient();
    const controller = new AbortController();
    const { signal } = controller;
    let result: Promise<unknown> = Promise.resolve();
    await new Promise<void>((resolve) => {
      const options = { signal, isGentle: true, onProgress: () => resolve() };
      result = client.call('inspect', { file: 'block' }, options);
      result.catch(() => undefined);
    });
    await delay(30);
    const pid = client.pid;
    controller.abort();
    await delay(400);
    expect(client.pid).toBe(pid);
    expect(alive(Number(pid))).toBe(true);
  });

  it('removes the temporary files of a killed process before the call rejects', async () => {
    const path = join(folder, 'half.tmp');
    const controller = new AbortController();
    const { first, result } = started(newClient(), `write-then-block ${path}`, controller.signal);
    await first;
    expect(existsSync(path)).toBe(true);
    controller.abort();
    await expect(result).rejects.toThrow(CancelledError);
    expect(existsSync(path)).toBe(false);
  });

  it('tells what was running when the process is killed from outside, and recovers', async () => {
    const client = newClient();
    const { first, result } = started(client, 'wait');
    await first;
    process.kill(Number(client.pid), 'SIGKILL');
    await expect(result).rejects.toThrow(EngineCrashError);
    await expect(result).rejects.toThrow(
      'The engine process stopped with SIGKILL during inspect. It starts again on the next call.',
    );
    expect(await client.call('weightHashes', { file: 'again' })).toMatchObject({ file: 'again' });
  });

  it('calls it a cancel when Ctrl+C ends a process that does not listen yet', async () => {
    const client = newClient();
    const call = client.call('inspect', { file: 'a' });
    process.kill(Number(client.pid), 'SIGINT');
    await expect(call).rejects.toBeInstanceOf(CancelledError);
    await expect(client.call('weightHashes', { file: 'b' })).resolves.toMatchObject({ file: 'b' });
  });

  it('quotes the last line of stderr after a crash', async () => {
    const result = newClient().call('inspect', { file: 'stderr assertion-failed' });
    await expect(result).rejects.toThrow(/SIGABRT during inspect.*Its last line was: assertion-failed/);
  });

  it('quotes the error that ended the process, not what Node prints around it', async () => {
    const result = newClient().call('inspect', { file: 'uncaught out-of-luck' });
    await expect(result).rejects.toThrow(
      /exit code 1 during inspect.*Its last line was: Error: out-of-luck$/,
    );
  });

  it('rejects at once when the signal was aborted before, without starting a process', async () => {
    const client = newClient();
    await expect(client.call('inspect', { file: '' }, { signal: AbortSignal.abort() })).rejects.toThrow(
      CancelledError,
    );
    expect(client.pid).toBeUndefined();
  });

  it('rejects when the engine file is missing', async () => {
    const client = new EngineClient({ enginePath: join(folder, 'no-such-engine.mjs') });
    clients.push(client);
    await expect(client.call('inspect', { file: '' })).rejects.toThrow(EngineCrashError);
  });

  it('ends the process on dispose and refuses later calls', async () => {
    const client = newClient();
    const { first, result } = started(client, 'wait');
    await first;
    const pid = Number(client.pid);
    client.dispose();
    await expect(result).rejects.toThrow('The engine process was ended during inspect. Roundoff is closing.');
    expect(alive(pid)).toBe(false);
    await expect(client.call('inspect', { file: '' })).rejects.toThrow('The engine was shut down.');
  });
});

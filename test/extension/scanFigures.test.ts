import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../src/core/errors';
import { DEFAULT_SCAN_FORMATS } from '../../src/core/scan/formats';
import { EngineCrashError } from '../../src/engine/engineErrors';
import { calibrationEdit, compensationEdit, schemeEdit } from '../../src/extension/editor/planEdit';
import type { Progress, ScanRequest } from '../../src/shared/rpc';
import type { RowChunk } from '../../src/shared/viewRpc';
import { layerRow, summaryOfThree } from '../support/viewRows';
import {
  candidate,
  type Handler,
  openMeasured,
  openSession,
  scanResult,
  untilCancelled,
  withData,
} from './openSession';

const progress = (part: Partial<Progress>): Progress => ({ done: 1, total: 2, message: 'Scanning', ...part });
const kl = { metric: 'kl', samples: 16 } as const;

/** What the column shows, by row. */
function shown(session: Awaited<ReturnType<typeof openMeasured>>['session']) {
  const { rows } = session.rowsFrom(session.snapshot().revision, 0);
  return rows.map(({ candidate: figure }) => figure?.sensitivity);
}

describe('a scan', () => {
  it('refuses without data, in a sentence that says what to do', async () => {
    const { session } = openSession({});
    await session.load('/m/model.onnx');
    await expect(session.measurements.scan(undefined, undefined, {})).rejects.toThrow(
      'A scan runs the model: choose calibration data first.',
    );
  });

  it('asks for all formats that a scan tries by itself, with the folder of earlier results', async () => {
    const requests: unknown[] = [];
    const scan: Handler = (request) => {
      requests.push(request);
      return scanResult([]);
    };
    const { session } = await openMeasured({ scan });
    await session.measurements.scan(undefined, undefined, {});
    await session.measurements.scan(['conv2'], ['w4 , block:64'], {});
    expect(requests).toEqual([
      expect.objectContaining({ file: '/m/model.onnx', cache: '/cache', schemes: DEFAULT_SCAN_FORMATS }),
      expect.objectContaining({ layers: ['conv2'], schemes: ['w4,block:64'] }),
    ]);
    expect(requests[0]).not.toHaveProperty('layers');
    await expect(session.measurements.scan(undefined, ['w99'], {})).rejects.toThrow('no scheme "w99"');
  });

  it('fills in figures as they arrive and says what they mean at the end', async () => {
    const scan: Handler = (_request, { onProgress }) => {
      onProgress?.(progress({ candidates: [candidate('conv1', 0.5)] }));
      return scanResult([candidate('conv1', 0.5), candidate('conv2', 0.1)]);
    };
    const { session, events } = await openMeasured({ scan });
    await session.measurements.scan(undefined, undefined, {});
    expect(shown(session)).toEqual([0.5, undefined, 0.1, undefined]);
    expect(session.snapshot().scan).toEqual({
      running: null,
      measured: { metric: 'kl', slice: 'scan', samples: 16, partial: false, random: false },
      error: null,
    });
    expect(events.filter((event) => event.event === 'candidates')).toHaveLength(2);
  });

  it('asks for compensated candidates when told, and shows those of the kind that the plan has', async () => {
    const requests: ScanRequest[] = [];
    const scan: Handler = (request) => {
      requests.push(request as ScanRequest);
      const { recover } = (request as ScanRequest).plan;
      return scanResult([
        candidate('conv1', recover ? 0.2 : 0.5, recover && { recover: recover.steps.join(',') }),
      ]);
    };
    const { session } = await openMeasured({ scan });
    await session.measurements.scan(undefined, ['w8a8'], {});
    await session.measurements.scan(undefined, ['w8a8'], { recover: ['gptq'] });
    expect(requests.map(({ plan }) => plan.recover)).toEqual([
      undefined,
      { steps: ['gptq'], sequential: false },
    ]);
    expect(shown(session)[0]).toBe(0.5);
    session.apply(compensationEdit(session.plan, undefined, ['gptq']), 'forward');
    expect(shown(session)[0]).toBe(0.2);
    expect(session.measurements.candidatesOf('conv1')).toHaveLength(2);
  });

  it('measures anew with more samples, and drops what fewer gave', async () => {
    const requests: ScanRequest[] = [];
    const scan: Handler = (request) => {
      requests.push(request as ScanRequest);
      return scanResult([candidate('conv1', 0.5)]);
    };
    const { session } = await openMeasured({ scan });
    await session.measurements.scan(undefined, undefined, {});
    session.setScanSamples(64);
    expect(shown(session)).toEqual([undefined, undefined, undefined, undefined]);
    await session.measurements.scan(undefined, undefined, {});
    expect(requests.map(({ calibration, known }) => [calibration.scanSamples, known])).toEqual([
      [undefined, []],
      [64, []],
    ]);
    // The same number again changes nothing.
    session.setScanSamples(64);
    expect(shown(session)[0]).toBe(0.5);
  });

  it('shows guesses until a layer is measured, and never instead', async () => {
    const guess = candidate('conv1', 0.9, { provisional: true });
    const scan: Handler = (_request, { onProgress }) => {
      onProgress?.(progress({ provisional: [guess, candidate('conv2', 0.8, { provisional: true })] }));
      onProgress?.(progress({ candidates: [candidate('conv1', 0.5)], measured: kl }));
      onProgress?.(progress({ provisional: [guess] }));
      throw new EngineCrashError('The engine process stopped.');
    };
    const { session, events } = await openMeasured({ scan });
    await expect(session.measurements.scan(undefined, ['w8a8'], {})).rejects.toBeInstanceOf(EngineCrashError);
    const { rows } = session.rowsFrom(session.snapshot().revision, 0);
    expect(
      rows.map((row) => row.candidate && [row.candidate.sensitivity, row.candidate.provisional]),
    ).toEqual([[0.5, undefined], null, [0.8, true], null]);
    const told = events.flatMap((event) => (event.event === 'candidates' ? event.candidates : []));
    expect(told.slice(0, 3).map(({ sensitivity }) => sensitivity)).toEqual([0.9, 0.8, 0.5]);
    expect(session.measurements.candidatesOf('conv2')).toEqual([]);
  });

  it('does not measure again what was measured, but what was only guessed', async () => {
    const requests: ScanRequest[] = [];
    const scan: Handler = (request, { onProgress }) => {
      requests.push(request as ScanRequest);
      onProgress?.(progress({ provisional: [candidate('conv2', 0.8, { provisional: true })] }));
      return scanResult([candidate('conv1', 0.5)]);
    };
    const { session } = await openMeasured({ scan });
    await session.measurements.scan(undefined, ['w8a8'], {});
    await session.measurements.scan(undefined, ['w8a8'], {});
    expect(requests.map(({ known }) => known)).toEqual([[], [candidate('conv1', 0.5)]]);
  });

  it('shows of each layer the format that it is planned in', async () => {
    const both = [candidate('conv1', 0.5), candidate('conv1', 2, { scheme: 'w4' })];
    const { session, events } = await openMeasured({ scan: () => scanResult(both) });
    await session.measurements.scan(undefined, undefined, {});
    expect(shown(session)[0]).toBe(0.5);
    session.apply(schemeEdit(session.plan, ['conv1'], { scheme: 'w4' }, new Map()), 'forward');
    expect(shown(session)[0]).toBe(2);
    expect(events.at(-2)).not.toMatchObject({ event: 'snapshot' });
    expect(session.measurements.candidatesOf('conv1')).toEqual(both);
  });

  it('shows a crash, keeps what was measured, and scans again afterwards', async () => {
    let crash = true;
    const scan: Handler = (_request, { onProgress }) => {
      onProgress?.(progress({ candidates: [candidate('conv1', 0.5)] }));
      if (crash) throw new EngineCrashError('The engine process stopped.');
      return scanResult([]);
    };
    const { session } = await openMeasured({ scan });
    await expect(session.measurements.scan(undefined, undefined, {})).rejects.toBeInstanceOf(
      EngineCrashError,
    );
    expect(session.snapshot().scan).toMatchObject({ running: null, error: 'The engine process stopped.' });
    expect(shown(session)[0]).toBe(0.5);
    crash = false;
    await session.measurements.scan(undefined, undefined, {});
    expect(session.snapshot().scan.error).toBeNull();
  });

  it('never sends a message of 1 MB, however many layers there are', async () => {
    const name = (index: number): string => `/model/layers.${index}/${'x'.repeat(100)}`;
    const names = Array.from({ length: 12_000 }, (_, index) => name(index));
    const layers = names.map((layer, index) => layerRow(layer, { index }));
    const { session, events } = openSession({
      inspect: () => ({ ...summaryOfThree(), layers, nodes: [] }),
      scan: () => scanResult(names.map((layer) => candidate(layer, 0.1))),
    });
    await session.load('/m/model.onnx');
    const gone = names.map((layer) => `gone ${layer}`);
    const entries = [...names, ...gone].map((key) => [key, { scheme: 'float' }] as const);
    session.setPlan({ ...withData, layers: Object.fromEntries(entries) });
    await session.measurements.scan(undefined, undefined, {});
    const sizes = events.map((event) => JSON.stringify(event).length);
    expect(Math.max(...sizes)).toBeLessThan(1e6);
    expect(events.flatMap((event) => (event.event === 'candidates' ? event.candidates : []))).toHaveLength(
      names.length,
    );
    expect(session.snapshot().plan).toMatchObject({ missingCount: names.length });
    const { revision } = session.snapshot();
    for (let start: number | null = 0; start !== null;) {
      const chunk: RowChunk = session.rowsFrom(revision, start);
      expect(JSON.stringify(chunk).length).toBeLessThan(1e6);
      start = chunk.next;
    }
  });

  it('forgets figures when the data changes, since they belong to the old data', async () => {
    const { session } = await openMeasured({ scan: () => scanResult([candidate('conv1', 0.5)]) });
    await session.measurements.scan(undefined, undefined, {});
    const before = session.snapshot().revision;
    session.apply(calibrationEdit(session.plan, { data: 'random', samples: 8, seed: 1 }), 'forward');
    const { revision, scan } = session.snapshot();
    expect(revision).toBeGreaterThan(before);
    expect(scan.measured).toBeNull();
    expect(session.rowsFrom(revision, 0).rows.every((row) => row.candidate === null)).toBe(true);
  });
});

describe('progress of a scan', () => {
  it('counts candidates, whatever the engine counts meanwhile', async () => {
    const starting = { layer: 'conv2', scheme: 'w8a8' };
    const scan: Handler = (_request, { onProgress }) => {
      onProgress?.(progress({ done: 7, total: 32, message: 'Running the float model' }));
      onProgress?.(progress({ candidates: [candidate('conv1', 0.5)] }));
      onProgress?.(progress({ starting, message: 'Scanning conv2' }));
      return scanResult([]);
    };
    const { session, events } = await openMeasured({ scan });
    await session.measurements.scan(undefined, ['w8a8', 'w4'], {});
    const told = events.flatMap((event) => (event.event === 'scan' && event.scan.running) || []);
    // Two layers that can be quantized in two formats.
    expect(told.map(({ done, total, message }) => [done, total, message])).toEqual([
      [0, 4, 'Starting'],
      [0, 4, 'Running the float model'],
      [1, 4, 'Scanning'],
      [1, 4, 'Scanning conv2'],
    ]);
    expect(told.every(({ perSecond, secondsLeft }) => perSecond === null && secondsLeft === null)).toBe(true);
  });

  it('tells the rate of what is measured and how long the rest takes', async () => {
    const names = ['w8a8', 'w8a16', 'w4'].map((scheme) => ({ layer: 'conv1', scheme }));
    const scan: Handler = async (_request, { onProgress }) => {
      for (const starting of names) {
        onProgress?.(progress({ starting }));
        await new Promise((resolve) => setTimeout(resolve, 20));
        onProgress?.(progress({ candidates: [candidate('conv1', 1, starting)] }));
      }
      return scanResult([]);
    };
    const { session, events } = await openMeasured({ scan });
    await session.measurements.scan(['conv1', 'conv2'], ['w8a8', 'w8a16', 'w4'], {});
    const last = events.flatMap((event) => (event.event === 'scan' && event.scan.running) || []).at(-1);
    expect(last).toMatchObject({ done: 3, total: 6 });
    expect(last?.perSecond).toBeGreaterThan(0);
    expect(last?.perSecond).toBeLessThan(51);
    expect(last?.secondsLeft).toBeCloseTo(3 / (last?.perSecond ?? 0), 6);
  });
});

describe('a scan that is stopped', () => {
  const half = progress({ candidates: [candidate('conv1', 0.5)], measured: kl });

  it('ends without calling it an error', async () => {
    const { session } = await openMeasured({ scan: untilCancelled() });
    const scanning = session.measurements.scan(undefined, undefined, {});
    expect(session.measurements.running).toBe('scan');
    session.measurements.scanned.cancel();
    await expect(scanning).rejects.toBeInstanceOf(CancelledError);
    expect(session.snapshot().scan).toMatchObject({ running: null, error: null });
  });

  it('says of its figures what they are, and that it is incomplete', async () => {
    const { session } = await openMeasured({ scan: untilCancelled(half) });
    session.setPlan({ ...withData, calibration: { data: 'random', samples: 16, seed: 0 } });
    const abort = new AbortController();
    const scanning = session.measurements.scan(undefined, undefined, { signal: abort.signal });
    abort.abort();
    expect(await scanning).toMatchObject({ partial: true, candidates: [{ layer: 'conv1' }] });
    const { measured } = session.snapshot().scan;
    expect(measured).toEqual({ metric: 'kl', slice: 'scan', samples: 16, partial: true, random: true });
  });

  it('waits where it was when it is paused, also for new views, and goes on with what is left', async () => {
    const requests: ScanRequest[] = [];
    const scan: Handler = (request, options) => {
      requests.push(request as ScanRequest);
      if (requests.length === 1) return untilCancelled(half)(request, options);
      return scanResult([candidate('conv1', 0.5), candidate('conv2', 0.1)]);
    };
    const { session } = await openMeasured({ scan });
    const { scanned } = session.measurements;
    const scanning = session.measurements.scan(['conv1', 'conv2'], ['w8a8'], {});
    scanned.pause();
    expect(session.snapshot().scan.running).toMatchObject({ paused: true });
    await expect(scanning).rejects.toBeInstanceOf(CancelledError);
    expect(session.snapshot().scan).toMatchObject({
      running: { done: 1, total: 2, message: 'Paused', perSecond: null, secondsLeft: null, paused: true },
      measured: { partial: true },
      error: null,
    });
    expect(shown(session)[0]).toBe(0.5);
    expect(session.measurements.running).toBeUndefined();
    expect(await scanned.resume({})).toMatchObject({ partial: false });
    expect(requests[1]).toEqual({ ...requests[0], known: [candidate('conv1', 0.5)] });
    expect(session.snapshot().scan).toMatchObject({ running: null, measured: { partial: false } });
    expect(await scanned.resume({})).toBeUndefined();
  });

  it('resumes also when that is asked before the pause has come through', async () => {
    let calls = 0;
    const scan: Handler = (request, options) =>
      ++calls === 1 ? untilCancelled(half)(request, options) : scanResult([]);
    const { session } = await openMeasured({ scan });
    const { scanned } = session.measurements;
    const scanning = session.measurements.scan(undefined, undefined, {});
    scanned.pause();
    const resumed = scanned.resume({});
    await expect(scanning).rejects.toBeInstanceOf(CancelledError);
    await resumed;
    expect(calls).toBe(2);
    expect(session.snapshot().scan.running).toBeNull();
  });

  it('ends for good when it is cancelled while it is paused, and keeps its figures', async () => {
    const { session, events } = await openMeasured({ scan: untilCancelled(half) });
    const { scanned } = session.measurements;
    const scanning = session.measurements.scan(undefined, undefined, {});
    scanned.pause();
    await expect(scanning).rejects.toBeInstanceOf(CancelledError);
    scanned.cancel();
    expect(events.at(-1)).toMatchObject({
      event: 'scan',
      scan: { running: null, measured: { partial: true } },
    });
    expect(shown(session)[0]).toBe(0.5);
    expect(await scanned.resume({})).toBeUndefined();
  });

  it('is not to be resumed on other data', async () => {
    const { session } = await openMeasured({ scan: untilCancelled() });
    const { scanned } = session.measurements;
    const scanning = session.measurements.scan(undefined, undefined, {});
    scanned.pause();
    await expect(scanning).rejects.toBeInstanceOf(CancelledError);
    session.apply(calibrationEdit(session.plan, { data: 'random', samples: 8, seed: 1 }), 'forward');
    expect(session.snapshot().scan.running).toBeNull();
    expect(await scanned.resume({})).toBeUndefined();
  });
});

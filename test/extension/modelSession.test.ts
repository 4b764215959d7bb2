import { describe, expect, it } from 'vitest';
import { CancelledError, OnnxFileError } from '../../src/core/errors';
import { defaultPlan } from '../../src/core/plan/planFile';
import type { Plan } from '../../src/core/plan/types';
import type { Candidate, ScanResult } from '../../src/core/results';
import { EngineCrashError } from '../../src/engine/engineErrors';
import { calibrationEdit, dimensionEdit, schemeEdit } from '../../src/extension/editor/planEdit';
import type { RowChunk } from '../../src/shared/viewRpc';
import { layerRow, summaryOfThree } from '../support/viewRows';
import { type Handler, hashes, openSession } from './openSession';

const withData: Plan = { ...defaultPlan, calibration: { data: 'test.npz', samples: 16, seed: 0 } };
const entry = { scheme: 'float' } as const;
const candidate = (layer: string, sensitivity: number): Candidate => ({
  layer,
  scheme: 'w8a8',
  sensitivity,
  localSqnrDb: 30,
  bytes: 100,
});
const scanResult = (candidates: Candidate[]): ScanResult => ({
  metric: 'kl',
  slice: 'scan',
  samples: 16,
  candidates,
  trials: 16,
  seconds: 1,
  preparationSeconds: 0.1,
  trialSeconds: 0.8,
  floatPassSeconds: 0.1,
  partial: false,
});
const signal = (): AbortSignal => new AbortController().signal;

describe('loading', () => {
  it('gives the view all rows in the order of the model, with their schemes', async () => {
    const { session } = openSession({});
    await session.load('/m/model.onnx');
    const { model, revision } = session.snapshot();
    expect(model).toMatchObject({ state: 'ready', rowCount: 4 });
    const { rows, next } = session.rowsFrom(revision, 0);
    expect(rows.map(({ name, scheme }) => [name, scheme])).toEqual([
      ['conv1', 'w8a8'],
      ['pool', 'auto'],
      ['conv2', 'w8a8'],
      ['lstm', 'float'],
    ]);
    expect(next).toBeNull();
  });

  it('shows the sentence of the engine when the file cannot be read', async () => {
    const inspect = (): never => {
      throw new OnnxFileError('model.onnx ends in the middle of a tensor.');
    };
    const { session } = openSession({ inspect });
    await session.load('/m/model.onnx');
    expect(session.snapshot().model).toEqual({
      state: 'failed',
      message: 'model.onnx ends in the middle of a tensor.',
    });
  });

  it('ignores the answer to a load that a newer one has replaced', async () => {
    const answers: ((producer: string) => void)[] = [];
    const inspect = (): Promise<unknown> =>
      new Promise((resolve) => answers.push((producer) => resolve({ ...summaryOfThree(), producer })));
    const { session } = openSession({ inspect });
    const [first, second] = [session.load('/m/model.onnx'), session.load('/m/model.onnx')];
    await Promise.resolve();
    answers[1]?.('new');
    await second;
    answers[0]?.('old');
    await first;
    expect(session.summary?.producer).toBe('new');
  });

  it('answers for rows of an older revision with none', async () => {
    const { session } = openSession({});
    await session.load('/m/model.onnx');
    const { revision } = session.snapshot();
    await session.load('/m/model.onnx');
    expect(session.rowsFrom(revision, 0)).toEqual({ revision: revision + 1, rows: [], next: null });
  });
});

describe('edits', () => {
  it('tell the views exactly which schemes changed, also on undo', async () => {
    const { session, events } = openSession({});
    await session.load('/m/model.onnx');
    const edit = schemeEdit(
      session.plan,
      session.rowsForFormat(['conv1', 'lstm', 'pool'], { scheme: 'float' }),
      { scheme: 'float' },
      new Map(),
    );
    events.length = 0;
    session.apply(edit, 'forward');
    session.apply(edit, 'backward');
    const schemes = events.filter((event) => event.event === 'schemes').map((event) => event.schemes);
    expect(schemes).toEqual([
      [
        ['conv1', 'float'],
        ['pool', 'float'],
      ],
      [
        ['conv1', 'w8a8'],
        ['pool', 'auto'],
      ],
    ]);
  });

  it('give a scheme only to rows that can have it and do not have it yet', async () => {
    const { session } = openSession({});
    await session.load('/m/model.onnx');
    expect(session.rowsForFormat(['conv1', 'conv2', 'lstm', 'pool'], { scheme: 'w8a8' })).toEqual([]);
    expect(session.rowsForFormat(['conv1', 'lstm', 'pool', 'gone'], { scheme: 'float' })).toEqual([
      'conv1',
      'pool',
    ]);
    expect(session.rowsForFormat(['conv1'], { scheme: 'auto' })).toEqual([]);
  });

  it('give no scheme to nodes that only express the format of a layer', async () => {
    const summary = summaryOfThree();
    const dequantize = layerRow('dq', { index: 4, weight: null, quantizable: false, foldedInto: 'conv1' });
    const { session } = openSession({
      inspect: () => ({ ...summary, nodes: [...summary.nodes, dequantize] }),
    });
    await session.load('/m/model.onnx');
    expect(session.rowsForFormat(['dq', 'pool'], { scheme: 'float' })).toEqual(['pool']);
  });

  it('ask the engine for the formats of one row', async () => {
    const details = { layer: 'conv1', weight: null, inputs: [], output: null };
    const { session } = openSession({ quantizationOf: (request) => ({ ...details, request }) });
    await session.load('/m/model.onnx');
    expect(await session.quantizationOf('conv1')).toEqual({
      ...details,
      request: { file: '/m/model.onnx', layer: 'conv1' },
    });
  });

  it('record the hash of the weight once it is known', async () => {
    const { session } = openSession({});
    await session.load('/m/model.onnx');
    session.apply(schemeEdit(session.plan, ['conv1'], { scheme: 'float' }, session.hashes), 'forward');
    await session.hashWeights();
    expect(session.plan.layers).toEqual({ conv1: { scheme: 'float', weightHash: hashes.conv1 } });
  });

  it('inspect again when a dimension changes', async () => {
    const seen: unknown[] = [];
    const inspect = (request: unknown): unknown => {
      seen.push(request);
      return summaryOfThree();
    };
    const { session } = openSession({ inspect });
    await session.load('/m/model.onnx');
    session.apply(dimensionEdit(session.plan, 'batch', 4), 'forward');
    expect(seen.at(-1)).toEqual({ file: '/m/model.onnx', dimensions: { batch: 4 } });
  });
});

describe('the prediction of bytes', () => {
  const predicted = {
    bytes: 900,
    bytesBefore: 4000,
    layers: [{ name: 'conv1', scheme: 'w8a8', bytes: 300 }],
    notes: [],
  };

  it('comes after loading and after edits, and new views get it with the rows', async () => {
    const asked: unknown[] = [];
    const predict: Handler = (request) => {
      asked.push(request);
      return predicted;
    };
    const { session, events } = openSession({ predict });
    await session.load('/m/model.onnx');
    expect(session.snapshot().prediction).toMatchObject({ state: 'running', bytes: null });
    await expect.poll(() => session.snapshot().prediction.state).toBe('current');
    const { prediction, revision } = session.snapshot();
    expect(prediction.bytes).toEqual({ before: 4000, after: 900 });
    const row = { bytes: 300, scheme: 'w8a8', planned: 'w8a8' };
    expect(session.rowsFrom(revision, 0).rows.map((shown) => shown.predicted)).toEqual([
      row,
      null,
      null,
      null,
    ]);
    expect(events).toContainEqual({ event: 'predicted', revision, rows: [['conv1', row]] });

    session.setPlan({
      ...defaultPlan,
      layers: { conv1: { scheme: 'w4', weightHash: hashes.conv1 }, gone: { scheme: 'w4' } },
    });
    await expect.poll(() => asked.length).toBe(2);
    // Neither hashes, for which the engine would read all weights, nor entries of nodes that are gone.
    expect(asked[1]).toEqual({
      file: '/m/model.onnx',
      plan: { ...defaultPlan, layers: { conv1: { scheme: 'w4' } } },
    });
    session.dispose();
  });

  it('asks for nothing while there is no model', async () => {
    const inspect = (): never => {
      throw new OnnxFileError('It is truncated.');
    };
    const { session, events } = openSession({ inspect });
    await session.load('/m/model.onnx');
    session.setPlan(withData);
    session.predict();
    expect(session.snapshot().prediction.state).toBe('none');
    expect(events.some((event) => event.event === 'prediction' && event.prediction.state !== 'none')).toBe(
      false,
    );
  });
});

describe('a re-export', () => {
  it('lists the entries whose weight changed or whose node is gone, and keeps them', async () => {
    let current: Record<string, string> = hashes;
    const { session } = openSession({ weightHashes: () => current });
    await session.load('/m/model.onnx');
    const planned = { scheme: 'float' } as const;
    session.setPlan({
      ...defaultPlan,
      layers: {
        conv1: { ...planned, weightHash: hashes.conv1 },
        conv2: { ...planned, weightHash: hashes.conv2 },
        gone: planned,
      },
    });
    await session.hashWeights();
    expect(session.snapshot().plan).toMatchObject({ changed: [], missing: ['gone'] });
    current = { ...hashes, conv2: 'sha256:9999999999999999' };
    await session.load('/m/model.onnx');
    await session.hashWeights();
    expect(session.snapshot().plan).toMatchObject({ changed: ['conv2'], missing: ['gone'] });
    expect(Object.keys(session.plan.layers)).toEqual(['conv1', 'conv2', 'gone']);
    // Setting the same scheme again confirms the entry for the new weight.
    const again = session.rowsForFormat(['conv1', 'conv2'], { scheme: 'float' });
    expect(again).toEqual(['conv2']);
    session.apply(schemeEdit(session.plan, again, { scheme: 'float' }, session.hashes), 'forward');
    expect(session.snapshot().plan.changed).toEqual([]);
  });
});

describe('scan', () => {
  it('refuses without data, in a sentence that says what to do', async () => {
    const { session } = openSession({});
    await session.load('/m/model.onnx');
    await expect(session.measurements.scan(undefined, undefined, { signal: signal() })).rejects.toThrow(
      'choose calibration data first',
    );
  });

  it('fills in figures as they arrive and says what they mean at the end', async () => {
    const scan: Handler = (_request, { onProgress }) => {
      onProgress?.({ done: 1, total: 2, message: 'conv1', candidates: [candidate('conv1', 0.5)] });
      return scanResult([candidate('conv1', 0.5), candidate('conv2', 0.1)]);
    };
    const { session, events } = openSession({ scan });
    await session.load('/m/model.onnx');
    session.setPlan(withData);
    await session.measurements.scan(undefined, undefined, { signal: signal() });
    const { revision, scan: view } = session.snapshot();
    expect(session.rowsFrom(revision, 0).rows.map((row) => row.candidate?.sensitivity)).toEqual([
      0.5,
      undefined,
      0.1,
      undefined,
    ]);
    expect(view).toEqual({
      running: null,
      measured: { metric: 'kl', slice: 'scan', samples: 16, partial: false, random: false },
      error: null,
    });
    expect(events.filter((event) => event.event === 'candidates')).toHaveLength(2);
  });

  it('shows a crash, keeps what was measured, and scans again afterwards', async () => {
    let crash = true;
    const scan: Handler = (_request, { onProgress }) => {
      onProgress?.({ done: 1, total: 2, message: 'conv1', candidates: [candidate('conv1', 0.5)] });
      if (crash) throw new EngineCrashError('The engine process stopped.');
      return scanResult([]);
    };
    const { session } = openSession({ scan });
    await session.load('/m/model.onnx');
    session.setPlan(withData);
    await expect(
      session.measurements.scan(undefined, undefined, { signal: signal() }),
    ).rejects.toBeInstanceOf(EngineCrashError);
    expect(session.snapshot().scan).toMatchObject({ running: null, error: 'The engine process stopped.' });
    expect(session.rowsFrom(session.snapshot().revision, 0).rows[0]?.candidate?.sensitivity).toBe(0.5);
    crash = false;
    await session.measurements.scan(undefined, undefined, { signal: signal() });
    expect(session.snapshot().scan.error).toBeNull();
  });

  it('stops on cancelScan, without calling it an error', async () => {
    const scan: Handler = (_request, options) =>
      new Promise((_resolve, reject) => {
        options.signal?.addEventListener('abort', () => reject(new CancelledError()));
      });
    const { session } = openSession({ scan });
    await session.load('/m/model.onnx');
    session.setPlan(withData);
    const scanning = session.measurements.scan(undefined, undefined, { signal: signal() });
    expect(session.measurements.running).toBe('scan');
    session.measurements.scanned.cancel();
    await expect(scanning).rejects.toBeInstanceOf(CancelledError);
    expect(session.snapshot().scan).toMatchObject({ running: null, error: null });
  });

  it('says of the figures of a cancelled scan what they are, and that it is incomplete', async () => {
    const scan: Handler = (_request, { onProgress, signal: cancel }) =>
      new Promise((_resolve, reject) => {
        cancel?.addEventListener('abort', () => reject(new CancelledError()));
        onProgress?.({
          done: 1,
          total: 2,
          message: 'conv1',
          candidates: [candidate('conv1', 0.5)],
          measured: { metric: 'nmse', samples: 16 },
        });
      });
    const { session } = openSession({ scan });
    await session.load('/m/model.onnx');
    session.setPlan({ ...withData, calibration: { data: 'random', samples: 16, seed: 0 } });
    const scanning = session.measurements.scan(['conv1', 'conv2'], undefined, { signal: signal() });
    session.measurements.scanned.cancel();
    expect(await scanning).toMatchObject({ partial: true, candidates: [{ layer: 'conv1' }] });
    const { measured } = session.snapshot().scan;
    expect(measured).toEqual({ metric: 'nmse', slice: 'scan', samples: 16, partial: true, random: true });
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
    session.setPlan({
      ...withData,
      layers: Object.fromEntries(
        [...names, ...names.map((gone) => `gone ${gone}`)].map((key) => [key, entry]),
      ),
    });
    await session.measurements.scan(undefined, undefined, { signal: signal() });
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
    const { session } = openSession({ scan: () => scanResult([candidate('conv1', 0.5)]) });
    await session.load('/m/model.onnx');
    session.setPlan(withData);
    await session.measurements.scan(undefined, undefined, { signal: signal() });
    const before = session.snapshot().revision;
    session.apply(calibrationEdit(session.plan, { data: 'random', samples: 8, seed: 1 }), 'forward');
    const { revision, scan } = session.snapshot();
    expect(revision).toBeGreaterThan(before);
    expect(scan.measured).toBeNull();
    expect(session.rowsFrom(revision, 0).rows.every((row) => row.candidate === null)).toBe(true);
  });
});

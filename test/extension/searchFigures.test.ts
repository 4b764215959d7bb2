import { describe, expect, it } from 'vitest';
import { CancelledError, InputError } from '../../src/core/errors';
import type { SearchGoal, SearchPoint, SearchResult } from '../../src/core/searchResults';
import {
  applyEdit,
  calibrationEdit,
  compensationEdit,
  schemeEdit,
} from '../../src/extension/editor/planEdit';
import type { Progress, SearchRequest } from '../../src/shared/rpc';
import {
  candidate,
  type Handler,
  openMeasured,
  openSession,
  scanResult,
  untilCancelled,
} from './openSession';

const goal: SearchGoal = { kind: 'budget', cost: 'bytes', most: 0.4, ratio: true };

function point(bytes: number, conv1: string, conv2: string, part: Partial<SearchPoint> = {}): SearchPoint {
  const floatLayers = [conv1, conv2].filter((format) => format === 'float').length;
  return {
    bytes,
    bops: null,
    latencyMs: null,
    floatLayers,
    predicted: 1 / bytes,
    verified: null,
    layers: { conv1, conv2 },
    ...part,
  };
}

const verified = {
  slice: 'verify',
  samples: 64,
  error: 0.01,
  standardError: 0.001,
  sqnrDb: 30,
  agreement: null,
  accuracy: null,
} as const;

const small = point(1000, 'w4', 'w4');
const large = point(2000, 'float', 'w8a8');

function result(part: Partial<SearchResult> = {}): SearchResult {
  return {
    goal,
    metric: 'nmse',
    float: { bytes: 4000, bops: 100, latencyMs: null },
    front: [small, large],
    chosen: small,
    met: true,
    curve: null,
    rounds: 0,
    trials: 2,
    seconds: 1,
    partial: false,
    notes: [],
    ...part,
  };
}

const progress = (part: Partial<Progress>): Progress => ({
  done: 1,
  total: 2,
  message: 'Searching',
  ...part,
});
const measuredAll = () => scanResult([candidate('conv1', 0.5), candidate('conv2', 0.1)]);
type Opened = Awaited<ReturnType<typeof openMeasured>>;

/** What the views were told was found, each time. */
function foundIn(events: Opened['events']) {
  return events.flatMap((event) => (event.event === 'search' && event.search.found) || []);
}

describe('a search', () => {
  it('refuses without data, and goals that the model has no figures for', async () => {
    const { session } = openSession({});
    await session.load('/m/model.onnx');
    await expect(session.measurements.search(goal, undefined, {})).rejects.toThrow(
      'A search runs the model: choose calibration data first.',
    );
    const measured = await openMeasured({});
    const cap = { kind: 'cap', error: 'agreement', limit: 0.99, cost: 'bytes' } as const;
    await expect(measured.session.measurements.search(cap, undefined, {})).rejects.toThrow(
      'no output with classes',
    );
  });

  it('begins with what a scan has measured, and keeps what it measures itself', async () => {
    const requests: SearchRequest[] = [];
    const search: Handler = (request) => {
      requests.push(request as SearchRequest);
      return result();
    };
    const scan: Handler = (_request, { onProgress }) => {
      const measured = { metric: 'kl', samples: 16 } as const;
      onProgress?.(progress({ candidates: [candidate('conv2', 0.1)], measured }));
      return measuredAll();
    };
    const { session } = await openMeasured({ search, scan });
    await session.measurements.search(goal, ['w8a8'], {});
    expect(requests[0]).toMatchObject({
      file: '/m/model.onnx',
      goal,
      schemes: ['w8a8'],
      cache: '/cache',
      known: expect.arrayContaining([candidate('conv1', 0.5), candidate('conv2', 0.1)]) as unknown,
    });
    expect(session.measurements.candidatesOf('conv2')).toEqual([candidate('conv2', 0.1)]);
    expect(session.snapshot().scan.measured).toMatchObject({ metric: 'kl', samples: 16 });
  });

  it('shows points as they come, and then which was chosen', async () => {
    const run = { ...small, bytes: 1100, verified };
    const search: Handler = (_request, { onProgress }) => {
      onProgress?.(progress({ points: [large, small] }));
      onProgress?.(progress({ points: [run] }));
      return result({ front: [run, large], chosen: run });
    };
    const { session, events } = await openMeasured({ search, scan: measuredAll });
    await session.measurements.search(goal, undefined, {});
    const found = foundIn(events);
    expect(found.map(({ points }) => points.map(({ bytes }) => bytes))).toEqual([
      [1000, 2000],
      [1100, 2000],
      [1100, 2000],
    ]);
    expect(found[0]).toMatchObject({ chosen: null, met: null, partial: true, float: { bytes: 4000 } });
    // A plan keeps its number when it was run.
    const ids = found.map(({ points }) => points.map(({ id }) => id));
    expect(ids[1]).toEqual(ids[0]);
    expect(found.at(-1)).toMatchObject({
      chosen: ids[0]?.[0],
      met: true,
      partial: false,
      float: { bytes: 4000, bops: 100 },
      points: [{ formats: [['w4', 2]], keeps: [] }, { keeps: ['conv1'] }],
    });
    expect(JSON.stringify(found)).not.toContain('"layers"');
    expect(session.snapshot().search).toMatchObject({ running: null, error: null });
  });

  it('keeps its points when it is cancelled, and says that it did not come to its end', async () => {
    const run = { ...small, verified };
    let calls = 0;
    const search: Handler = (request, options) => {
      const interim = progress({
        points: [run, large],
        result: result({ front: [run, large], chosen: run }),
      });
      return ++calls === 1 ? untilCancelled(interim)(request, options) : Promise.reject(new Error('unasked'));
    };
    const { session } = await openMeasured({ search, scan: measuredAll });
    const abort = new AbortController();
    const searching = session.measurements.search(goal, undefined, { signal: abort.signal });
    await expect.poll(() => session.snapshot().search.found?.points.length).toBe(2);
    expect(session.measurements.running).toBe('search');
    abort.abort();
    expect(session.snapshot().search.running).toMatchObject({ message: 'Stopping' });
    expect(await searching).toMatchObject({ partial: true });
    const { found, ...rest } = session.snapshot().search;
    expect(rest).toEqual({ running: null, error: null });
    expect(found).toMatchObject({ partial: true, points: [{ bytes: 1000 }, { bytes: 2000 }] });
  });

  it('has nothing to say when it is cancelled before anything is known', async () => {
    const { session } = await openMeasured({ scan: untilCancelled() });
    const searching = session.measurements.search(goal, undefined, {});
    session.measurements.searched.cancel();
    await expect(searching).rejects.toBeInstanceOf(CancelledError);
    expect(session.snapshot().search).toEqual({ running: null, found: null, error: null });
  });

  it('keeps the points of the search before until it has some itself, and never reuses their numbers', async () => {
    let points: SearchPoint[] = [];
    const search: Handler = (_request, { onProgress }) => {
      if (points.length === 0) throw new InputError('It went wrong.');
      onProgress?.(progress({ points }));
      return result({ front: points, chosen: points[0] ?? small });
    };
    const { session } = await openMeasured({ search, scan: measuredAll });
    points = [small];
    await session.measurements.search(goal, undefined, {});
    const first = session.snapshot().search.found?.points.map(({ id }) => id);
    points = [];
    await expect(session.measurements.search(goal, undefined, {})).rejects.toThrow('It went wrong.');
    expect(session.snapshot().search).toMatchObject({ error: 'It went wrong.', running: null });
    expect(session.snapshot().search.found?.points.map(({ id }) => id)).toEqual(first);
    points = [large, small];
    await session.measurements.search(goal, undefined, {});
    const second = session.snapshot().search.found?.points.map(({ id }) => id) ?? [];
    expect(second).toHaveLength(2);
    expect(second).not.toContain(first?.[0]);
    expect(() => session.measurements.pointEdit(first?.[0] ?? 0)).toThrow('search again');
  });

  it('is forgotten when the data changes, and says so to nobody who asks for its plans', async () => {
    const { session } = await openMeasured({ search: () => result(), scan: measuredAll });
    const { chosen } = await session.measurements.search(goal, undefined, {});
    const id = session.measurements.searched.idOf(chosen);
    expect(id).not.toBeNull();
    session.apply(calibrationEdit(session.plan, { data: 'random', samples: 8, seed: 1 }), 'forward');
    expect(session.snapshot().search.found).toBeNull();
    expect(session.measurements.searched.idOf(chosen)).toBeNull();
    expect(() => session.measurements.pointEdit(id ?? 0)).toThrow('search again');
  });

  it('shows progress without points now and then, not each time', async () => {
    const search: Handler = async (_request, { onProgress }) => {
      for (let done = 0; done < 100; done++) onProgress?.(progress({ done, total: 100 }));
      await new Promise((resolve) => setTimeout(resolve, 250));
      return result();
    };
    const { session, events } = await openMeasured({ search, scan: measuredAll });
    await session.measurements.search(goal, undefined, {});
    const told = events.flatMap((event) => (event.event === 'search' && event.search.running) || []);
    expect(told.map(({ done }) => done)).toEqual([0, 99]);
  });
});

describe('a searched plan', () => {
  async function searched() {
    const opened = await openMeasured({ search: () => result(), scan: measuredAll });
    await opened.session.measurements.search(goal, undefined, {});
    const ids = opened.session.snapshot().search.found?.points.map(({ id }) => id) ?? [];
    return { ...opened, ids };
  }

  it('brings the recipe that it was searched with, and is the plan in use only with it', async () => {
    const requests: SearchRequest[] = [];
    const recover = { steps: ['gptq', 'bias'], sequential: false } as const;
    const search: Handler = (request) => {
      requests.push(request as SearchRequest);
      return result({ recover });
    };
    const { session } = await openMeasured({ search, scan: measuredAll });
    await session.measurements.search(goal, undefined, { recover: ['bias', 'gptq'] });
    expect(requests[0]?.plan.recover).toEqual(recover);
    expect(session.plan).not.toHaveProperty('recover');
    const { found } = session.snapshot().search;
    expect(found?.recover).toEqual(['GPTQ', 'Bias correction']);
    const id = found?.points[0]?.id ?? 0;
    const edit = session.measurements.pointEdit(id);
    const before = session.plan;
    session.apply(edit, 'forward');
    expect(session.plan.recover).toEqual(recover);
    expect(session.snapshot().search.found?.applied).toBe(id);
    // With the formats alone it is another plan.
    session.apply(compensationEdit(session.plan, undefined, []), 'forward');
    expect(session.snapshot().search.found?.applied).toBeNull();
    session.apply(compensationEdit(session.plan, undefined, ['gptq', 'bias']), 'forward');
    session.apply(edit, 'backward');
    expect(session.plan).toEqual(before);
  });

  it('is applied as one step that can be undone, and leaves other entries', async () => {
    const { session, ids } = await searched();
    session.apply(schemeEdit(session.plan, ['pool'], { scheme: 'float' }, new Map()), 'forward');
    const before = session.plan;
    const edit = session.measurements.pointEdit(ids[1] ?? 0);
    expect(edit.label).toBe('Apply Searched Plan (2.00 kB)');
    const after = applyEdit(before, edit, 'forward');
    expect(after.layers).toMatchObject({
      conv1: { scheme: 'float' },
      conv2: { scheme: 'w8a8' },
      pool: { scheme: 'float' },
    });
    expect(applyEdit(after, edit, 'backward')).toEqual(before);
  });

  it('is named as the one in use for as long as the plan has its formats', async () => {
    const { session, events, ids } = await searched();
    const applied = (): number | null | undefined => session.snapshot().search.found?.applied;
    expect(applied()).toBeNull();
    const edit = session.measurements.pointEdit(ids[0] ?? 0);
    session.apply(edit, 'forward');
    expect(applied()).toBe(ids[0]);
    events.length = 0;
    // It is none of the searched layers.
    session.apply(schemeEdit(session.plan, ['pool'], { scheme: 'float' }, new Map()), 'forward');
    expect(foundIn(events)).toEqual([]);
    session.apply(schemeEdit(session.plan, ['conv1'], { scheme: 'w8' }, new Map()), 'forward');
    expect(foundIn(events).map((found) => found.applied)).toEqual([null]);
    session.apply(schemeEdit(session.plan, ['conv1'], { scheme: 'w4' }, new Map()), 'forward');
    session.apply(edit, 'backward');
    expect(applied()).toBeNull();
  });
});

describe('explaining a layer', () => {
  it('asks about the planned format, or w8a8 when it is float, with what was measured', async () => {
    const requests: unknown[] = [];
    const explain: Handler = (request) => {
      requests.push(request);
      return { layer: 'conv1' };
    };
    const { session } = await openMeasured({ explain, scan: measuredAll });
    await session.measurements.scan(undefined, undefined, {});
    session.apply(schemeEdit(session.plan, ['conv1'], { scheme: 'float' }, new Map()), 'forward');
    session.apply(
      schemeEdit(session.plan, ['conv2'], { scheme: 'w4', granularity: 'block:32' }, new Map()),
      'forward',
    );
    await session.measurements.explain('conv1');
    await session.measurements.explain('conv2');
    expect(requests).toMatchObject([
      {
        file: '/m/model.onnx',
        layer: 'conv1',
        scheme: 'w8a8',
        calibration: { data: '/m/test.npz', samples: 16, seed: 0 },
        measured: { metric: 'kl', candidates: [candidate('conv1', 0.5), candidate('conv2', 0.1)] },
      },
      { layer: 'conv2', scheme: 'w4,block:32' },
    ]);
  });

  it('runs nothing where models may only be looked at', async () => {
    const requests: unknown[] = [];
    const explain: Handler = (request) => void requests.push(request);
    const { session } = await openMeasured({ explain }, 'This workspace is in Restricted Mode.');
    await session.measurements.explain('conv1');
    expect(requests).toHaveLength(1);
    expect(requests[0]).not.toHaveProperty('calibration');
    expect(requests[0]).not.toHaveProperty('measured');
  });
});

import { describe, expect, it } from 'vitest';
import { OnnxFileError } from '../../src/core/errors';
import { defaultPlan } from '../../src/core/plan/planFile';
import { dimensionEdit, schemeEdit } from '../../src/extension/editor/planEdit';
import type { ModelSummary } from '../../src/core/results';
import type { ViewEvent } from '../../src/shared/viewRpc';
import { layerRow, summaryOfThree } from '../support/viewRows';
import {
  candidate,
  type Handler,
  hashes,
  openMeasured,
  openSession,
  untilCancelled,
  withData,
} from './openSession';

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
    const first = session.load('/m/model.onnx');
    await expect.poll(() => answers.length).toBe(1);
    const second = session.load('/m/model.onnx');
    await expect.poll(() => answers.length).toBe(2);
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

describe('a large model', () => {
  const first = summaryOfThree().layers.slice(0, 1);

  /** A session whose engine has told the first layers, and inspects until `answer` is called. */
  async function openLarge(request: unknown[] = []) {
    const answers: ((summary: ModelSummary) => void)[] = [];
    const opened = openSession({
      firstLayers: () => first,
      inspect: (of) => {
        request.push(of);
        return new Promise((resolve) => answers.push(resolve));
      },
    });
    const loading = opened.session.load('/m/model.onnx');
    await expect.poll(() => answers.length).toBe(1);
    const answer = async (): Promise<void> => {
      answers.at(-1)?.(summaryOfThree());
      await opened.session.loaded();
    };
    return { ...opened, loading, answers, answer };
  }

  const shownBy = ({ snapshot }: Extract<ViewEvent, { event: 'snapshot' }>) => [
    snapshot.model.state,
    snapshot.first && snapshot.first.rows.map(({ name, scheme }) => `${name} ${scheme}`),
  ];

  it('shows its first layers while the rest is being read', async () => {
    const { events, answer } = await openLarge();
    await answer();
    expect(events.flatMap((event) => (event.event === 'snapshot' ? [shownBy(event)] : []))).toEqual([
      ['loading', null],
      ['loading', ['conv1 w8a8']],
      ['ready', ['conv1 w8a8', 'pool auto', 'conv2 w8a8', 'lstm float']],
    ]);
  });

  it('keeps an edit of one of them, and hashes its weight afterwards', async () => {
    const { session, events, answer } = await openLarge();
    const format = { scheme: 'float' } as const;
    const names = session.rowsForFormat(['conv1', 'conv2'], format);
    expect(names).toEqual(['conv1']);
    session.apply(schemeEdit(session.plan, names, format, session.hashes), 'forward');
    expect(events).toContainEqual({
      event: 'schemes',
      revision: session.snapshot().revision,
      schemes: [['conv1', 'float']],
    });
    await answer();
    expect(session.snapshot().first?.rows.map(({ scheme }) => scheme)).toEqual([
      'float',
      'auto',
      'w8a8',
      'float',
    ]);
    await expect.poll(() => session.plan.layers['conv1']?.weightHash).toBe(hashes.conv1);
  });

  it('keeps the rows that views have when it is read again, until all of the new ones are known', async () => {
    const { session, answer, answers } = await openLarge();
    await answer();
    void session.load('/m/model.onnx');
    await expect.poll(() => answers.length).toBe(2);
    expect(session.snapshot()).toMatchObject({ model: { state: 'loading' }, first: null });
  });

  it('is read again when a dimension changes meanwhile', async () => {
    const requests: unknown[] = [];
    const { session, answer, answers } = await openLarge(requests);
    session.apply(dimensionEdit(session.plan, 'batch', 4), 'forward');
    await expect.poll(() => answers.length).toBe(2);
    await answer();
    expect(requests.at(-1)).toMatchObject({ dimensions: { batch: 4 } });
    expect(session.snapshot()).toMatchObject({ model: { state: 'ready', rowCount: 4 } });
  });

  it('is not taken for read as soon as a reading ends that another has replaced', async () => {
    const { session, answers, loading } = await openLarge();
    let isLoaded = false;
    const waiting = session.loaded().then(() => (isLoaded = true));
    void session.load('/m/model.onnx');
    await expect.poll(() => answers.length).toBe(2);
    answers[0]?.(summaryOfThree());
    await loading;
    await new Promise((resolve) => setTimeout(resolve));
    expect(isLoaded).toBe(false);
    answers[1]?.(summaryOfThree());
    await waiting;
    expect(session.layers).toHaveLength(3);
  });
});

const hasDimensions = (request: unknown): boolean =>
  (request as { dimensions?: unknown }).dimensions !== undefined;

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

  /** A loaded session of which a dimension was set, and that is told of the new size by `answer`. */
  async function resizing() {
    const answers: ((producer: string) => void)[] = [];
    const opened = await openMeasured({
      inspect: (request) =>
        hasDimensions(request)
          ? new Promise((resolve) => answers.push((producer) => resolve({ ...summaryOfThree(), producer })))
          : summaryOfThree(),
      scan: untilCancelled({ done: 1, total: 2, message: '', candidates: [candidate('conv1', 0.1)] }),
    });
    const { session } = opened;
    session.apply(dimensionEdit(session.plan, 'batch', 4), 'forward');
    await expect.poll(() => answers.length).toBe(1);
    return { ...opened, answer: () => answers[0]?.('resized') };
  }

  it('give the rows another revision for the new size, as a view may have asked for the old ones meanwhile', async () => {
    const { session, answer } = await resizing();
    const { revision } = session.snapshot();
    answer();
    await expect.poll(() => session.summary?.producer).toBe('resized');
    expect(session.snapshot().revision).toBeGreaterThan(revision);
  });

  it('take the new size also when figures are forgotten meanwhile', async () => {
    const { session, answer } = await resizing();
    const { revision } = session.snapshot();
    void session.measurements.scan(undefined, undefined, {}).catch(() => undefined);
    session.setScanSamples(64);
    expect(session.snapshot().revision).toBeGreaterThan(revision);
    answer();
    await expect.poll(() => session.summary?.producer).toBe('resized');
  });

  it('read a model again that could not be read with the size before', async () => {
    const { session } = openSession({
      inspect: (request) => {
        if (hasDimensions(request)) throw new OnnxFileError('The size does not fit.');
        return summaryOfThree();
      },
    });
    await session.load('/m/model.onnx');
    const edit = dimensionEdit(session.plan, 'batch', 4);
    session.apply(edit, 'forward');
    await expect.poll(() => session.snapshot().model.state).toBe('failed');
    session.apply(edit, 'backward');
    await expect.poll(() => session.snapshot().model.state).toBe('ready');
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

describe('the selected layer', () => {
  it('is what a view last told, as long as it is a layer', async () => {
    const { session, events } = openSession({});
    session.selected = 'conv1';
    expect(session.selected).toBeNull();
    await session.load('/m/model.onnx');
    expect(session.selected).toBe('conv1');
    session.selected = 'pool';
    expect(session.selected).toBeNull();
    session.reveal('conv2', true);
    expect(events.at(-1)).toEqual({ event: 'reveal', layer: 'conv2', explain: true });
  });
});

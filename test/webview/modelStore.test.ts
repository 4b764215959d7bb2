import { describe, expect, it } from 'vitest';
import type { RowChunk, ToHost, ToView, ViewSnapshot } from '../../src/shared/viewRpc';
import { Host } from '../../webview/host';
import { ModelStore } from '../../webview/modelStore';
import { INITIAL_VIEW_STATE, restoreViewState } from '../../webview/viewState';
import { viewRow } from '../support/viewRows';

function snapshotOf(
  revision: number,
  state: 'ready' | 'loading' | 'failed' = 'ready',
  first: RowChunk | null = null,
): ViewSnapshot {
  const header = {} as Extract<ViewSnapshot['model'], { state: 'ready' }>['header'];
  return {
    uri: 'file:///model.onnx',
    name: 'model.onnx',
    revision,
    model:
      state === 'ready'
        ? { state, header, rowCount: 2 }
        : state === 'failed'
          ? { state, message: 'It is truncated.' }
          : { state },
    first,
    plan: {
      file: 'p',
      error: null,
      changed: [],
      changedCount: 0,
      missing: [],
      missingCount: 0,
      dimensions: {},
      calibration: null,
      fixedRanges: {},
      recover: [],
      data: null,
    },
    scan: { running: null, measured: null, error: null },
    search: { running: null, found: null, error: null },
    latency: { isRunning: false, generation: 0 },
    prediction: { state: 'none', bytes: null, notes: [], notesCount: 0, error: null },
    lookOnly: null,
  };
}

/** A host that answers by hand. */
function openStore() {
  const sent: ToHost[] = [];
  let receive: (message: ToView) => void = () => undefined;
  const host = new Host({
    post: (message) => sent.push(message as ToHost),
    listen: (listener) => {
      receive = listener;
    },
  });
  const store = new ModelStore(host);
  const reply = async (ok: ViewSnapshot | RowChunk): Promise<void> => {
    const call = sent.shift();
    if (!call) throw new Error('Nothing was asked.');
    receive({ id: call.id, ok });
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { store, sent, reply, event: (event: ToView) => receive(event) };
}

const chunk = (revision: number, names: string[], next: number | null): RowChunk => ({
  revision,
  rows: names.map((name) => viewRow(name)),
  next,
});

/** A model of which all rows have come. */
const ready = (revision: number, names: string[]): ViewSnapshot =>
  snapshotOf(revision, 'ready', chunk(revision, names, null));
/** A model of which one row has come. */
const begun = (revision: number, name: string): ViewSnapshot =>
  snapshotOf(revision, 'ready', chunk(revision, [name], 1));
/** A large model that is still being read. */
const loading = (revision: number, name: string): ViewSnapshot =>
  snapshotOf(revision, 'loading', chunk(revision, [name], null));

describe('ModelStore', () => {
  const shown = ({ content }: ModelStore) => [content.rows.map(({ name }) => name), content.isComplete];

  it('shows a small model in one step, and asks for nothing more', async () => {
    const { store, sent, reply } = openStore();
    const seen: unknown[] = [];
    store.subscribe(() => seen.push([store.content.snapshot?.revision, ...shown(store)]));
    void store.start();
    await reply(ready(1, ['a', 'b']));
    expect(seen).toEqual([[1, ['a', 'b'], true]]);
    expect(sent).toEqual([]);
  });

  it('shows the first rows, pulls the others and shows all of them at once', async () => {
    const { store, sent, reply } = openStore();
    void store.start();
    await reply(begun(1, 'a'));
    expect(shown(store)).toEqual([['a'], false]);
    expect(sent[0]).toMatchObject({ method: 'rows', request: { revision: 1, start: 1 } });
    await reply(chunk(1, ['b'], 2));
    expect(shown(store)).toEqual([['a'], false]);
    await reply(chunk(1, ['c'], null));
    expect(shown(store)).toEqual([['a', 'b', 'c'], true]);
  });

  it('asks for the rows of a revision once, however often it is told of it', async () => {
    const { store, sent, reply, event } = openStore();
    void store.start();
    await reply(begun(1, 'a'));
    event({ event: 'snapshot', snapshot: begun(1, 'a') });
    expect(sent).toHaveLength(1);
    await reply(chunk(1, ['b'], null));
    event({ event: 'snapshot', snapshot: begun(1, 'a') });
    expect(sent).toEqual([]);
    expect(shown(store)).toEqual([['a', 'b'], true]);
  });

  it('keeps the first layers of a large model until all of its rows have come', async () => {
    const { store, sent, reply, event } = openStore();
    void store.start();
    await reply(loading(1, 'layer'));
    expect(shown(store)).toEqual([['layer'], false]);
    expect(sent).toEqual([]);
    event({ event: 'snapshot', snapshot: begun(1, 'a') });
    expect(shown(store)).toEqual([['layer'], false]);
    await reply(chunk(1, ['layer'], null));
    expect(shown(store)).toEqual([['a', 'layer'], true]);
  });

  it('changes rows that came before an edit, while others are still to come', async () => {
    const { store, reply, event } = openStore();
    void store.start();
    await reply(loading(1, 'a'));
    event({ event: 'schemes', revision: 1, schemes: [['a', 'w4']] });
    const schemes = () => store.content.rows.map(({ name, scheme }) => [name, scheme]);
    expect(schemes()).toEqual([['a', 'w4']]);
    event({ event: 'snapshot', snapshot: begun(1, 'a') });
    event({ event: 'schemes', revision: 1, schemes: [['a', 'float']] });
    expect(schemes()).toEqual([['a', 'float']]);
    await reply(chunk(1, ['b'], null));
    expect(schemes()).toEqual([
      ['a', 'float'],
      ['b', 'w8a8'],
    ]);
  });

  it('drops the rows of a revision that was replaced while they came', async () => {
    const { store, sent, reply, event } = openStore();
    void store.start();
    await reply(begun(1, 'old'));
    event({ event: 'snapshot', snapshot: begun(2, 'new') });
    await reply(chunk(1, ['older'], null));
    expect(sent).toHaveLength(1);
    await reply(chunk(2, ['newer'], null));
    expect(shown(store)).toEqual([['new', 'newer'], true]);
  });

  it('keeps the old rows on screen while the model is read again, and none when that fails', async () => {
    const { store, reply, event } = openStore();
    void store.start();
    await reply(ready(1, ['a', 'b']));
    event({ event: 'snapshot', snapshot: snapshotOf(2, 'loading') });
    event({ event: 'snapshot', snapshot: begun(2, 'c') });
    expect(shown(store)).toEqual([['a', 'b'], true]);
    event({ event: 'snapshot', snapshot: snapshotOf(3, 'failed') });
    expect(shown(store)).toEqual([[], true]);
  });

  it('applies schemes and candidates of its own revision only', async () => {
    const { store, reply, event } = openStore();
    void store.start();
    await reply(ready(1, ['a', 'b']));
    event({ event: 'schemes', revision: 1, schemes: [['b', 'float']] });
    event({ event: 'schemes', revision: 0, schemes: [['a', 'float']] });
    const candidate = { layer: 'a', scheme: 'w8a8', sensitivity: 1, localSqnrDb: null, bytes: 0 };
    event({ event: 'candidates', revision: 1, candidates: [candidate] });
    expect(store.content.rows.map((row) => [row.scheme, row.candidate])).toEqual([
      ['w8a8', candidate],
      ['float', null],
    ]);
  });
});

describe('ModelStore, of what the host tells', () => {
  it('follows the search, and hands on each wish to show a layer, also before there are rows', async () => {
    const { store, reply, event } = openStore();
    void store.start();
    event({ event: 'reveal', layer: 'a', explain: true });
    const first = store.content.reveal;
    expect(first).toEqual({ layer: 'a', explain: true });
    await reply(snapshotOf(1));
    const search = { running: { done: 1, total: 4, message: 'Building' }, found: null, error: null };
    event({ event: 'search', search });
    expect(store.content.snapshot?.search).toEqual(search);
    expect(store.content.reveal).toBe(first);
    event({ event: 'reveal', layer: 'a', explain: true });
    expect(store.content.reveal).not.toBe(first);
    event({ event: 'overview' });
    expect(store.content.overview).toBe(1);
  });
});

describe('restoreViewState(stored)', () => {
  it('takes what fits and starts anew with the rest', () => {
    const stored = { filter: 'conv', open: ['group:a'], scrollTop: 'far', bits: 4, unknown: 1 };
    expect(restoreViewState(stored)).toEqual({
      ...INITIAL_VIEW_STATE,
      filter: 'conv',
      open: ['group:a'],
      bits: 4,
    });
    expect(restoreViewState(undefined)).toEqual(INITIAL_VIEW_STATE);
  });
});

import { expect, it } from 'vitest';
import { defaultPlan } from '../../src/core/plan/planFile';
import type { ModelSummary } from '../../src/core/results';
import { schemeEdit } from '../../src/extension/editor/planEdit';
import { inMessageParts, MessageJoiner } from '../../src/shared/messageParts';
import { candidate, openSession, scanResult, withData } from './openSession';
import { layerRow, summaryOfThree } from '../support/viewRows';

const MEGABYTE = 1_000_000;
const ROWS = 100_000;
/** As long as exporters make them. */
const names = Array.from({ length: ROWS }, (_, at) => `/model/layers.${at}/self_attn/q_proj/MatMul`);

function largeModel(): ModelSummary {
  const layers = names.map((name, index) =>
    layerRow(name, { index, path: ['model', `layers.${index}`, 'self_attn', 'q_proj'] }),
  );
  return { ...summaryOfThree(), layers, nodes: [] };
}

function bytesOf(message: unknown): number {
  return Buffer.byteLength(JSON.stringify(message));
}

/** Bytes of the largest part of each message. */
function largest(messages: readonly unknown[]): number {
  const sizes = messages.flatMap((message) => [...inMessageParts(message)].map(bytesOf));
  return sizes.reduce((most, size) => Math.max(most, size), 0);
}

it('tells a view everything about 100,000 rows in messages below 1 MB', async () => {
  const { session, events } = openSession({
    inspect: () => largeModel(),
    scan: () => scanResult(names.map((name) => candidate(name, 0.1))),
    predict: () => ({
      bytes: 1,
      bytesBefore: 2,
      layers: names.map((name) => ({ name, scheme: 'w8a8', bytes: 10 })),
      notes: names.map((name) => `${name} stays float.`),
    }),
    weightHashes: () => ({}),
  });
  await session.load('/m/model.onnx');
  const messages: unknown[] = [{ id: 1, ok: session.snapshot() }];
  const { revision } = session.snapshot();
  let rows = 0;
  for (let start: number | null = 0; start !== null;) {
    const chunk = session.rowsFrom(revision, start);
    messages.push({ id: 2, ok: chunk });
    rows += chunk.rows.length;
    start = chunk.next;
  }
  expect(rows).toBe(ROWS);
  session.setPlan(withData);
  await session.measurements.scan(undefined, ['w8a8'], {});
  session.apply(schemeEdit(session.plan, names, { scheme: 'float' }, new Map()), 'forward');
  // A plan of another model: every entry is one whose node is gone.
  const gone = Object.fromEntries(names.map((name) => [`/old${name}`, { scheme: 'float' as const }]));
  session.setPlan({ ...defaultPlan, layers: gone });
  session.predict();
  await expect.poll(() => session.snapshot().prediction.state).toBe('current');
  messages.push(...events, { id: 3, ok: session.snapshot() });
  const kinds = new Set(events.map(({ event }) => event));
  expect([...kinds].sort()).toEqual(
    expect.arrayContaining(['candidates', 'plan', 'predicted', 'prediction', 'scan', 'schemes', 'snapshot']),
  );
  expect(largest(messages)).toBeLessThan(MEGABYTE);
});

it('tells the host about 100,000 selected rows in messages below 1 MB', () => {
  const call = { id: 7, method: 'setScheme', request: { names, scheme: 'float' } };
  expect(bytesOf(call)).toBeGreaterThan(4 * MEGABYTE);
  expect(largest([call])).toBeLessThan(MEGABYTE);
});

it.each([
  ['plain', 'x'],
  ['of three bytes a character', '重'],
  ['quoted and escaped', '"\\\u0001'],
])('puts a long message together that is %s', (_, character) => {
  const message = { id: 1, ok: character.repeat(900_000) };
  const joiner = new MessageJoiner();
  const parts = [...inMessageParts(message)];
  expect(parts.length).toBeGreaterThan(1);
  expect(largest([message])).toBeLessThan(MEGABYTE);
  const joined = parts.map((part) => joiner.add(part));
  expect(joined.slice(0, -1).every((part) => part === undefined)).toBe(true);
  expect(joined.at(-1)).toEqual(message);
  expect(joiner.add({ id: 2, ok: 'short' })).toEqual({ id: 2, ok: 'short' });
});

it('passes a short message as the object that it is', () => {
  const message = { id: 1, ok: { rows: [] } };
  expect([...inMessageParts(message)][0]).toBe(message);
});

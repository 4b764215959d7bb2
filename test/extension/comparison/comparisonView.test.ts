import { describe, expect, it } from 'vitest';
import type { LayerDifference, SampleOutcome } from '../../../src/core/compareResults';
import type { CompareResult } from '../../../src/core/results';
import { outputView, snapshotOf } from '../../../src/extension/comparison/comparisonView';
import { outputDetails } from '../../support/outputDetails';

const score = (index: number) => ({ class: index, score: 0.123456789012345, probability: 0.123456789012345 });
const best = { a: [1, 2, 3, 4, 5].map(score), b: [6, 7, 8, 9, 0].map(score) };

const outcome = (sample: number, changed: number, sqnrDb: number | null): SampleOutcome => ({
  sample,
  label: 3,
  sqnrDb,
  vectors: 1,
  changed,
  best,
});

const output = (part: Parameters<typeof outputDetails>[0]): CompareResult['outputs'][number] => ({
  name: 'y',
  sqnrDb: 20,
  cosine: 1,
  maxAbs: 1,
  details: outputDetails(part),
});

const result = (outputs: CompareResult['outputs']): CompareResult => ({
  a: '/m/a.onnx',
  b: 'C:\\m\\b.onnx',
  slice: 'verify',
  samples: 2,
  outputs,
  latencyMs: { a: 2, b: 1 },
  peakMemoryBytes: { a: 1, b: 1 },
  bytes: { a: 1, b: 1 },
  deflatedBytes: { a: 1, b: 1 },
  notes: [],
});

describe('outputView(output)', () => {
  it('has samples that change first, then those with the greatest error, without their scores', () => {
    const samples = [
      outcome(0, 0, null),
      outcome(1, 0, 10),
      outcome(2, 1, 30),
      outcome(3, 0, 5),
      outcome(4, 1, 8),
    ];
    const view = outputView(output({ samples }));
    expect(view?.samples.map(({ sample }) => sample)).toEqual([4, 2, 3, 1, 0]);
    expect(view?.samples[0]).toEqual({ sample: 4, label: 3, sqnrDb: 8, vectors: 1, changed: 1, a: 1, b: 6 });
  });

  it('stays below the size of a message for as much as a comparison tells', () => {
    const many = <T>(count: number, make: (at: number) => T): T[] =>
      Array.from({ length: count }, (_, at) => make(at));
    const view = outputView(
      output({
        samples: many(2500, (at) => outcome(at, at % 2, 12.345678901234567)),
        confusion: {
          labelled: 5000,
          kinds: 4000,
          mistakes: many(2000, (at) => ({ label: at, predicted: at + 1, a: 1, b: 1 })),
        },
        points: many(2048, (at) => [Math.sin(at), Math.cos(at)]),
        classNames: Object.fromEntries(
          many(5000, (at) => [String(at), `a class with a name of number ${at}`]),
        ),
      }),
    );
    expect(view?.mistakes).toHaveLength(500);
    expect(view?.mistakeCount).toBe(4000);
    expect(JSON.stringify(view).length).toBeLessThan(800_000);
  });

  it('is nothing for an output that is not numbers', () => {
    expect(outputView({ name: 'y', sqnrDb: null, cosine: null, maxAbs: 0 })).toBeUndefined();
  });
});

describe('snapshotOf(id, comparison)', () => {
  it('names files without folders, says what is random, and leaves details to be asked for', () => {
    const snapshot = snapshotOf('id', {
      result: result([output({})]),
      layers: { reason: 'No layer matches.' },
      data: 'random',
      isPlan: true,
      notes: ['a note'],
    });
    expect(snapshot).toMatchObject({
      id: 'id',
      a: 'a.onnx',
      b: 'b.onnx',
      random: true,
      layers: { reason: 'No layer matches.' },
      outputs: [{ name: 'y', hasDetails: true }],
      notes: ['a note'],
    });
    expect(snapshot.outputs[0]).not.toHaveProperty('details');
  });

  it('has the worst of very many layers', () => {
    const difference = { nmse: 0, cosine: 1, maxAbs: 0 };
    const layers = Array.from({ length: 600 }, (_, at): LayerDifference => ({
      layer: `n${at}`,
      op: 'Conv',
      a: { nodes: [], value: '' },
      b: { nodes: [], value: '' },
      accumulated: { ...difference, sqnrDb: at },
      local: null,
    }));
    const snapshot = snapshotOf('id', {
      result: result([]),
      layers: {
        a: '',
        b: '',
        slice: 'verify',
        samples: 4,
        simulated: true,
        layers,
        unmatched: { a: [], b: [] },
      },
      data: '/d/test.npz',
      isPlan: false,
      notes: [],
    });
    expect(snapshot.layers).toMatchObject({ count: 600, samples: 4 });
    expect('layers' in snapshot.layers && snapshot.layers.layers).toHaveLength(500);
  });
});

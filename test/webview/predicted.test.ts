import { describe, expect, it } from 'vitest';
import type { PredictionView } from '../../src/shared/viewRpc';
import { planSizeText } from '../../webview/header/planSizeText';
import { withPredictions } from '../../webview/modelStore';
import { predictedText, rowLabels } from '../../webview/rowText';
import { totalsOf } from '../../webview/tree/totals';
import { viewRow } from '../support/viewRows';

const view = (part: Partial<PredictionView>): PredictionView => ({
  state: 'current',
  bytes: { before: 1_951_118, after: 506_000 },
  notes: [],
  notesCount: 0,
  error: null,
  ...part,
});

describe('planSizeText(prediction)', () => {
  it('shows a figure as that of the plan only while it is', () => {
    expect(planSizeText(view({}))).toBe('1.95 MB → 506 kB (25.9 %), predicted');
    expect(planSizeText(view({ state: 'running' }))).toBe('1.95 MB → 506 kB, predicting again…');
    expect(planSizeText(view({ state: 'waiting' }))).toBe('1.95 MB → 506 kB before the last edits');
    expect(planSizeText(view({ state: 'running', bytes: null }))).toBe('predicting…');
    expect(planSizeText(view({ state: 'failed', bytes: null, error: 'No.' }))).toBe('cannot be written');
  });
});

describe('predictedText(row)', () => {
  const predicted = { bytes: 300, scheme: 'w8', planned: 'w8,mse' };

  it('tells the size before and after, with the scheme as planned', () => {
    expect(predictedText(viewRow('a', { scheme: 'w8,mse', predicted }))).toBe('1.15 kB → 300 B with w8,mse');
  });

  it('tells nothing for a scheme that it was not foretold for', () => {
    expect(predictedText(viewRow('a', { scheme: 'w4', predicted }))).toBeUndefined();
    expect(predictedText(viewRow('a'))).toBeUndefined();
  });

  it('says when a layer cannot be written as planned', () => {
    const float = { bytes: 1152, scheme: 'float', planned: 'w4' };
    expect(predictedText(viewRow('a', { scheme: 'w4', predicted: float }))).toMatch(/as float, not w4/);
  });
});

describe('rowLabels(row, isCompensated)', () => {
  it('follows scheme and operator, and says nothing of nodes without a weight', () => {
    expect(rowLabels(viewRow('a'), false)).toEqual(['needs data']);
    expect(rowLabels(viewRow('a', { op: 'ConvTranspose' }), false)).toEqual(['needs data', 'no speed-up']);
    expect(rowLabels(viewRow('a', { scheme: 'pow2-5' }), false)).toEqual([
      'no speed-up',
      'needs compensation',
    ]);
    expect(rowLabels(viewRow('pool', { scheme: 'auto', isLayer: false }), false)).toEqual([]);
  });

  it('says when the plan makes up for what a scheme loses', () => {
    expect(rowLabels(viewRow('a', { scheme: 'pow2-5' }), true)).toEqual(['no speed-up', 'compensated']);
    expect(rowLabels(viewRow('a'), true)).toEqual(['needs data']);
  });
});

describe('totals of predicted bytes', () => {
  const row = (name: string, bytes: number | null, part = {}) =>
    viewRow(name, {
      predicted: bytes === null ? null : { bytes, scheme: 'w8a8', planned: 'w8a8' },
      ...part,
    });

  it('are a sum only when every layer has a figure for its present scheme, and no weight is shared', () => {
    expect(totalsOf([row('a', 100), row('b', 50)]).predicted).toBe(150);
    expect(totalsOf([row('a', 100), row('b', null)]).predicted).toBeNull();
    expect(totalsOf([row('a', 100), row('b', 50, { scheme: 'w4' })]).predicted).toBeNull();
    expect(
      totalsOf([row('a', 100), row('b', 50, { shared: { parameters: 1, bytes: 4 } })]).predicted,
    ).toBeNull();
  });
});

describe('withPredictions(rows, predictions)', () => {
  it('sets, takes away, and leaves what is not named', () => {
    const predicted = { bytes: 1, scheme: 'w8a8', planned: 'w8a8' };
    const rows = [viewRow('a', { predicted }), viewRow('b'), viewRow('c', { predicted })];
    const next = withPredictions(rows, [
      ['a', null],
      ['b', predicted],
    ]);
    expect(next.map((row) => row.predicted)).toEqual([null, predicted, predicted]);
    expect(next[2]).toBe(rows[2]);
  });
});

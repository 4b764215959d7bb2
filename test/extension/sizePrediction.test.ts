import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/core/errors';
import type { PredictResult } from '../../src/core/results';
import { SizePrediction, SLOW_MS } from '../../src/extension/editor/sizePrediction';
import type { PredictedRow, PredictionView } from '../../src/shared/viewRpc';

function resultOf(bytes: number, notes: string[] = []): PredictResult {
  const format = { bits: 8, signed: true, granularity: 'per-channel', bytesBefore: 400 } as const;
  return { bytes, bytesBefore: 4000, layers: [{ name: 'conv1', scheme: 'w8', bytes, ...format }], notes };
}

/** A prediction whose calls are answered by hand, on a clock that only the test moves. */
function openPrediction() {
  const answers: { resolve(result: PredictResult): void; reject(error: Error): void }[] = [];
  const changes: [string, PredictedRow | null][][] = [];
  const states: PredictionView['state'][] = [];
  let scheme = 'w8';
  let isLarge = false;
  let now = 0;
  const prediction = new SizePrediction(
    {
      ask: () => new Promise((resolve, reject) => answers.push({ resolve, reject })),
      isLarge: () => isLarge,
      schemes: () => new Map([['conv1', scheme]]),
      publish: (view, changed) => {
        states.push(view.state);
        if (changed.length > 0) changes.push([...changed]);
      },
    },
    () => now,
  );
  return {
    prediction,
    answers,
    changes,
    states,
    becomesLarge: () => {
      isLarge = true;
    },
    edit: (next: string) => {
      scheme = next;
      prediction.update();
    },
    answer: async (result: PredictResult | Error, milliseconds = 10) => {
      now += milliseconds;
      const call = answers.shift();
      if (!call) throw new Error('Nothing was asked.');
      if (result instanceof Error) call.reject(result);
      else call.resolve(result);
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const quiet = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1000);

describe('SizePrediction', () => {
  it('asks once for several edits in a row, and tells the bytes of file and layers', async () => {
    const { prediction, answers, changes, edit, answer } = openPrediction();
    edit('w4');
    edit('w8');
    edit('w8,mse');
    expect(answers).toHaveLength(0);
    expect(prediction.view).toMatchObject({ state: 'running', bytes: null });
    await quiet();
    expect(answers).toHaveLength(1);
    await answer(resultOf(100, ['conv9 stays float.']));
    expect(prediction.view).toEqual({
      state: 'current',
      bytes: { before: 4000, after: 100 },
      notes: ['conv9 stays float.'],
      notesCount: 1,
      error: null,
    });
    expect(changes).toEqual([[['conv1', { bytes: 100, scheme: 'w8', planned: 'w8,mse' }]]]);
  });

  it('drops what an edit has overtaken, and asks again only when the engine is free', async () => {
    const { prediction, answers, changes, edit, answer } = openPrediction();
    edit('w8');
    await quiet();
    edit('w4');
    await quiet();
    edit('u4');
    await quiet();
    expect(answers).toHaveLength(1);
    await answer(resultOf(100));
    expect(prediction.view).toMatchObject({ state: 'running', bytes: null });
    await quiet();
    expect(answers).toHaveLength(1);
    await answer(resultOf(50));
    expect(prediction.view).toMatchObject({ state: 'current', bytes: { after: 50 } });
    expect(changes.flat().map(([, row]) => row)).toEqual([{ bytes: 50, scheme: 'w8', planned: 'u4' }]);
    await quiet();
    expect(answers).toHaveLength(0);
  });

  it('waits for the user where the last one was slow, and goes on by itself once one was quick', async () => {
    const { prediction, answers, edit, answer } = openPrediction();
    edit('w8');
    await quiet();
    await answer(resultOf(100), SLOW_MS + 1);
    expect(prediction.view.state).toBe('current');
    edit('w4');
    await quiet();
    expect(answers).toHaveLength(0);
    expect(prediction.view).toMatchObject({ state: 'waiting', bytes: { after: 100 } });
    prediction.runNow();
    await answer(resultOf(50), 10);
    expect(prediction.view).toMatchObject({ state: 'current', bytes: { after: 50 } });
    edit('w8');
    await quiet();
    expect(answers).toHaveLength(1);
  });

  it('waits also when a slow one was overtaken', async () => {
    const { prediction, answers, edit, answer } = openPrediction();
    edit('w8');
    await quiet();
    edit('w4');
    await quiet();
    await answer(resultOf(100), SLOW_MS + 1);
    await quiet();
    expect(answers).toHaveLength(0);
    expect(prediction.view.state).toBe('waiting');
  });

  it('says why a plan cannot be written, and takes the figures of the layers away', async () => {
    const { prediction, changes, edit, answer } = openPrediction();
    edit('w8');
    await quiet();
    await answer(resultOf(100));
    edit('w4');
    await quiet();
    await answer(new InputError('Resize cannot be raised to opset 21.'));
    expect(prediction.view).toMatchObject({
      state: 'failed',
      bytes: null,
      error: 'Resize cannot be raised to opset 21.',
    });
    expect(changes.at(-1)).toEqual([['conv1', null]]);
    edit('w8');
    await quiet();
    await answer(resultOf(100));
    expect(prediction.view).toMatchObject({ state: 'current', error: null });
  });

  it('forgets everything when the model is read anew, also what is still to come', async () => {
    const { prediction, answers, changes, edit, answer } = openPrediction();
    edit('w8');
    await quiet();
    await answer(resultOf(100));
    edit('w4');
    await quiet();
    prediction.reset();
    expect(prediction.view).toMatchObject({ state: 'none', bytes: null });
    expect(changes.at(-1)).toEqual([['conv1', null]]);
    await answer(resultOf(50));
    await quiet();
    expect(prediction.view.state).toBe('none');
    expect(prediction.rows.size).toBe(0);
    expect(answers).toHaveLength(0);
  });

  it('waits from the start where a model is large, until the user asks', async () => {
    const { prediction, answers, becomesLarge, edit } = openPrediction();
    becomesLarge();
    edit('w8');
    await quiet();
    expect(answers).toHaveLength(0);
    expect(prediction.view.state).toBe('waiting');
    prediction.runNow();
    expect(answers).toHaveLength(1);
  });

  it('asks for nothing after its document was closed', async () => {
    const { prediction, answers, edit } = openPrediction();
    edit('w8');
    prediction.dispose();
    await quiet();
    expect(answers).toHaveLength(0);
  });

  it('sends only rows whose figure changed, and a bounded number of notes', async () => {
    const { prediction, changes, edit, answer } = openPrediction();
    edit('w8');
    await quiet();
    await answer(resultOf(100));
    edit('w8');
    await quiet();
    await answer(
      resultOf(
        100,
        Array.from({ length: 300 }, (_, index) => `note ${index}`),
      ),
    );
    expect(changes).toHaveLength(1);
    expect(prediction.view.notes).toHaveLength(100);
    expect(prediction.view.notesCount).toBe(300);
  });
});

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CancelledError, InputError } from '../../src/core/errors';
import { defaultPlan } from '../../src/core/plan/planFile';
import { measureComparison } from '../../src/extension/commands/measureComparison';
import type { CallOptions, SessionEngine } from '../../src/extension/sessionEngine';

interface Call {
  method: string;
  request: { a?: string; b?: string; output?: string; calibration?: unknown };
}

/** An engine that tells what it was asked, gives half its progress, and answers with what a test says. */
function engineOf(answer: (call: Call) => unknown): { engine: SessionEngine; calls: Call[] } {
  const calls: Call[] = [];
  const call = async (method: string, request: Call['request'], options?: CallOptions): Promise<unknown> => {
    const made = { method, request };
    calls.push(made);
    options?.onProgress?.({ done: 1, total: 2, message: method });
    return answer(made);
  };
  return { engine: { call: call as SessionEngine['call'] }, calls };
}

const calibration = { data: '/d/test.npz', samples: 8, seed: 1 };
const file = '/m/model.onnx';

describe('measureComparison', () => {
  it('compares two files as a whole and by layer, with one progress', async () => {
    const { engine, calls } = engineOf(({ method }) => ({ method, notes: ['of the data'] }));
    const shown: number[] = [];
    const found = await measureComparison(
      engine,
      { file, calibration, other: { file: '/m/b.onnx' } },
      { onProgress: ({ done, total }) => shown.push(done / total) },
    );
    expect(calls.map(({ method }) => method)).toEqual(['compare', 'compareLayers']);
    for (const { request } of calls) expect(request).toMatchObject({ a: file, b: '/m/b.onnx', calibration });
    expect(found).toEqual({
      result: { method: 'compare', notes: ['of the data'] },
      layers: { method: 'compareLayers', notes: ['of the data'] },
      data: '/d/test.npz',
      isPlan: false,
      notes: ['of the data'],
    });
    expect(shown).toEqual([0.25, 0.75]);
  });

  it('writes what a plan makes for the comparison only', async () => {
    const { engine, calls } = engineOf(({ method, request: { output, b } }) => {
      expect(existsSync(dirname(output ?? b ?? ''))).toBe(true);
      return { notes: method === 'quantize' ? ['of the plan', 'of the data'] : ['of the data', 'of names'] };
    });
    const other = { plan: defaultPlan, name: 'model.w8a8.onnx' };
    const found = await measureComparison(engine, { file, calibration, other }, {});
    expect(calls.map(({ method }) => method)).toEqual(['quantize', 'compare', 'compareLayers']);
    expect(calls[1]?.request.b).toBe(calls[0]?.request.output);
    expect(found).toMatchObject({ isPlan: true, notes: ['of the plan', 'of the data', 'of names'] });
    expect(existsSync(dirname(calls[0]?.request.output ?? ''))).toBe(false);
  });

  it('takes outputs for what the plan says they are', async () => {
    const outputs = { y: { kind: 'values' } } as const;
    for (const other of [{ file: '/m/b.onnx' }, { plan: defaultPlan, name: 'b.onnx' }]) {
      const { engine, calls } = engineOf(() => ({ notes: [] }));
      await measureComparison(engine, { file, calibration, outputs, other }, {});
      expect(calls.find(({ method }) => method === 'compare')?.request).toMatchObject({ outputs });
    }
  });

  it('keeps the rest when layers cannot be compared, but not when it is cancelled', async () => {
    const failing = (error: Error) =>
      engineOf(({ method }) => {
        if (method === 'compareLayers') throw error;
        return {};
      }).engine;
    const request = { file, calibration, other: { file: '/m/b.onnx' } };
    const found = await measureComparison(failing(new InputError('No layer matches.')), request, {});
    expect(found.layers).toEqual({ reason: 'No layer matches.' });
    await expect(measureComparison(failing(new CancelledError()), request, {})).rejects.toThrow(
      CancelledError,
    );
  });
});

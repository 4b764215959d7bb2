import { describe, expect, it } from 'vitest';
import { CancelledError, InputError } from '../../src/core/errors';
import type { LayerLatencies } from '../../src/core/latencyResults';
import { defaultPlan } from '../../src/core/plan/planFile';
import { LatencyFigures } from '../../src/extension/editor/latencyFigures';
import type { CallOptions, SessionEngine } from '../../src/extension/sessionEngine';
import type { LatencyView } from '../../src/shared/viewRpc';

const latencies: LayerLatencies = {
  modelMs: 2,
  layers: { conv: { floatMs: 0.5, extraMs: { w8a8: -0.2 } } },
};
const request = { file: 'm.onnx', plan: defaultPlan, calibration: { data: 'random' } };

function figures() {
  const shown: LatencyView[] = [];
  const calls: { resolve: (found: LayerLatencies) => void; options: CallOptions | undefined }[] = [];
  let revision = 1;
  const engine: SessionEngine = {
    call: (_method: unknown, _request: unknown, options?: CallOptions) =>
      new Promise<never>((resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new CancelledError()));
        calls.push({ resolve: resolve as unknown as (found: LayerLatencies) => void, options });
      }),
  };
  const made = new LatencyFigures({
    engine,
    revision: () => revision,
    showLatency: (view) => shown.push(view),
  });
  return { made, shown, calls, reload: () => revision++ };
}

describe('LatencyFigures', () => {
  it('tells the views when times are there, and what they were measured with', async () => {
    const { made, shown, calls } = figures();
    expect(made.of('conv')).toBeNull();
    const running = made.measure(request, {});
    expect(made.view).toEqual({ isRunning: true, generation: 0 });
    await expect(made.measure(request, {})).rejects.toThrow(InputError);
    calls[0]?.resolve(latencies);
    await running;
    expect(shown.at(-1)).toEqual({ isRunning: false, generation: 1 });
    expect(made.of('conv')).toEqual({ modelMs: 2, floatMs: 0.5, extraMs: { w8a8: -0.2 }, random: true });
    expect(made.of('toString')).toBeNull();
  });

  it('drops times of a model that has changed since, and keeps the old ones when it is cancelled', async () => {
    const { made, calls, reload } = figures();
    made.take(latencies, false);
    const cancelled = made.measure(request, {});
    made.cancel();
    await expect(cancelled).rejects.toThrow(CancelledError);
    expect(made.of('conv')).not.toBeNull();
    made.forget();
    expect(made.of('conv')).toBeNull();
    const late = made.measure(request, {});
    reload();
    calls[1]?.resolve(latencies);
    await late;
    expect(made.of('conv')).toBeNull();
    expect(made.isIdle).toBe(true);
  });
});

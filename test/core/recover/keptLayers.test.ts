import { expect, it } from 'vitest';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import type { ResultCache } from '../../../src/core/ports';
import { KeptLayers } from '../../../src/core/recover/keptLayers';
import { layerTasks, type LayerTask } from '../../../src/core/recover/layerTask';
import { residualBlock } from '../rewrite/models';

const plan: Plan = { ...defaultPlan, defaultScheme: 'w4', recover: { steps: ['gptq'] } };

const float = residualBlock();

function memory(): ResultCache {
  const entries = new Map<string, string>();
  return {
    model: 'm',
    identify: ({ index }) => `${index}`,
    get: async (key) => JSON.parse(entries.get(key) ?? 'null') as unknown,
    put: async (key, value) => void entries.set(key, JSON.stringify(value)),
  };
}

function firstTask(): LayerTask {
  const [task] = layerTasks(float, plan, new Map()).tasks;
  if (!task) throw new Error('no task');
  return task;
}

it.each([
  ['of 4 bits', [-8, 7, 0, -1, 3]],
  ['of 8 bits', [-128, 127, 0, 63, 64]],
  ['of 16 bits', [-32768, 32767, 0, 4095, 4096]],
  ['all alike', [5, 5, 5]],
])('keeps codes %s, factors and biases to the last bit', async (_what, codes) => {
  const store = memory();
  const done = {
    choice: {
      rule: 'signed' as const,
      gain: false,
      codes: {
        codes: Int16Array.from(codes),
        factors: Float32Array.of(1.1, 0.9999999),
        rounding: 'gptq' as const,
      },
    },
    delta: Float32Array.of(1e-30, -0.1),
    layer: { name: 'stem', rule: 'gptq' as const, beforeDb: 1, afterDb: null, tried: [] },
  };
  const task = firstTask();
  const writer = new KeptLayers(store, 'r', plan, [], float, []);
  expect(await writer.next(task)).toBeUndefined();
  await writer.keep(done);
  expect(await new KeptLayers(store, 'r', plan, [], float, []).next(task)).toEqual(done);
  expect(await new KeptLayers(store, 'other runtime', plan, [], float, []).next(task)).toBeUndefined();
  expect(await new KeptLayers(store, 'r', plan, [], float, [['stem', 'left']]).next(task)).toBeUndefined();
});

it('keeps apart layers whose tables data chose otherwise', async () => {
  const store = memory();
  const taskOf = (energy: number): LayerTask => {
    const task = firstTask();
    return { ...task, choice: { importance: () => Float32Array.of(1, energy) } };
  };
  const done = {
    choice: {},
    layer: { name: 'stem', rule: 'nearest' as const, beforeDb: null, afterDb: null, tried: [] },
  };
  const kept = new KeptLayers(store, 'r', plan, [], float, []);
  await kept.next(taskOf(0.5));
  await kept.keep(done);
  expect(await new KeptLayers(store, 'r', plan, [], float, []).next(taskOf(0.5))).toEqual(done);
  expect(await new KeptLayers(store, 'r', plan, [], float, []).next(taskOf(0.25))).toBeUndefined();
});

it('knows nothing of what it cannot read', async () => {
  const task = firstTask();
  const broken: ResultCache = { ...memory(), get: async () => ({ codes: 'what?' }) };
  expect(await new KeptLayers(broken, 'r', plan, [], float, []).next(task)).toBeUndefined();
});

/** What a scan holds does not grow with the depth of the model. */
import { describe, expect, it } from 'vitest';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Runtime } from '../../../src/core/ports';
import { scan } from '../../../src/core/scan/scan';
import { manyLayers } from '../../support/manyLayers';
import { uniform } from '../../support/random';
import { runtime } from '../../support/runtime';
import { floats, sliceOf } from '../../support/slices';

/** Counts the sessions that are open. */
function counting(): { readonly runtime: Runtime; readonly open: () => number; readonly most: () => number } {
  let [open, most] = [0, 0];
  return {
    open: () => open,
    most: () => most,
    runtime: {
      version: runtime.version,
      async openModel(model, options) {
        const session = await runtime.openModel(model, options);
        most = Math.max(most, ++open);
        return {
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          run: (feeds, fetches) => session.run(feeds, fetches),
          release: async () => {
            open--;
            await session.release();
          },
        };
      },
    },
  };
}

const random = uniform(9);
const samples = Array.from({ length: 4 }, (_, index) => ({
  index,
  feeds: {
    x: floats(
      Array.from({ length: 8 }, () => 2 * random() - 1),
      [1, 8],
    ),
  },
}));
const slices = {
  calibrate: sliceOf('calibrate', samples.slice(0, 2)),
  scan: sliceOf('scan', samples.slice(2)),
};

async function mostSessions(layers: number): Promise<number> {
  const counted = counting();
  const plan = { ...defaultPlan, activationRange: 'max' as const };
  const { candidates } = await scan(counted.runtime, manyLayers(layers), plan, slices, {
    outputs: [{ name: 'y', kind: 'values' }],
    schemes: ['w8a8', 'w4'],
  });
  expect(candidates).toHaveLength(2 * layers);
  expect(candidates.filter(({ error }) => error !== undefined)).toEqual([]);
  expect(counted.open()).toBe(0);
  return counted.most();
}

describe('a scan of many layers', () => {
  it('has as few sessions open as one of some layers', { timeout: 240_000 }, async () => {
    const few = await mostSessions(12);
    const many = await mostSessions(48);
    expect(many).toBeLessThanOrEqual(few + 2);
  });
});

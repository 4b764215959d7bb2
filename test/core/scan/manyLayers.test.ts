/** What a scan holds does not grow with the depth of the model. */
import { describe, expect, it } from 'vitest';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Runtime } from '../../../src/core/ports';
import { scan } from '../../../src/core/scan/scan';
import { manyLayers } from '../../support/manyLayers';
import { uniform } from '../../support/random';
import { runtime } from '../../support/runtime';
import { floats, sliceOf } from '../../support/slices';

/** Counts what is open at once. */
interface Counted {
  readonly runtime: Runtime;
  readonly most: { sessions: number; nodes: number };
  readonly open: { sessions: number; nodes: number };
}

function counting(): Counted {
  const [open, most] = [
    { sessions: 0, nodes: 0 },
    { sessions: 0, nodes: 0 },
  ];
  return {
    open,
    most,
    runtime: {
      version: runtime.version,
      async openModel(model, options) {
        const session = await runtime.openModel(model, options);
        const nodes = model.graph?.node.length ?? 0;
        most.sessions = Math.max(most.sessions, ++open.sessions);
        most.nodes = Math.max(most.nodes, (open.nodes += nodes));
        return {
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          run: (feeds, fetches) => session.run(feeds, fetches),
          release: async () => {
            open.sessions--;
            open.nodes -= nodes;
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

async function mostOpen(layers: number): Promise<Counted['most']> {
  const counted = counting();
  const plan = { ...defaultPlan, activationRange: 'max' as const };
  const { candidates } = await scan(counted.runtime, manyLayers(layers), plan, slices, {
    outputs: [{ name: 'y', kind: 'values' }],
    schemes: ['w8a8', 'w4'],
  });
  expect(candidates).toHaveLength(2 * layers);
  expect(candidates.filter(({ error }) => error !== undefined)).toEqual([]);
  expect(counted.open).toEqual({ sessions: 0, nodes: 0 });
  return counted.most;
}

describe('a scan of many layers', () => {
  it('has the float model open about once, in few sessions', { timeout: 240_000 }, async () => {
    const few = await mostOpen(12);
    const many = await mostOpen(48);
    // Segments grow with their number.
    expect(many.sessions).toBeLessThanOrEqual(2 * few.sessions);
    const nodes = manyLayers(48).graph?.node.length ?? 0;
    expect(many.nodes).toBeLessThan(1.5 * nodes);
  });
});

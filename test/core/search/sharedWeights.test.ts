import { describe, expect, it } from 'vitest';
import type { LayerFormats } from '../../../src/core/plan/layerFormats';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { formatsOf, totalsOf } from '../../../src/core/search/searchLayer';
import { SearchRun } from '../../../src/core/search/searchRun';
import { allPicks, fileBytes, searched, shared, tied } from './sharing';

const exact = {
  slice: 'verify',
  samples: 1,
  standardError: null,
  sqnrDb: 1,
  agreement: 1,
  accuracy: null,
} as const;

describe('SearchRun, where layers share a weight', () => {
  it.each([
    ['matrices', shared, ['w8', 'w4']],
    ['a table and a product', tied, ['w8', 'w4,block:32']],
  ])('finds the best plan within every budget that a file meets: %s', async (_, build, schemes) => {
    const source = build();
    const errorOf = (layer: number, format: number): number => (1 + ((3 * layer) % 5)) * 10 ** (format - 4);
    const { costs, layers } = await searched(source, schemes, { errorOf });
    const plans: { layers: LayerFormats; error: number; bytes: number }[] = [];
    for (const picks of allPicks(layers)) {
      const layersOf = formatsOf(layers, picks);
      plans.push({
        layers: layersOf,
        error: totalsOf(layers, picks).error,
        bytes: await fileBytes(source, layersOf),
      });
    }
    const planOf = (formats: LayerFormats) => {
      const found = plans.find(({ layers: each }) => JSON.stringify(each) === JSON.stringify(formats));
      if (!found) throw new Error('no such plan');
      return found;
    };
    const sizes = [...new Set(plans.map(({ bytes }) => bytes))].sort((a, b) => a - b);
    for (const budget of sizes.filter((_, at) => at % 4 === 0)) {
      const run = new SearchRun(
        {
          model: source,
          plan: defaultPlan,
          goal: { kind: 'budget', cost: 'bytes', most: budget },
          budget,
          costs,
          weightErrors: new Map(),
          trials: { measure: async (formats) => planOf(formats).error },
          verifier: {
            verify: async (formats) => {
              const { bytes, error } = planOf(formats);
              return { ...exact, bytes, error };
            },
          },
          onPoints: () => undefined,
          work: {},
        },
        layers,
      );
      await run.settle();
      await run.verify();
      const best = Math.min(...plans.filter(({ bytes }) => bytes <= budget).map(({ error }) => error));
      expect({ budget, met: run.met, error: run.chosen.verified?.error }).toEqual({
        budget,
        met: true,
        error: best,
      });
      for (const point of run.told()) {
        expect(Math.abs(point.bytes - planOf(point.layers).bytes)).toBeLessThan(2000);
      }
      await run.measureCurve(schemes[0] ?? '');
      for (const { layers: floats, bytes } of run.curve?.points ?? []) {
        const formats = Object.fromEntries(
          layers.map(({ name }) => [name, floats.includes(name) ? 'float' : (schemes[0] ?? '')]),
        );
        expect(bytes).toBe(planOf(formats).bytes);
      }
    }
  });
});

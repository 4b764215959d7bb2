import { describe, expect, it } from 'vitest';
import { CancelledError, RoundoffError } from '../../../src/core/errors';
import { residualBlock } from '../rewrite/models';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { SearchGoal, SearchPoint, VerifiedPlan } from '../../../src/core/searchResults';
import { bestOf, budgetOf, meets, searchMetric } from '../../../src/core/search/goals';
import type { LayerFormats } from '../../../src/core/plan/layerFormats';
import type { SearchLayer } from '../../../src/core/search/searchLayer';
import { SearchRun, type SearchContext } from '../../../src/core/search/searchRun';

/** Only budgets of bytes look at it. */
const anyModel = residualBlock();
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Layer n costs 10^-n alone in 4 bits, and a hundredth of it in 8 bits. */
const layers: SearchLayer[] = names.map((name, at) => ({
  name,
  options: [
    { text: 'float', bytes: 0, bops: 1024, error: 0 },
    { text: 'w8', bytes: -75, bops: 256, error: 10 ** -(at + 3) },
    { text: 'w4', bytes: -87, bops: 128, error: 10 ** -(at + 1) },
  ],
}));

const alone = (formats: LayerFormats, layer: string): number =>
  layers.find(({ name }) => name === layer)?.options.find(({ text }) => text === formats[layer])?.error ??
  NaN;

type ErrorOf = (formats: LayerFormats) => number;

const additive: ErrorOf = (formats) => names.reduce((sum, name) => sum + alone(formats, name), 0);

function verifiedAs(error: number): VerifiedPlan {
  const accuracy = { float: 0.9, plan: 0.9 - error };
  const sqnrDb = error === 0 ? null : -10 * Math.log10(error);
  return { slice: 'verify', samples: 10, error, standardError: 0, sqnrDb, agreement: 1 - error, accuracy };
}

function runFor(goal: SearchGoal, errorOf: ErrorOf, parts: Partial<SearchContext> = {}) {
  const built: LayerFormats[] = [];
  const points: SearchPoint[] = [];
  const context: SearchContext = {
    model: anyModel,
    plan: defaultPlan,
    goal,
    budget: goal.kind === 'budget' ? goal.most : Infinity,
    costs: { of: () => undefined, floatBytes: 1000, otherBops: 0, floatBops: 6144 },
    weightErrors: new Map(names.map((name, at) => [name, at])),
    trials: { measure: async (formats) => errorOf(formats) },
    verifier: {
      verify: async (formats) => {
        built.push(formats);
        return { bytes: 900, ...verifiedAs(errorOf(formats)) };
      },
    },
    onPoints: (each) => points.push(...each),
    work: {},
    ...parts,
  };
  return { run: new SearchRun(context, layers), built, points };
}

describe('SearchRun', () => {
  it('finds the best plan, in at most eight files, when errors add up', async () => {
    const { run, built } = runFor({ kind: 'budget', cost: 'floatLayers', most: 0 }, additive);
    await run.settle();
    await run.verify();
    expect(run.met).toBe(true);
    expect(run.rounds).toBe(0);
    expect(run.chosen.layers).toEqual(Object.fromEntries(names.map((name) => [name, 'w8'])));
    expect(built.length).toBeLessThanOrEqual(8);
  });

  it('measures again around a plan whose layers act on each other, and ends with a better one', async () => {
    // In 4 bits, e and f together are as bad as a alone: the sums know nothing of it.
    const together: ErrorOf = (formats) =>
      additive(formats) + (formats['e'] === 'w4' && formats['f'] === 'w4' ? 0.1 : 0);
    const goal = { kind: 'budget', cost: 'bops', most: 4 * 256 + 2 * 128 } as const;
    const { run } = runFor(goal, together);
    await run.settle();
    await run.verify();
    expect(run.rounds).toBeGreaterThan(0);
    const { verified, layers: chosen, bops } = run.chosen;
    expect(bops).toBeLessThanOrEqual(goal.most);
    expect(chosen['e'] === 'w4' && chosen['f'] === 'w4').toBe(false);
    const best = allFormats().flatMap(({ formats, bops: all }) =>
      all <= goal.most ? [together(formats)] : [],
    );
    expect(verified?.error).toBeCloseTo(Math.min(...best), 12);
  });

  it.each([
    ['kl', 2e-3],
    ['accuracyDrop', 2e-3],
    ['agreement', 0.998],
    ['sqnr', 27],
  ] as const)(
    'takes the least cost within a limit of %s, though predictions are off',
    async (error, limit) => {
      const worse: ErrorOf = (formats) => 3 * additive(formats);
      const { run, built } = runFor({ kind: 'cap', error, limit, cost: 'bops' }, worse);
      await run.settle();
      await run.verify();
      expect(run.met).toBe(true);
      expect(run.chosen.verified?.error).toBeLessThanOrEqual(2e-3 + 1e-12);
      // By brute force: the cheapest of all choices whose true error is within the limit.
      const cheapest = Math.min(
        ...allFormats().flatMap(({ formats, bops }) => (worse(formats) <= 2e-3 ? [bops] : [])),
      );
      expect(run.chosen.bops).toBe(cheapest);
      expect(built.length).toBeLessThanOrEqual(8);
    },
  );

  it('gives the closest plan when nothing meets the goal', async () => {
    const { run } = runFor({ kind: 'budget', cost: 'bops', most: 100 }, additive);
    await run.settle();
    await run.verify();
    expect(run.met).toBe(false);
    expect(run.chosen.bops).toBe(6 * 128);
  });

  it('passes over plans that do not run, and says so', async () => {
    const { run } = runFor({ kind: 'budget', cost: 'bops', most: 2000 }, additive, {
      verifier: {
        verify: async (formats) => {
          if (formats['a'] === 'w8') throw new RoundoffError('Not finite.');
          return { bytes: 900, ...verifiedAs(additive(formats)) };
        },
      },
    });
    await run.settle();
    await run.verify();
    expect(run.chosen.verified).not.toBeNull();
    expect(run.chosen.layers['a']).not.toBe('w8');
    expect(run.notes[0]).toMatch(/left out. Not finite/);
  });

  it('keeps the best plan until then when it is cancelled', async () => {
    let count = 0;
    const { run } = runFor({ kind: 'budget', cost: 'bops', most: 2000 }, additive, {
      verifier: {
        verify: async (formats) => {
          if (++count > 2) throw new CancelledError();
          return { bytes: 900, ...verifiedAs(additive(formats)) };
        },
      },
    });
    await run.settle();
    await expect(run.verify()).rejects.toThrow(CancelledError);
    expect(run.met).toBe(true);
    expect(run.chosen.verified?.error).toBeLessThan(0.1);
    expect(run.told().filter(({ verified }) => verified)).toHaveLength(2);
  });

  it('tells the front first, then what was run', async () => {
    const { run, points, built } = runFor({ kind: 'budget', cost: 'bops', most: 2000 }, additive);
    await run.foretell();
    await run.settle();
    expect(points.every(({ verified }) => verified === null)).toBe(true);
    const before = points.length;
    expect(before).toBeGreaterThan(5);
    await run.verify();
    expect(points.slice(before).map(({ layers: formats }) => formats)).toEqual(built);
  });
});

describe('goals', () => {
  const point = (bytes: number, error: number): SearchPoint => ({
    bytes,
    bops: null,
    latencyMs: null,
    floatLayers: 0,
    predicted: error,
    verified: verifiedAs(error),
    layers: {},
  });

  it('takes shares of the float model, and refuses what is unknown', () => {
    const float = { bytes: 1000, bops: null, latencyMs: null, layers: 5 };
    const budget = { kind: 'budget', cost: 'bytes', most: 0.4, ratio: true } as const;
    expect(budgetOf(budget, float)).toBe(400);
    expect(budgetOf({ ...budget, cost: 'floatLayers' }, float)).toBe(2);
    expect(() => budgetOf({ ...budget, cost: 'bops' }, float)).toThrow(/--dim/);
    expect(() => budgetOf({ ...budget, most: -1 }, float)).toThrow(/must be a number/);
  });

  it('refuses limits of classes for models without any', () => {
    const goal = { kind: 'cap', error: 'kl', limit: 1, cost: 'bytes' } as const;
    expect(() => searchMetric(goal, [{ name: 'y', kind: 'values' }])).toThrow(/--min-sqnr/);
    expect(searchMetric({ ...goal, error: 'sqnr' }, [{ name: 'y', kind: 'logits', classAxis: 1 }])).toBe(
      'nmse',
    );
  });

  it('chooses by error within a budget, by cost within a limit', () => {
    const points = [point(100, 0.01), point(200, 0.001), point(300, 0.0001)];
    const budget = { kind: 'budget', cost: 'bytes', most: 250 } as const;
    expect(bestOf(points, budget, 250)?.bytes).toBe(200);
    expect(bestOf(points, budget, 50)?.bytes).toBe(100);
    const cap = { kind: 'cap', error: 'kl', limit: 0.005, cost: 'bytes' } as const;
    expect(bestOf(points, cap, Infinity)?.bytes).toBe(200);
    expect(bestOf(points, { ...cap, limit: 1e-9 }, Infinity)?.bytes).toBe(300);
    expect(meets({ ...point(1, 0), verified: null }, budget, 250)).toBe(false);
  });
});

function allFormats(): { formats: LayerFormats; bops: number }[] {
  return layers.reduce<{ formats: LayerFormats; bops: number }[]>(
    (before, { name, options }) =>
      before.flatMap(({ formats, bops }) =>
        options.map((option) => ({
          formats: { ...formats, [name]: option.text },
          bops: bops + (option.bops ?? NaN),
        })),
      ),
    [{ formats: {}, bops: 0 }],
  );
}

import { describe, expect, it } from 'vitest';
import { greedyWithin } from '../../../src/core/search/greedy';
import { paretoFront, type Option } from '../../../src/core/search/knapsack';
import { uniform } from '../../support/random';

type Layers = readonly (readonly Option[])[];

function randomLayers(count: number, seed: number, integers = false): Layers {
  const random = uniform(seed);
  const figure = (): number => (integers ? Math.floor(random() * 6) : random());
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () => ({ cost: figure(), error: figure() })),
  );
}

const sum = (layers: Layers, picks: readonly number[], of: keyof Option): number =>
  layers.reduce((total, options, layer) => total + (options[picks[layer] ?? -1]?.[of] ?? NaN), 0);

/** Every choice there is. */
function* choices(layers: Layers): Iterable<number[]> {
  const [first, ...rest] = layers;
  if (!first) return void (yield []);
  for (const later of choices(rest)) for (const option of first.keys()) yield [option, ...later];
}

const leastErrorWithin = (layers: Layers, budget: number): number =>
  Math.min(
    ...[...choices(layers)]
      .filter((picks) => sum(layers, picks, 'cost') <= budget + 1e-12)
      .map((picks) => sum(layers, picks, 'error')),
  );

describe('paretoFront(layers)', () => {
  it.each([1, 2, 3, 4, 5, 6])('finds what trying every choice finds (seed %i)', (seed) => {
    const layers = randomLayers(6, seed, seed % 2 === 0);
    const front = paretoFront(layers);
    expect(front.isExact).toBe(true);
    for (let i = 0; i < front.length; i++) {
      expect(front.errors[i]).toBeCloseTo(leastErrorWithin(layers, front.costs[i] ?? 0), 12);
    }
    const cheapest = Math.min(...[...choices(layers)].map((picks) => sum(layers, picks, 'cost')));
    expect(front.costs[0]).toBeCloseTo(cheapest, 12);
  });

  it('tells the options that make each point', () => {
    const layers = randomLayers(40, 7);
    const front = paretoFront(layers);
    for (const index of [0, Math.floor(front.length / 2), front.length - 1]) {
      const picks = front.optionsOf(index);
      expect(sum(layers, picks, 'error')).toBeCloseTo(front.errors[index] ?? NaN, 9);
      expect(sum(layers, picks, 'cost')).toBeLessThanOrEqual((front.costs[index] ?? NaN) + 1e-9);
    }
  });

  it('has falling errors and rising costs, without points that another beats', () => {
    const front = paretoFront(randomLayers(12, 8));
    for (let i = 1; i < front.length; i++) {
      expect(front.costs[i]).toBeGreaterThan(front.costs[i - 1] ?? NaN);
      expect(front.errors[i]).toBeLessThan(front.errors[i - 1] ?? NaN);
    }
  });

  it('stays near the optimum, and says so, when there are too many states', () => {
    const layers = randomLayers(60, 9).map((options) => [...options, { cost: 0, error: 1 }]);
    const exact = paretoFront(layers, { mostStates: 4_000_000 });
    const rounded = paretoFront(layers, { mostStates: 400 });
    expect(exact.isExact).toBe(true);
    expect(rounded.isExact).toBe(false);
    const budget = ((exact.costs[0] ?? 0) + (exact.costs.at(-1) ?? 0)) / 2;
    const best = exact.errors[exact.withinCost(budget) ?? -1] ?? NaN;
    const found = rounded.errors[rounded.withinCost(budget) ?? -1] ?? NaN;
    expect(found).toBeGreaterThanOrEqual(best - 1e-12);
    expect(found).toBeLessThan(best * 1.1);
  });

  it('answers budgets and error limits, and says when none fits', () => {
    const front = paretoFront([
      [
        { cost: 4, error: 0 },
        { cost: 1, error: 2 },
      ],
      [
        { cost: 4, error: 0 },
        { cost: 2, error: 1 },
      ],
    ]);
    expect([...front.costs]).toEqual([3, 5, 6, 8]);
    expect([...front.errors]).toEqual([3, 2, 1, 0]);
    expect(front.withinCost(7)).toBe(2);
    expect(front.withinCost(2)).toBeUndefined();
    expect(front.withinError(2.5)).toBe(1);
    expect(front.withinError(-1)).toBeUndefined();
    expect(front.optionsOf(2)).toEqual([0, 1]);
  });

  it.each([[[]], [[{ cost: -1, error: 0 }]], [[{ cost: 1, error: NaN }]]])('refuses %j', (options) => {
    expect(() => paretoFront([options])).toThrow(RangeError);
  });
});

describe('greedyWithin(layers, budget)', () => {
  it.each([11, 12, 13, 14, 15, 16])(
    'never beats the exact solution, and fits, at any budget (seed %i)',
    (seed) => {
      const layers = randomLayers(8, seed, seed % 2 === 0);
      const front = paretoFront(layers);
      for (const budget of front.costs) {
        const picks = greedyWithin(layers, budget) ?? [];
        expect(sum(layers, picks, 'cost')).toBeLessThanOrEqual(budget + 1e-12);
        const best = front.errors[front.withinCost(budget) ?? -1] ?? NaN;
        expect(sum(layers, picks, 'error')).toBeGreaterThanOrEqual(best - 1e-12);
      }
    },
  );

  it('gives nothing when even the cheapest options cost too much', () => {
    expect(greedyWithin([[{ cost: 2, error: 0 }]], 1)).toBeUndefined();
  });
});

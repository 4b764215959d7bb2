import { describe, expect, it } from 'vitest';
import { frontOf, goalBudget, goalErrorLimit, knownCosts, shownCost } from '../../webview/charts/planCosts';
import { bestWithin, parseBudget } from '../../webview/pareto/budget';
import { choose } from '../../webview/pareto/choice';
import { neighbour, PLAN_KEYS } from '../../webview/pareto/planKeys';
import { searchFound, searchPoint, verifiedPlan } from './searchPoints';

describe('parseBudget(text, cost)', () => {
  it.each([
    ['40%', { cost: 'bytes', most: 0.4, ratio: true }],
    [' 12.5 % ', { cost: 'bytes', most: 0.125, ratio: true }],
    ['1.2 MB', { cost: 'bytes', most: 1.2e6, ratio: false }],
    ['1,5mb', { cost: 'bytes', most: 1.5e6, ratio: false }],
    ['1,200,000', { cost: 'bytes', most: 1.2e6, ratio: false }],
    ['800 KiB', { cost: 'bytes', most: 819200, ratio: false }],
    ['3 M', { cost: 'bytes', most: 3e6, ratio: false }],
    ['4096', { cost: 'bytes', most: 4096, ratio: false }],
    ['2.5 ms', { cost: 'latency', most: 2.5, ratio: false }],
    ['0.1 s', { cost: 'latency', most: 100, ratio: false }],
    ['3 Gbops', { cost: 'bops', most: 3e9, ratio: false }],
  ])('reads %j', (text, budget) => {
    const read = parseBudget(text, 'bytes');
    expect(read).toMatchObject({ ...budget, most: expect.closeTo(budget.most, 6) as number });
  });

  it('takes a number without a unit as what the axis shows', () => {
    expect(parseBudget('3 G', 'bops')).toEqual({ cost: 'bops', most: 3e9, ratio: false });
    expect(parseBudget('2', 'floatLayers')).toEqual({ cost: 'floatLayers', most: 2, ratio: false });
    expect(parseBudget('2.5', 'latency')).toEqual({ cost: 'latency', most: 2.5, ratio: false });
  });

  it.each(['abc', '12 parsecs', '%', '1.2.3', '-5', 'MB'])('has a sentence for %j', (text) => {
    expect(parseBudget(text, 'bytes')).toEqual({
      mistake: expect.stringContaining('Write a budget') as string,
    });
  });

  it('knows no share of float layers, and nothing of an empty text', () => {
    expect(parseBudget('40%', 'floatLayers')).toHaveProperty('mistake');
    expect(parseBudget('  ', 'bytes')).toBeNull();
  });
});

describe('bestWithin(points, cost, most)', () => {
  const foretold = [searchPoint(0), searchPoint(1), searchPoint(2)];

  it('is the least error among those that fit, a budget included exactly', () => {
    expect(bestWithin(foretold, 'bytes', 2e6)?.id).toBe(1);
    expect(bestWithin(foretold, 'bytes', 2e6 - 1)?.id).toBe(0);
    expect(bestWithin(foretold, 'bytes', 9e9)?.id).toBe(2);
    expect(bestWithin(foretold, 'bytes', 10)).toBeUndefined();
  });

  it('takes the cheaper of two that are equally good', () => {
    const equal = [searchPoint(2, { predicted: 0.1 }), searchPoint(0, { predicted: 0.1 })];
    expect(bestWithin(equal, 'bytes', 9e9)?.id).toBe(0);
  });

  it('trusts a plan that was run more than one that is only foretold a little better', () => {
    const run = searchPoint(0, { predicted: 0.05, verified: verifiedPlan(0.05, { standardError: 0.02 }) });
    expect(bestWithin([run, searchPoint(1, { predicted: 0.04 })], 'bytes', 9e9)?.id).toBe(0);
    expect(bestWithin([run, searchPoint(1, { predicted: 0.02 })], 'bytes', 9e9)?.id).toBe(1);
  });

  it('counts predictions with the factor by which those that were run were worse', () => {
    const run = searchPoint(0, { predicted: 0.01, verified: verifiedPlan(0.1) });
    // Foretold 0.02, but ten times that is to be expected.
    expect(bestWithin([run, searchPoint(1, { predicted: 0.02 })], 'bytes', 9e9)?.id).toBe(0);
    expect(bestWithin([run, searchPoint(1, { predicted: 0.005 })], 'bytes', 9e9)?.id).toBe(1);
  });
});

describe('choose(found, cost, text)', () => {
  it('draws the goal’s budget while nothing is typed, and leaves the choice to the search', () => {
    expect(choose(searchFound(), 'bytes', '')).toEqual({
      amount: 3.2e6,
      picked: null,
      message: '',
      isMistake: false,
    });
    expect(choose(searchFound(), 'bops', '').amount).toBeNull();
  });

  it('says what a budget chooses, what the least is where nothing fits, and what is not known', () => {
    const found = searchFound();
    expect(choose(found, 'bytes', '25%')).toMatchObject({ amount: 2e6, picked: { id: 1 }, isMistake: false });
    expect(choose(found, 'bytes', '25%').message).toMatch(/^Best within: 2\.00 MB, 25\.0 % of float, KL/);
    expect(choose(found, 'bytes', '10 kB')).toMatchObject({
      picked: null,
      isMistake: true,
      message: 'No plan found is within 10.0 kB; the least file size is 1.00 MB.',
    });
    expect(choose(found, 'bytes', '5 ms').message).toBe('The search did not tell the latency of its plans.');
    expect(choose(found, 'bytes', 'x').message).toContain('Write a budget');
  });

  it('does not draw a budget on an axis of another cost', () => {
    expect(choose(searchFound(), 'bytes', '2 Gbops')).toMatchObject({ amount: null, picked: { id: 1 } });
  });
});

describe('costs and goals', () => {
  it('show what the goal is about unless the user wants another cost that is known', () => {
    const found = searchFound();
    expect(knownCosts(found)).toEqual(['bytes', 'bops', 'floatLayers']);
    expect(shownCost(found, null)).toBe('bytes');
    expect(shownCost(found, 'bops')).toBe('bops');
    expect(shownCost(found, 'latency')).toBe('bytes');
  });

  it('leave out of the front what another plan beats in cost and predicted error', () => {
    const beaten = searchPoint(9, { bytes: 2.5e6, predicted: 0.09, verified: verifiedPlan(0.001) });
    const { points } = searchFound();
    expect(frontOf([beaten, ...points], 'bytes').map(({ id }) => id)).toEqual([0, 1, 2, 3]);
  });

  it('have limits on the axes that they are about', () => {
    const cap = searchFound({
      goal: { kind: 'cap', error: 'sqnr', limit: 30, cost: 'bytes' },
      metric: 'nmse',
    });
    expect(goalErrorLimit(cap)).toBeCloseTo(1e-3);
    expect(goalBudget(cap, 'bytes')).toBeNull();
    expect(goalErrorLimit(searchFound())).toBeNull();
    const drop = searchFound({ goal: { kind: 'cap', error: 'accuracyDrop', limit: 0.01, cost: 'bops' } });
    expect(goalErrorLimit(drop)).toBeNull();
  });
});

describe('neighbour(points, id, by)', () => {
  const { points } = searchFound();
  it('moves along the points and stops at the ends', () => {
    expect(neighbour(points, 1, PLAN_KEYS['ArrowRight'] ?? 0)?.id).toBe(2);
    expect(neighbour(points, 1, PLAN_KEYS['ArrowUp'] ?? 0)?.id).toBe(0);
    expect(neighbour(points, 1, PLAN_KEYS['PageDown'] ?? 0)?.id).toBe(3);
    expect(neighbour(points, 3, PLAN_KEYS['Home'] ?? 0)?.id).toBe(0);
    expect(neighbour(points, null, 1)?.id).toBe(0);
    expect(neighbour([], 1, 1)).toBeUndefined();
  });
});

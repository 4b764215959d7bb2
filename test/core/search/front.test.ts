import { describe, expect, it } from 'vitest';
import { cheapestMeeting } from '../../../src/core/search/capSearch';
import { floatCurvePicks, Front, uniformPicks } from '../../../src/core/search/front';
import { contestedChanges, exchanges, isWrong, rescored } from '../../../src/core/search/rescore';
import {
  errorOf,
  formatsOf,
  optionAt,
  searchLayers,
  totalsOf,
  type Picks,
  type SearchLayer,
} from '../../../src/core/search/searchLayer';
import type { Candidate } from '../../../src/core/results';
import { allPicks } from './sharing';

/** Numbers from 0 to 1, the same on every run (Park and Miller). */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

function randomLayers(seed: number, count: number): SearchLayer[] {
  const next = random(seed);
  return Array.from({ length: count }, (_, at) => {
    const macs = 1 + Math.floor(next() * 1000);
    const options = ['w8a8', 'w4', 'lut16'].slice(0, 1 + Math.floor(next() * 3)).map((text, rank) => ({
      text,
      bytes: -Math.floor(next() * 5000) - 1000 * rank,
      bops: macs * (64 - 8 * rank),
      error: next() * 10 ** (rank - 4),
    }));
    return {
      name: `layer${at}`,
      options: [{ text: 'float', bytes: 0, bops: macs * 1024, error: 0 }, ...options],
    };
  });
}

/** The same, every three of them with one constant, stored once in each format that one of the three has. */
function sharingLayers(seed: number, count: number): SearchLayer[] {
  return randomLayers(seed, count).map((layer, at) => ({
    ...layer,
    options: layer.options.map((option) => {
      const format = ['float', 'w8a8', 'w4', 'lut16'].indexOf(option.text);
      const key = 4 * (at % 2) + format;
      const stored = [{ key, bytes: 8000 / 2 ** format, readers: 3 }];
      return { ...option, bytes: Math.round(option.bytes / 10), stored };
    }),
  }));
}

describe('Front', () => {
  it.each([
    ['on their own', 1, randomLayers(1, 5)],
    ['on their own', 2, randomLayers(2, 5)],
    ['on their own', 3, randomLayers(3, 5)],
    ['sharing constants', 4, sharingLayers(4, 6)],
    ['sharing constants', 5, sharingLayers(5, 6)],
    ['sharing constants', 6, sharingLayers(6, 6)],
  ])('has the best choice within every bytes budget, for layers %s (seed %i)', (_, __, layers) => {
    const front = new Front(layers, 'bytes');
    const every = allPicks(layers).map((picks) => totalsOf(layers, picks));
    for (const { bytes: budget } of every) {
      const best = Math.min(...every.filter(({ bytes }) => bytes <= budget).map(({ error }) => error));
      const found = front.withinCost(budget);
      expect(found).toBeDefined();
      const totals = totalsOf(layers, front.picksAt(found ?? -1));
      expect(totals.bytes).toBeLessThanOrEqual(budget + 1e-6);
      expect(totals.error).toBeCloseTo(best, 12);
    }
    expect(front.withinCost(Math.min(...every.map(({ bytes }) => bytes)) - 1)).toBeUndefined();
  });

  it.each(['bops', 'floatLayers'] as const)('counts %s as its cost', (cost) => {
    const layers = randomLayers(7, 4);
    const front = new Front(layers, cost);
    const every = allPicks(layers).map((picks) => totalsOf(layers, picks));
    const costs = every.map((totals) => totals[cost] ?? NaN);
    for (const budget of costs) {
      const best = Math.min(
        ...every.flatMap(({ error }, at) => ((costs[at] ?? NaN) <= budget ? [error] : [])),
      );
      const { error } = totalsOf(layers, front.picksAt(front.withinCost(budget) ?? -1));
      expect(error).toBeCloseTo(best, 12);
    }
  });

  it('has the cheapest choice within every error, and ends with float', () => {
    const layers = randomLayers(11, 5);
    const front = new Front(layers, 'bytes');
    const every = allPicks(layers).map((picks) => totalsOf(layers, picks));
    for (const { error: limit } of every) {
      const best = Math.min(...every.filter(({ error }) => error <= limit + 1e-15).map(({ bytes }) => bytes));
      const { bytes } = totalsOf(layers, front.picksAt(front.withinError(limit + 1e-15) ?? -1));
      expect(bytes).toBeCloseTo(best, 6);
    }
    expect(front.picksAt(front.length - 1).every((pick) => pick === 0)).toBe(true);
  });

  it('shows itself in points from end to end, with a knee between', () => {
    const front = new Front(randomLayers(3, 40), 'bytes');
    const shown = front.spread(20);
    expect(shown[0]).toBe(0);
    expect(shown.at(-1)).toBe(front.length - 1);
    expect(shown.length).toBeGreaterThan(10);
    expect(shown.length).toBeLessThanOrEqual(22);
    expect(front.knee).toBeGreaterThan(0);
    expect(front.knee).toBeLessThan(front.length - 1);
  });

  it('stays within its memory for thousands of layers, and keeps to budgets', () => {
    const layers = randomLayers(5, 2000);
    const front = new Front(layers, 'bytes');
    expect(front.length).toBeLessThanOrEqual(2 ** 24 / 2000 + 2001);
    const least = layers.reduce(
      (sum, { options }) => sum + Math.min(...options.map(({ bytes }) => bytes)),
      0,
    );
    const found = front.bestWithin(least / 2) ?? [];
    const { bytes } = totalsOf(layers, found);
    expect(found).toHaveLength(2000);
    expect(bytes).toBeLessThanOrEqual(least / 2);
    expect(bytes).toBeGreaterThan(0.51 * least);
  });
});

describe('floatCurvePicks(layers, text)', () => {
  it('keeps the k layers float whose error is greatest', () => {
    const layers = randomLayers(2, 10);
    const curve = floatCurvePicks(layers, 'w8a8');
    expect(curve.map(({ floatLayers }) => floatLayers.length)).toEqual([0, 1, 2, 4, 8, 10]);
    for (const { floatLayers, picks } of curve) {
      const { error } = totalsOf(layers, picks);
      const errors = layers.map((layer) => optionAt(layer, 1).error).sort((a, b) => a - b);
      const least = errors.slice(0, 10 - floatLayers.length).reduce((a, b) => a + b, 0);
      expect(error).toBeCloseTo(least, 12);
      const formats = formatsOf(layers, picks);
      expect(
        layers
          .filter(({ name }) => formats[name] === 'float')
          .map(({ name }) => name)
          .sort(),
      ).toEqual([...floatLayers].sort());
    }
  });

  it('leaves float what cannot have the format', () => {
    const layers = randomLayers(1, 6);
    const picks = uniformPicks(layers, 'lut16');
    for (const [at, layer] of layers.entries()) {
      const has = layer.options.some(({ text }) => text === 'lut16');
      expect(optionAt(layer, picks[at]).text).toBe(has ? 'lut16' : 'float');
    }
  });
});

describe('searchLayers(candidates, costOf, metric)', () => {
  const measured = (scheme: string, parts: Partial<Candidate> = {}): Candidate => ({
    layer: 'a',
    scheme,
    sensitivity: 0.5,
    sqnrDb: 20,
    localSqnrDb: null,
    bytes: 1,
    ...parts,
  });

  it('takes the error in its metric, and leaves out what failed or cannot be', () => {
    const costOf = (_: string, text: string) => (text === 'w4' ? undefined : { bytes: -5, bops: 1 });
    const candidates = [
      measured('w8a8'),
      measured('w4'),
      measured('lut16', { sensitivity: null, error: 'no' }),
    ];
    const [layer] = searchLayers(candidates, costOf, 'kl');
    expect(layer?.options.map(({ text, error }) => [text, error])).toEqual([
      ['float', 0],
      ['w8a8', 0.5],
    ]);
    expect(errorOf(measured('w8a8'), 'nmse')).toBeCloseTo(0.01, 12);
    expect(errorOf(measured('w8a8', { sqnrDb: null }), 'nmse')).toBe(0);
    expect(errorOf(measured('w8a8', { sensitivity: -1e-9 }), 'kl')).toBe(0);
  });
});

describe('rescored(layers, picks, measured, measure)', () => {
  it('finds effects that act on each other, where the sum of single ones is wrong', async () => {
    const layers = randomLayers(9, 6);
    const picks = layers.map(({ options }) => options.length - 1);
    // Together each layer costs three times what it costs alone.
    const measure = async (tried: Picks) => 3 * totalsOf(layers, tried).error;
    const total = await measure(picks);
    expect(isWrong(totalsOf(layers, picks).error, total, 2)).toBe(true);
    const changes = [0, 1, 2].map((at) => ({ at, pick: 0 }));
    const next = await rescored(layers, picks, total, measure, changes);
    expect(totalsOf(next, picks).error).toBeCloseTo(total, 9);
    expect(next.map(({ options }) => options[0]?.error)).toEqual(layers.map(() => 0));
  });

  it('shifts error to the layer that carries it', async () => {
    const layers = randomLayers(4, 4);
    const picks = layers.map(({ options }) => options.length - 1);
    const measure = async (tried: Picks) => (tried[2] === 0 ? 0.001 : 1);
    const changes = picks.map((_, at) => ({ at, pick: 0 }));
    const next = await rescored(layers, picks, 1, measure, changes);
    const errors = next.map((layer, at) => optionAt(layer, picks[at]).error);
    expect(errors).toEqual([0, 0, expect.closeTo(0.999, 9), 0]);
  });

  it('takes measured differences as they are, and leaves out plans that do not run', async () => {
    const layers = randomLayers(9, 6);
    const truth = layers.map(({ options }) => options.map(({ error }, at) => error * (1 + at)));
    const errorOf = (picks: Picks) => picks.reduce((sum, pick, at) => sum + (truth[at]?.[pick] ?? NaN), 0);
    const picks = layers.map(({ options }) => (options.length > 1 ? 1 : 0));
    const changes = layers.flatMap(({ options }, at) =>
      [...options.keys()].flatMap((pick) => (pick === picks[at] ? [] : [{ at, pick }])),
    );
    const measure = async (tried: Picks) => (tried[0] === picks[0] ? errorOf(tried) : undefined);
    const next = await rescored(layers, picks, errorOf(picks), measure, changes);
    for (const [at, layer] of next.entries()) {
      if (at === 0) continue;
      for (const [pick, { error }] of layer.options.entries()) {
        expect(error).toBeCloseTo(truth[at]?.[pick] ?? NaN, 9);
      }
    }
  });

  it('tells wrong sums', () => {
    expect(isWrong(1, 1.9, 2)).toBe(false);
    expect(isWrong(1, 2.1, 2)).toBe(true);
    expect(isWrong(2.1, 1, 2)).toBe(true);
    expect(isWrong(0, 1e-12, 2)).toBe(false);
  });
});

describe('contestedChanges(layers, picks, price, costOf)', () => {
  const option = (text: string, bytes: number, error: number) => ({ text, bytes, bops: 0, error });
  const float = option('float', 0, 0);
  const layers: SearchLayer[] = [
    { name: 'clear', options: [float, option('w8', -50, 1e-6), option('w4', -75, 100)] },
    { name: 'close', options: [float, option('w8', -50, 1), option('w4', -75, 26)] },
  ];

  it('has carriers first, then decisions that are close at the price; what is clear is left out', () => {
    const changes = contestedChanges(layers, [1, 1], 1, ({ bytes }) => bytes);
    expect(changes).toEqual([
      { at: 1, pick: 0 },
      { at: 0, pick: 0 },
      { at: 1, pick: 2 },
      { at: 0, pick: 2 },
    ]);
    const cheap = contestedChanges(layers, [1, 1], 1e-6, ({ bytes }) => bytes);
    expect(cheap).not.toContainEqual({ at: 0, pick: 2 });
  });
});

describe('exchanges(layers, picks, fits)', () => {
  it('gives every plan of at most two changes that fits and gains, the best first', () => {
    const layers = randomLayers(6, 5);
    const picks = layers.map(({ options }) => Math.min(1, options.length - 1));
    const { bytes, error: before } = totalsOf(layers, picks);
    const budget = bytes + 2000;
    const fits = (tried: Picks) => totalsOf(layers, tried).bytes <= budget + 1e-9;
    const found = exchanges(layers, picks, fits);
    const expected = allPicks(layers).filter((tried) => {
      const changed = tried.filter((pick, at) => pick !== picks[at]).length;
      return changed > 0 && changed <= 2 && fits(tried) && totalsOf(layers, tried).error < before;
    });
    // Two gains in one plan are left to the front: what fits together with another gain is worth it alone.
    const keys = new Set(found.map(String));
    const gains = (tried: Picks) =>
      layers.filter((layer, at) => optionAt(layer, tried[at]).error < optionAt(layer, picks[at]).error);
    const isMixed = (tried: Picks) => gains(tried).length === 1;
    expect(found.length).toBeGreaterThan(0);
    expect(keys).toEqual(new Set(expected.filter(isMixed).map(String)));
    const errors = found.map((tried) => totalsOf(layers, tried).error);
    expect(errors).toEqual([...errors].sort((a, b) => a - b));
  });
});

describe('cheapestMeeting(front, limit, verify, most)', () => {
  const errors = Array.from({ length: 1000 }, (_, at) => (at === 999 ? 0 : 2 ** (-at / 50)));
  const front = {
    length: errors.length,
    errorAt: (index: number) => errors[index] ?? Infinity,
    withinError: (most: number) => {
      const found = errors.findIndex((error) => error <= most);
      return found < 0 ? undefined : found;
    },
  };

  it.each([1, 0.2, 5])('finds it when errors are %f times those predicted', async (factor) => {
    let runs = 0;
    const verify = async (index: number) => {
      runs++;
      return { met: factor * front.errorAt(index) <= 0.01, error: factor * front.errorAt(index) };
    };
    const found = await cheapestMeeting(front, 0.01, verify, 8);
    const best = errors.findIndex((error) => factor * error <= 0.01);
    expect(found).toBeGreaterThanOrEqual(best);
    expect(found).toBeLessThanOrEqual(best + 5);
    expect(runs).toBeLessThanOrEqual(8);
  });

  it('halves what is left when only runs tell', async () => {
    const verify = async (index: number) => ({ met: index >= 437, error: 0.5 });
    expect(await cheapestMeeting(front, undefined, verify, 12)).toBe(437);
  });

  it('gives nothing when nothing meets the limit', async () => {
    const verify = async () => ({ met: false, error: Infinity });
    expect(await cheapestMeeting(front, 0.01, verify, 30)).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import type { Crossing } from '../../../src/core/latency/borders';
import type { Conversion, ConversionTime, Domain } from '../../../src/core/latency/conversions';
import { LatencyModel, type LayerTime } from '../../../src/core/latency/latencyModel';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { SearchGoal } from '../../../src/core/searchResults';
import type { LayerFormats } from '../../../src/core/plan/layerFormats';
import type { SearchLayer } from '../../../src/core/search/searchLayer';
import { timeNotes } from '../../../src/core/search/planLatency';
import { SearchRun } from '../../../src/core/search/searchRun';
import { residualBlock } from '../rewrite/models';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const errors: Readonly<Record<string, number>> = { a: 0.3, b: 0.01, c: 0.2, d: 0.02, e: 0.1, f: 0.03 };

/** Six layers in a row, each 1 ms in float and 0.4 ms in 8 bits; a change between them takes 0.25 ms. */
const latency = new LatencyModel(
  6,
  6,
  new Map([
    ['float', timesOf(0, 'plain')],
    ['w8a8', timesOf(-0.6, 'integer')],
  ]),
  names.slice(1).map((name, at): Crossing => ({ from: names[at] ?? '', to: [name], elements: 1, rank: 2 })),
  new Map<Conversion, ConversionTime>([
    ['QuantizeLinear', { fixed: 250, perElement: 0 }],
    ['DequantizeLinear', { fixed: 250, perElement: 0 }],
  ]),
);

function timesOf(extraMs: number, domain: Domain): ReadonlyMap<string, LayerTime> {
  return new Map(names.map((name) => [name, { extraMs, domain }]));
}

const layers: SearchLayer[] = names.map((name) => ({
  name,
  options: ['float', 'w8a8'].map((text) => ({
    text,
    bytes: text === 'float' ? 0 : -75,
    bops: 1,
    error: text === 'float' ? 0 : (errors[name] ?? NaN),
    latencyMs: latency.additiveMs(name, text) ?? NaN,
  })),
}));

const errorOf = (formats: LayerFormats): number =>
  names.reduce((sum, name) => sum + (formats[name] === 'w8a8' ? (errors[name] ?? NaN) : 0), 0);

function foretold(formats: LayerFormats): number {
  return latency.foretold(formats) ?? NaN;
}

function runFor(
  goal: SearchGoal,
  slower = 1,
  parts: { readonly latency?: LatencyModel } = { latency },
): SearchRun {
  const context = {
    model: residualBlock(),
    plan: defaultPlan,
    goal,
    budget: goal.kind === 'budget' ? goal.most : Infinity,
    costs: { of: () => undefined, floatBytes: 1000, otherBops: 0, floatBops: 6, ...parts },
    weightErrors: new Map<string, number>(),
    trials: { measure: async (formats: LayerFormats) => errorOf(formats) },
    verifier: {
      verify: async (formats: LayerFormats) => ({
        slice: 'verify' as const,
        samples: 10,
        bytes: 900,
        latencyMs: slower * foretold(formats),
        error: errorOf(formats),
        standardError: 0,
        sqnrDb: 20,
        agreement: 1,
        accuracy: null,
      }),
    },
    onPoints: () => undefined,
    work: {},
  };
  return new SearchRun(context, layers);
}

async function searched(goal: SearchGoal, slower?: number): Promise<SearchRun> {
  const run = runFor(goal, slower);
  await run.foretell();
  await run.settle();
  await run.verify();
  return run;
}

const budget = (most: number): SearchGoal => ({ kind: 'budget', cost: 'latency', most });

describe('a search within a latency', () => {
  it.each([5.5, 4.5, 3.5, 2.5])('finds a plan of at most %d ms', async (most) => {
    const run = await searched(budget(most));
    expect(run.met).toBe(true);
    expect(run.chosen.latencyMs).toBeLessThanOrEqual(most);
    expect(run.chosen.latencyMs).toBe(foretold(run.chosen.layers));
    // Everything in 8 bits takes 2.4 ms: less error than that must be possible with more time.
    if (most > 3) expect(run.chosen.verified?.error).toBeLessThan(errorOf(allIn('w8a8')));
  });

  it('counts the conversions between neighbours', async () => {
    // The three layers that cost least in 8 bits stand apart: they save 1.8 ms, and lose 1.25 ms between.
    const apart = { b: 'w8a8', d: 'w8a8', f: 'w8a8' };
    expect(foretold({ ...allIn('float'), ...apart })).toBeCloseTo(5.45, 12);
    const { layers: chosen } = (await searched(budget(4.5))).chosen;
    expect(foretold(chosen)).toBeLessThanOrEqual(4.5);
    expect(chosen).not.toEqual({ ...allIn('float'), ...apart });
  });

  it('takes the measured time of plans that were run, foretold times of the others', async () => {
    const run = await searched(budget(4.5), 1.1);
    expect(run.met).toBe(true);
    for (const { latencyMs, verified, layers: formats } of run.told()) {
      expect(latencyMs).toBeCloseTo((verified ? 1.1 : 1) * foretold(formats), 12);
      if (verified && formats === run.chosen.layers) expect(latencyMs).toBeLessThanOrEqual(4.5);
    }
  });

  it('says so when nothing is as fast', async () => {
    const run = await searched(budget(1));
    expect(run.met).toBe(false);
    expect(run.chosen.layers).toEqual(allIn('w8a8'));
  });

  it('finds the fastest plan within a limit of the error', async () => {
    const run = await searched({ kind: 'cap', error: 'kl', limit: 0.2, cost: 'latency' });
    expect(run.met).toBe(true);
    expect(run.chosen.verified?.error).toBeLessThanOrEqual(0.2);
    expect(run.chosen.latencyMs).toBeLessThan(6);
  });

  it('is told to be in vain when the plan is no faster than float', async () => {
    const goal = budget(6);
    const { chosen } = await searched(budget(4.5));
    expect(timeNotes(goal, chosen, 6)).toEqual([]);
    expect(timeNotes(goal, { ...chosen, latencyMs: 6.1 }, 6)).toEqual([expect.stringMatching(/no faster/)]);
    expect(timeNotes({ ...goal, cost: 'bytes' }, { ...chosen, latencyMs: 6.1 }, 6)).toEqual([]);
  });

  it('is refused without times', () => {
    expect(() => runFor(budget(3), 1, {})).toThrow(/cannot be measured with this runtime/);
  });
});

function allIn(text: string): LayerFormats {
  return Object.fromEntries(names.map((name) => [name, text]));
}

import { describe, expect, it } from 'vitest';
import { CancelledError, RoundoffError } from '../../../src/core/errors';
import { simplePlans, smallestFormat } from '../../../src/core/search/simplePlans';
import { formatsOf, totalsOf, type Picks, type SearchLayer } from '../../../src/core/search/searchLayer';
import type { LayerFormats } from '../../../src/core/plan/layerFormats';
import { planKey, TriedPlans, type PlanRun, type TriedPlan } from '../../../src/core/search/triedPlans';
import type { Verified } from '../../../src/core/search/verifyPlans';

const verified: Verified = {
  slice: 'verify',
  samples: 2,
  error: 0.5,
  standardError: 0,
  sqnrDb: 3,
  agreement: 1,
  accuracy: null,
  bytes: 7,
  latencyMs: null,
};

describe('TriedPlans', () => {
  const log: string[] = [];
  const tellsOf = (events: (PlanRun | TriedPlan)[]) => ({
    onTrying: (run: PlanRun) => events.push(run),
    onTried: (plan: TriedPlan) => events.push(plan),
  });
  const runsOf = (measure: (formats: LayerFormats) => Promise<number>) =>
    [{ measure }, { verify: async () => verified }] as const;

  it('runs each plan once, tells it before and after, and counts it', async () => {
    const events: (PlanRun | TriedPlan)[] = [];
    const [trials, verifier] = runsOf(async () => log.push('run'));
    const runs = new TriedPlans(trials, verifier, tellsOf(events));
    expect(await runs.measure({ a: 'w8', b: 'w4' })).toBe(1);
    // The same layers in another order.
    expect(await runs.measure({ b: 'w4', a: 'w8' })).toBe(1);
    expect(await runs.verify({ a: 'w8', b: 'w4' })).toEqual(verified);
    expect(log).toEqual(['run']);
    expect(runs.count).toBe(2);
    const layers = { a: 'w8', b: 'w4' };
    expect(events).toEqual([
      { how: 'simulated', layers },
      { how: 'simulated', layers, error: 1 },
      { how: 'file', layers },
      { how: 'file', layers, verified },
    ]);
  });

  it('goes on from what another told, also through JSON', async () => {
    const events: TriedPlan[] = [];
    const [trials, verifier] = runsOf(async () => 0.25);
    const first = new TriedPlans(trials, verifier, { onTried: (plan) => events.push(plan) });
    await first.measure({ a: 'w8' });
    await first.verify({ a: 'w8' });
    const tried = JSON.parse(JSON.stringify(events)) as TriedPlan[];
    const never = (): Promise<never> => Promise.reject(new Error('ran again'));
    const second = new TriedPlans({ measure: never }, { verify: never }, { tried });
    expect(await second.measure({ a: 'w8' })).toBe(0.25);
    expect(await second.verify({ a: 'w8' })).toEqual(verified);
    await expect(second.measure({ a: 'w4' })).rejects.toThrow('ran again');
  });

  it('keeps failures as failures, and neither cancels nor defects', async () => {
    const events: TriedPlan[] = [];
    let error: Error = new RoundoffError('Not finite.');
    const [, verifier] = runsOf(async () => 0);
    const measure = (): Promise<never> => Promise.reject(error);
    const runs = new TriedPlans({ measure }, verifier, { onTried: (plan) => events.push(plan) });
    await expect(runs.measure({ a: 'w8' })).rejects.toThrow('Not finite.');
    expect(events).toEqual([{ how: 'simulated', layers: { a: 'w8' }, failure: 'Not finite.' }]);
    for (error of [new CancelledError(), new TypeError('defect')]) {
      await expect(runs.measure({ a: 'w4' })).rejects.toBe(error);
    }
    expect(events).toHaveLength(1);
    expect(runs.count).toBe(0);
  });

  it('tells runs of a plan apart', () => {
    const layers = { a: 'w8' };
    expect(planKey({ how: 'file', layers })).not.toBe(planKey({ how: 'simulated', layers }));
  });
});

describe('simplePlans(layers, weightErrors, fit)', () => {
  const option = (text: string, bytes: number, error: number) => ({ text, bytes, bops: 0, error });
  const layers: SearchLayer[] = ['a', 'b', 'c'].map((name) => ({
    name,
    options: [option('float', 0, 0), option('w8', -50, 0.1), option('w4', -75, 1)],
  }));
  const weightErrors = new Map([
    ['a', 1],
    ['b', 3],
    ['c', 2],
  ]);
  /** @param beyond bytes of a file that the sum does not foretell, of plans that have a w8 in them. */
  const within = (most: number, beyond = 0) => {
    const isWithin = (picks: Picks) =>
      totalsOf(layers, picks).bytes + (picks.includes(1) ? beyond : 0) <= most;
    const guess = (near: Picks) => (picks: Picks) =>
      totalsOf(layers, picks).bytes + (near.includes(1) ? beyond : 0) <= most;
    return {
      fits: async (picks: Picks) => isWithin(picks),
      around: async (near: Picks) => guess(near),
    };
  };
  const texts = (plans: readonly Picks[]) =>
    plans.map((picks) => Object.values(formatsOf(layers, picks)).join(' '));

  it('has all that fit, and gives the worst weights more as long as that fits', async () => {
    expect(smallestFormat(layers)).toBe('w4');
    const { uniform, floatEnds, byWeightError } = await simplePlans(layers, weightErrors, within(-200));
    expect(texts(uniform)).toEqual(['w4 w4 w4']);
    expect(texts(floatEnds)).toEqual([]);
    expect(texts(byWeightError)).toEqual(['w4 w8 w4']);
    const roomy = await simplePlans(layers, weightErrors, within(-50));
    expect(texts(roomy.uniform)).toEqual(['w8 w8 w8', 'w4 w4 w4']);
    expect(texts(roomy.floatEnds)).toEqual(['float w8 float', 'float w4 float']);
    expect(texts(roomy.byWeightError)).toEqual(['w8 w8 w8']);
  });

  it('makes the last anew where the file is larger than its layers add up to', async () => {
    const { byWeightError } = await simplePlans(layers, weightErrors, within(-175, 20));
    expect(texts(byWeightError)).toEqual(['w4 w8 w4']);
  });

  it('has none when nothing fits', async () => {
    const none = await simplePlans(layers, weightErrors, within(-1000));
    expect(none).toEqual({ uniform: [], floatEnds: [], byWeightError: [] });
  });
});

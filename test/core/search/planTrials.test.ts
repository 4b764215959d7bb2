/** Whole plans with codes that make up for their errors are measured as the files that `quantizeModel` makes of them. */
import { describe, expect, it } from 'vitest';
import type { LayerFormats } from '../../../src/core/plan/layerFormats';
import { withFormats } from '../../../src/core/plan/layerFormats';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { recoveringAlone, recoverWord, withRecover } from '../../../src/core/plan/recover';
import type { Plan } from '../../../src/core/plan/types';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { scanFormats } from '../../../src/core/scan/formats';
import { prepareScan } from '../../../src/core/scan/prepareScan';
import { compareSample } from '../../../src/core/scan/sampleFigures';
import { figuresError } from '../../../src/core/search/planError';
import { PlanTrials } from '../../../src/core/search/planTrials';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { model, node, samples, weights } from '../rewrite/models';

const three = model(
  [
    node('MatMul', 'first', ['x', 'u'], ['a']),
    node('Relu', 'relu', ['a'], ['b']),
    node('MatMul', 'second', ['b', 'v'], ['c']),
    node('MatMul', 'third', ['c', 'w'], ['y']),
  ],
  [weights('u', [8, 8], 1), weights('v', [8, 8], 2), weights('w', [8, 4], 3)],
  [16, 8],
);
// Their elements are above zero, so that errors of weights can make up for each other.
const all = samples([16, 8], 24, { from: 0 }).map((feeds, index) => ({ index, feeds }));
const slices = {
  calibrate: sliceOf('calibrate', all.slice(0, 16)),
  scan: sliceOf('scan', all.slice(16)),
};
const outputs = [{ name: 'y', kind: 'values' }] as const;
/** A search has no say about `first`. */
const fixed: Plan = { ...defaultPlan, layers: { first: { scheme: 'u2' } } };
const compensating = recoveringAlone(withRecover(fixed, ['gptq', 'bias']));
const searched = ['second', 'third'];

async function measured(plan: Plan, formats: LayerFormats): Promise<number> {
  const tried = scanFormats(['u3'], { recover: recoverWord(plan) });
  const ready = await prepareScan(three, plan, tried, searched);
  const options = { outputs, metric: 'nmse', formats: new Map([['u3', searched]]) } as const;
  const trials = await PlanTrials.open(runtime, ready, plan, slices, options, {});
  try {
    return await trials.measure(formats);
  } finally {
    await trials.close();
  }
}

/** Of the file, on the same samples. */
async function errorOfFile(plan: Plan, formats: LayerFormats): Promise<number> {
  const source = { runtime, slice: slices.calibrate };
  const written = await quantizeModel(three, withFormats(plan, formats), source);
  const float = await runtime.openModel(three, { optimization: 'simulate' });
  const trial = await runtime.openModel(written.model, { optimization: 'simulate' });
  const figures = [];
  for (const { feeds } of all) {
    figures.push({ ...compareSample(outputs, await float.run(feeds), await trial.run(feeds)), local: null });
  }
  await float.release();
  await trial.release();
  return figuresError(figures, 'nmse').error;
}

describe('PlanTrials', () => {
  it('compensates layers that the search leaves as the plan has them', async () => {
    const formats = { second: 'float', third: 'float' };
    const error = await measured(compensating, formats);
    const expected = await errorOfFile(compensating, formats);
    expect(Math.abs(error - expected)).toBeLessThan(1e-3 * expected);
    expect(error).toBeLessThan(0.9 * (await measured(fixed, formats)));
  });

  it('measures plans of searched and fixed layers as they would be written', async () => {
    const formats = { second: 'u3', third: 'float' };
    const expected = await errorOfFile(compensating, formats);
    expect(Math.abs((await measured(compensating, formats)) - expected)).toBeLessThan(1e-3 * expected);
  });
});

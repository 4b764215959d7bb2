import { describe, expect, it } from 'vitest';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Sample } from '../../../src/core/ports';
import { scan } from '../../../src/core/scan/scan';
import { checkGoal } from '../../../src/core/search/checkGoal';
import { MemoryCache } from '../../support/memoryCache';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { model, node, samples, weights } from '../rewrite/models';

const classifier = model([node('MatMul', 'only', ['x', 'w'], ['y'])], [weights('w', [8, 4])], [1, 8]);
const outputs = [{ name: 'y', kind: 'logits', classAxis: 1 }] as const;
const labelled = (label: Sample['label']): Sample[] =>
  samples([1, 8], 6).map((feeds, index) => ({ index, feeds, ...(label !== undefined && { label }) }));
const three = Int32Array.of(0, 1, 2);
const misfit =
  'The labels in bad.npz do not fit the model: sample 0 has 3 labels, and the output "y" of shape [1, 4] gives 1 prediction for it.';

describe('labels that do not fit', () => {
  const scanned = (label: Sample['label'], metric: 'kl' | 'accuracy', cache?: MemoryCache) => {
    const slice = { ...sliceOf('scan', labelled(label)), source: 'bad.npz' };
    const options = { outputs, schemes: ['w8'], metric, ...(cache && { cache }) };
    return scan(runtime, classifier, defaultPlan, { calibrate: slice, scan: slice }, options);
  };

  it('end a scan by accuracy in one sentence, whether figures are known or not', async () => {
    await expect(scanned(three, 'accuracy')).rejects.toThrow(misfit);
    const cache = new MemoryCache();
    expect((await scanned(three, 'kl', cache)).candidates[0]).toMatchObject({ accuracy: null });
    await expect(scanned(three, 'accuracy', cache)).rejects.toThrow(misfit);
    await expect(scanned(undefined, 'accuracy')).rejects.toThrow(/needs labels/);
    expect((await scanned(2, 'accuracy')).candidates[0]).not.toHaveProperty('error');
  });

  it('are told of a limit of accuracy before a search, and of no other', async () => {
    const goal = { kind: 'cap', error: 'accuracyDrop', limit: 0.01, cost: 'bytes' } as const;
    const check = (label: Sample['label'], other: Partial<{ error: 'kl' }> = {}) => {
      const slice = { ...sliceOf('verify', labelled(label)), source: 'bad.npz' };
      return checkGoal(runtime, classifier, { ...goal, ...other }, outputs, slice, {});
    };
    await expect(check(three)).rejects.toThrow(misfit);
    await expect(check(undefined)).rejects.toThrow(/limit of accuracy needs labels/);
    await expect(check(2)).resolves.toBeUndefined();
    await expect(check(three, { error: 'kl' })).resolves.toBeUndefined();
    const values = [{ name: 'y', kind: 'values' }] as const;
    const empty = sliceOf('verify', []);
    await expect(checkGoal(runtime, classifier, goal, values, empty, {})).rejects.toThrow(/no output with/);
    await expect(checkGoal(runtime, classifier, goal, outputs, empty, {})).rejects.toThrow(/no samples left/);
  });
});

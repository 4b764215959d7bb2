import { describe, expect, it } from 'vitest';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { scan, type ScanOptions } from '../../../src/core/scan/scan';
import { MemoryCache } from '../../support/memoryCache';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { model, node, samples, weights } from '../rewrite/models';

const chain = model(
  [
    node('Gemm', 'first', ['x', 'w1'], ['a']),
    node('Gemm', 'second', ['a', 'w2'], ['b']),
    node('Gemm', 'third', ['b', 'w3'], ['y']),
  ],
  [weights('w1', [8, 8]), weights('w2', [8, 8], 2), weights('w3', [8, 8], 3)],
  [5, 8],
);
const all = samples([5, 8], 12).map((feeds, index) => ({ index, feeds }));
const slices = { calibrate: sliceOf('calibrate', all.slice(0, 8)), scan: sliceOf('scan', all.slice(8)) };

// Whether its output is rounded hangs on what reads it: the trial must not ask which layers are scanned with it.
describe.each(['max', 'auto'] as const)('a layer that is scanned alone (ranges: %s)', (activationRange) => {
  const scanned = (options: Partial<ScanOptions>) =>
    scan(runtime, chain, { ...defaultPlan, activationRange }, slices, {
      outputs: [{ name: 'y', kind: 'values' }],
      schemes: ['w8a8', 'w8'],
      ...options,
    });

  it('has the figures that it has among all', async () => {
    const alone = await scanned({ layers: ['second'] });
    const among = await scanned({});
    expect(among.candidates.filter(({ layer }) => layer === 'second')).toEqual(alone.candidates);
  });

  it('leaves figures in the cache that a scan of all layers can take, and the other way round', async () => {
    const cache = new MemoryCache();
    await scanned({ layers: ['second'], cache });
    const afterwards = await scanned({ cache });
    expect(afterwards.candidates).toEqual((await scanned({})).candidates);
    expect(afterwards.trials).toBe(2 * 2 * 4);
    expect((await scanned({ layers: ['third'], cache })).trials).toBe(0);
  });
});

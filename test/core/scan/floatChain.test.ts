import { afterEach, describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import type { NodeRef } from '../../../src/core/graph/types';
import type { Feeds } from '../../../src/core/ports';
import { runBaseline } from '../../../src/core/scan/baseline';
import { FloatChain } from '../../../src/core/scan/floatChain';
import { cutOf } from '../../../src/core/scan/keptValues';
import { cutIntoSegments } from '../../../src/core/scan/segments';
import { valuesBehind } from '../../../src/core/graph/suffix';
import { runtime } from '../../support/runtime';
import { conv, image, model, node, samples, weights } from '../rewrite/models';

/** A U: the first result is read again at the end. Weights so large that every border pays. */
const wide = 512;
const u = model(
  [
    conv('down', ['x', 'w0'], 'a'),
    node('Relu', 'relu', ['a'], ['b']),
    conv('deep', ['b', 'w1'], 'c'),
    conv('deeper', ['c', 'w2'], 'd'),
    node('Concat', 'join', ['b', 'd'], ['e'], { axis: { int: 1 } }),
    conv('up', ['e', 'w3'], 'y', 1),
    node('Neg', 'side', ['c'], ['z']),
  ],
  [
    weights('w0', [wide, 3, 3, 3], 1),
    weights('w1', [wide, wide, 3, 3], 2),
    weights('w2', [wide, wide, 3, 3], 3),
    weights('w3', [2, 2 * wide, 1, 1], 4),
  ],
  image,
  ['y', 'z'],
);
const index = indexGraph(u);
const named = (name: string): NodeRef => {
  const ref = index.nodeNamed(name);
  if (!ref) throw new Error(`no ${name}`);
  return ref;
};
const unitEnds = ['relu', 'deep', 'deeper', 'up'].map(named);
const outputs = ['y', 'z'];
const bytesOf = (value: string): number | undefined => ('abcde'.includes(value) ? 1000 : undefined);
const plan = { outputs, unitEnds, formats: 4, runs: 1 };

describe('cutIntoSegments(index, plan)', () => {
  it('gives each segment what it reads from before, and hands on what is read behind', () => {
    const { all, valuesBefore } = cutIntoSegments(index, { ...plan, bytesOf });
    expect(all.length).toBeGreaterThan(2);
    const last = all.at(-1);
    expect(last?.reads).toContain('b');
    expect(last?.gives).toContain('y');
    for (const [at, { reads, start }] of all.entries()) {
      expect(valuesBefore(at)).toEqual(expect.arrayContaining([...reads]));
      expect(start > 0 || reads.length === 0).toBe(true);
    }
    const given = all.flatMap(({ gives }) => gives);
    expect(new Set(given).size).toBe(given.length);
    expect(valuesBefore(all.length).toSorted()).toEqual(outputs);
  });

  it('lets no border part a value that is not kept', () => {
    const withoutC = (value: string) => (value === 'c' ? undefined : bytesOf(value));
    const { all, positions } = cutIntoSegments(index, { ...plan, bytesOf: withoutC });
    const between = [named('deep'), named('deeper'), named('side')].map((ref) => positions.get(ref) ?? -1);
    for (const { start } of all.slice(1)) {
      expect(start <= Math.min(...between) || start > Math.max(...between)).toBe(true);
    }
    expect(cutIntoSegments(index, { ...plan, bytesOf: () => undefined }).all).toHaveLength(1);
  });
});

describe('FloatChain', () => {
  let chain: FloatChain | undefined;
  afterEach(() => chain?.release());

  it('computes the outputs from what a layer gave, as the whole model does', async () => {
    const layers = ['down', 'deep', 'deeper', 'up'].map(named);
    const cuts = layers.flatMap((ref) => cutOf(index, { ref }) ?? []);
    const held = samples(image, 3).map((feeds) => ({ feeds, id: '' }));
    const baseline = await runBaseline(runtime, u, held, { outputs, cuts, locals: ['b', 'c', 'd'] }, {});
    chain = new FloatChain(runtime, index, baseline, { outputs, unitEnds, formats: 4 });
    expect(chain.length).toBeGreaterThan(2);

    const [batch] = baseline.batches;
    if (!batch) throw new Error('no batch');
    const from = chain.segmentBehind([named('down'), named('relu')]);
    expect(from).toBeLessThan(chain.length);
    expect(chain.segmentBehind([named('up')])).toBe(chain.length);
    const behind = valuesBehind(index, [named('down')]);
    const made = await chain.run(from, [batch.values, batch.feeds], behind);
    const expected = (name: string): number[] =>
      batch.outputs.flatMap((each: Feeds) => Array.from(each[name]?.data as Float32Array));
    for (const name of outputs) {
      const given = Array.from(made[name]?.data as Float32Array);
      expect(given).toHaveLength(expected(name).length);
      for (const [at, value] of expected(name).entries()) expect(given[at]).toBeCloseTo(value, 3);
    }
    // Nothing changes: nothing runs.
    expect(await chain.run(from, [], new Set())).toEqual({});
  });
});

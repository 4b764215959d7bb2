import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/core/errors';
import { computeHere } from '../../../src/core/recover/compute';
import { factorLayer } from '../../../src/core/recover/factor';
import { roundGptq } from '../../../src/core/recover/gptq';
import { ThreadCompute } from '../../../src/engine/compute/threadCompute';
import { InternalError } from '../../../src/engine/engineErrors';
import { integerGrid, madeLayer } from '../../core/recover/layers';
import { bundlePrograms } from '../support/bundle';

let bundles: string;
const opened: ThreadCompute[] = [];

beforeAll(async () => {
  bundles = await bundlePrograms({ computeWorker: 'src/engine/compute/computeWorker.ts' });
});
afterEach(async () => {
  for (const compute of opened.splice(0)) await compute.close();
});
afterAll(() => rmSync(bundles, { recursive: true }));

function open(threads: number, workerPath = join(bundles, 'computeWorker.mjs')): ThreadCompute {
  const compute = new ThreadCompute({ threads, workerPath });
  opened.push(compute);
  return compute;
}

/** c on the diagonal, 1 elsewhere; shared. */
function matrixOf(size: number, c: number): Float64Array {
  const matrix = new Float64Array(new SharedArrayBuffer(8 * size * size)).fill(1);
  for (let k = 0; k < size; k++) matrix[k * (size + 1)] = c;
  return matrix;
}

describe('ThreadCompute', () => {
  it('works on shared arrays, more jobs than threads', async () => {
    const compute = open(2);
    const matrices = [4, 9, 16, 25, 0].map((c) => matrixOf(1, c));
    const done = matrices.map((matrix) => compute.run('cholesky', { matrix, size: 1 }));
    expect(await Promise.all(done)).toEqual([true, true, true, true, false]);
    expect(matrices.slice(0, 4).map(([value]) => value)).toEqual([2, 3, 4, 5]);
  });

  it('rounds a layer to the same codes as the caller’s thread', async () => {
    const { view, weights, moments } = madeLayer(2, 40, 260, 60, 3);
    const grid = integerGrid(weights, 260, 4);
    const roundWith = async (compute: typeof computeHere): Promise<Int16Array> =>
      roundGptq(weights, view, grid, await factorLayer(moments, {}, compute), compute);
    expect(await roundWith(open(2))).toEqual(await roundWith(computeHere));
  });

  it('ends a job that is cancelled, drops those that wait, and goes on', async () => {
    const compute = open(1);
    const signal = { aborted: false };
    const size = 3000;
    const started = performance.now();
    const long = compute.run('cholesky', { matrix: matrixOf(size, 2), size }, { signal });
    const waiting = compute.run('cholesky', { matrix: matrixOf(1, 4), size: 1 }, { signal });
    const other = compute.run('cholesky', { matrix: matrixOf(1, 4), size: 1 });
    setTimeout(() => (signal.aborted = true), 100);
    await Promise.all([long, waiting].map((job) => expect(job).rejects.toThrow(CancelledError)));
    expect(await other).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(100);
  });

  it('says when a job or its thread fails, and works again', async () => {
    const compute = open(1);
    const matrix = undefined as unknown as Float64Array;
    await expect(compute.run('cholesky', { matrix, size: 2 })).rejects.toThrow(InternalError);
    expect(await compute.run('cholesky', { matrix: matrixOf(2, 4), size: 2 })).toBe(true);
    const missing = open(1, join(bundles, 'missing.mjs'));
    await expect(missing.run('cholesky', { matrix: matrixOf(2, 4), size: 2 })).rejects.toThrow(
      /computing thread/,
    );
  });

  it('gives memory anew that was given back, the smallest that suffices', () => {
    const compute = open(1);
    const [small, large] = [compute.take(10), compute.take(100)];
    compute.give(compute.take(1000));
    compute.give(large);
    compute.give(small);
    expect(compute.take(9).buffer).toBe(small.buffer);
    const next = compute.take(9);
    expect([next.buffer, next.length]).toEqual([large.buffer, 9]);
    expect(compute.take(9).buffer).not.toBe(large.buffer);
  });

  it('rejects what is under way when it is closed', async () => {
    const compute = open(1);
    const size = 2000;
    const long = compute.run('cholesky', { matrix: matrixOf(size, 2), size });
    const waiting = compute.run('cholesky', { matrix: matrixOf(1, 4), size: 1 });
    const both = Promise.allSettled([long, waiting]);
    await compute.close();
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

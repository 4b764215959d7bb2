import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/core/errors';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Model } from '../../../src/core/onnx/types';
import type { Runtime } from '../../../src/core/ports';
import { OutputJudge } from '../../../src/core/recover/outputJudge';
import { addToBiases } from '../../../src/core/rewrite/addToBiases';
import { GraphChanges } from '../../../src/core/rewrite/graphChanges';
import { replaceOperand } from '../../../src/core/rewrite/ownConstant';
import { run } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { conv, image, model, node, residualBlock, samples, weights } from '../rewrite/models';

/** Counts what is opened and run; `alive` sessions are not released yet. */
interface Counts {
  readonly runtime: Runtime;
  readonly opened: string[][];
  alive: number;
  runs: number;
}

function counting(): Counts {
  const counts: Counts = {
    opened: [],
    alive: 0,
    runs: 0,
    runtime: {
      version: runtime.version,
      async openModel(opened, options) {
        const session = await runtime.openModel(opened, options);
        counts.opened.push((opened.graph?.node ?? []).map(({ name }) => name));
        counts.alive++;
        return {
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          run: (feeds, fetches) => (counts.runs++, session.run(feeds, fetches)),
          release: () => (counts.alive--, session.release()),
        };
      },
    },
  };
  return counts;
}

async function judgeOf(float: Model, by: Runtime): Promise<OutputJudge> {
  const judged = await Promise.all(
    samples(image, 5).map(async (feeds) => {
      const outputs = Object.entries(await run(float, feeds)).map(
        ([name, values]) =>
          [name, { type: 'float32' as const, dims: image, data: Float32Array.from(values) }] as const,
      );
      return { feeds, outputs: Object.fromEntries(outputs) };
    }),
  );
  return new OutputJudge(by, judged);
}

function withWeights(before: Model, layer: string, seed: number): Model {
  const index = indexGraph(before);
  const ref = index.nodeNamed(layer);
  if (!ref) throw new Error(layer);
  const changes = new GraphChanges(before);
  replaceOperand(index, changes, ref, 1, (name) => {
    const known = before.graph?.initializer.find((tensor) => tensor.name === ref.node.input[1]);
    return { ...weights(name, known?.dims ?? [], seed) };
  });
  return changes.apply();
}

describe('OutputJudge', () => {
  const float = residualBlock();
  const before = withWeights(float, 'stem', 11);

  it.each(['stem', 'left', 'right'])(
    'tells of versions of %s what their whole models give',
    async (layer) => {
      const counts = counting();
      const judge = await judgeOf(float, counts.runtime);
      const behind = judge.behind(before, [layer]);
      const bias = new Map([[layer, Float32Array.of(0.2, -0.1, 0.3, 0.1)]]);
      const versions = [21, 22, 23].map((seed) => withWeights(before, layer, seed));
      versions.push(...versions.map((version) => addToBiases(version, bias)));
      for (const version of versions) {
        const whole = await judge.error(version);
        expect(whole).toBeGreaterThan(0);
        expect(Math.abs((await behind.error(version)) / whole - 1)).toBeLessThan(1e-5);
      }
      await behind.release();
      expect(counts.alive).toBe(0);
    },
  );

  it('runs what lies before the layer once, and opens what lies behind it once', async () => {
    const counts = counting();
    const judge = await judgeOf(float, counts.runtime);
    const behind = judge.behind(before, ['left']);
    for (const seed of [31, 32, 33]) await behind.error(withWeights(before, 'left', seed));
    expect(counts.opened).toEqual([
      ['stem', 'stem_relu'],
      ['left', 'left_relu', 'right', 'add', 'add_relu'],
    ]);
    expect(counts.runs).toBe(5 + 3 * 5);
    await behind.release();
    expect(counts.alive).toBe(0);
  });

  it('keeps outputs that the layer does not change, also one that it reads', async () => {
    const two = model(
      [
        conv('stem', ['x', 'w0'], 'middle'),
        conv('side', ['middle', 'w2'], 'apart'),
        conv('left', ['middle', 'w1'], 'y'),
      ],
      [weights('w0', [3, 3, 3, 3], 1), weights('w1', [3, 3, 3, 3], 2), weights('w2', [3, 3, 3, 3], 3)],
      image,
      ['middle', 'apart', 'y'],
    );
    const judge = await judgeOf(two, runtime);
    const behind = judge.behind(two, ['left']);
    const version = withWeights(two, 'left', 41);
    expect(Math.abs((await behind.error(version)) / (await judge.error(version)) - 1)).toBeLessThan(1e-5);
    await behind.release();
  });

  it('runs whole models where what lies between cannot be kept', async () => {
    const integers = model(
      [
        conv('stem', ['x', 'w0'], 'stem_out'),
        node('Cast', 'whole', ['stem_out'], ['rounded'], { to: { int: 7 } }),
        node('Cast', 'again', ['rounded'], ['numbers'], { to: { int: 1 } }),
        conv('left', ['x', 'w1'], 'left_out'),
        node('Cast', 'other', ['left_out'], ['left_rounded'], { to: { int: 7 } }),
        node('Add', 'add', ['rounded', 'left_rounded'], ['sum']),
        node('Cast', 'last', ['sum'], ['y'], { to: { int: 1 } }),
      ],
      [weights('w0', [3, 3, 3, 3], 1), floatTensor('w1', new Float32Array(81).fill(0.3), [3, 3, 3, 3])],
      image,
    );
    const counts = counting();
    const judge = await judgeOf(integers, counts.runtime);
    const behind = judge.behind(integers, ['left']);
    const version = withWeights(integers, 'left', 51);
    expect(await behind.error(version)).toBe(await judge.error(version));
    await behind.release();
    expect(counts.alive).toBe(0);
  });

  it('says infinite of a version that is not finite, and stops when it is cancelled', async () => {
    const counts = counting();
    const judge = await judgeOf(float, counts.runtime);
    const behind = judge.behind(before, ['left']);
    const infinite = addToBiases(before, new Map([['left', new Float32Array(4).fill(Infinity)]]));
    expect(await behind.error(infinite)).toBe(Infinity);
    const signal = { aborted: true };
    await expect(behind.error(withWeights(before, 'left', 61), { signal })).rejects.toThrow(CancelledError);
    await behind.release();
    const other = judge.behind(before, ['right']);
    await expect(other.error(withWeights(before, 'right', 61), { signal })).rejects.toThrow(CancelledError);
    await other.release();
    expect(counts.alive).toBe(0);
  });
});
